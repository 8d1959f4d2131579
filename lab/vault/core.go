package main

import (
	"io"
	"net/http"

	"github.com/hashicorp/go-hclog"
	kubeauth "github.com/hashicorp/vault-plugin-auth-kubernetes"
	"github.com/hashicorp/vault/audit"
	vaulthttp "github.com/hashicorp/vault/http"
	"github.com/hashicorp/vault/internalshared/configutil"
	"github.com/hashicorp/vault/sdk/helper/consts"
	"github.com/hashicorp/vault/sdk/logical"
	"github.com/hashicorp/vault/sdk/physical/inmem"
	"github.com/hashicorp/vault/vault"
)

const kubernetes = "kubernetes"

// newCore returns an uninitialised, sealed core.
func newCore(logs io.Writer) (*vault.Core, error) {
	logger := hclog.New(&hclog.LoggerOptions{Level: hclog.Debug, Output: logs})
	storage, err := inmem.NewInmem(nil, logger.Named("storage"))
	if err != nil {
		return nil, err
	}
	return vault.NewCore(&vault.CoreConfig{
		Physical:           storage,
		StorageType:        "inmem",
		DisableMlock:       true,
		Logger:             logger,
		LogLevel:           "debug",
		CredentialBackends: map[string]logical.Factory{kubernetes: kubeauth.Factory},
		AuditBackends:      map[string]audit.Factory{"file": audit.NewFileBackend},
		BuiltinRegistry:    registry{},
	})
}

// newHandler needs the listener's address because the real handler dereferences its listener's configuration.
func newHandler(core *vault.Core, address string) http.Handler {
	return vaulthttp.Handler.Handler(&vault.HandlerProperties{
		Core:           core,
		ListenerConfig: &configutil.Listener{Address: address},
	})
}

// registry knows the one plugin of the lab. Vault looks a plugin up here before it enables a mount of its type.
type registry struct{}

func (registry) Contains(name string, kind consts.PluginType) bool {
	return name == kubernetes && kind == consts.PluginTypeCredential
}

func (r registry) Get(name string, kind consts.PluginType) (func() (any, error), bool) {
	return func() (any, error) { return kubeauth.Factory, nil }, r.Contains(name, kind)
}

func (r registry) Keys(kind consts.PluginType) []string {
	if !r.Contains(kubernetes, kind) {
		return nil
	}
	return []string{kubernetes}
}

func (r registry) DeprecationStatus(name string, kind consts.PluginType) (consts.DeprecationStatus, bool) {
	return consts.Supported, r.Contains(name, kind)
}

func (registry) IsBuiltinEntPlugin(string, consts.PluginType) bool { return false }
