package main

import (
	"io"
	"maps"
	"net/http"
	"slices"

	"github.com/hashicorp/go-hclog"
	kubeauth "github.com/hashicorp/vault-plugin-auth-kubernetes"
	"github.com/hashicorp/vault/audit"
	"github.com/hashicorp/vault/builtin/credential/approle"
	vaulthttp "github.com/hashicorp/vault/http"
	"github.com/hashicorp/vault/internalshared/configutil"
	"github.com/hashicorp/vault/sdk/helper/consts"
	"github.com/hashicorp/vault/sdk/logical"
	"github.com/hashicorp/vault/sdk/physical/inmem"
	"github.com/hashicorp/vault/vault"
)

// methods are the available auth methods: the one that the lab is about, and another that a fault mounts in its place.
var methods = map[string]logical.Factory{"kubernetes": kubeauth.Factory, "approle": approle.Factory}

// newCore returns an uninitialized, sealed core.
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
		CredentialBackends: methods,
		AuditBackends:      map[string]audit.Factory{"file": audit.NewFileBackend, "socket": audit.NewSocketBackend},
		BuiltinRegistry:    registry{},
	})
}

// newHandler needs the listener's address because Vault's handler dereferences the listener's configuration.
func newHandler(core *vault.Core, address string) http.Handler {
	return vaulthttp.Handler.Handler(&vault.HandlerProperties{
		Core:           core,
		ListenerConfig: &configutil.Listener{Address: address},
	})
}

// A registry contains the auth methods. Vault looks up a plugin here before it enables a mount of its type.
type registry struct{}

func (registry) Contains(name string, kind consts.PluginType) bool {
	return methods[name] != nil && kind == consts.PluginTypeCredential
}

func (r registry) Get(name string, kind consts.PluginType) (func() (any, error), bool) {
	return func() (any, error) { return methods[name], nil }, r.Contains(name, kind)
}

func (registry) Keys(kind consts.PluginType) []string {
	if kind != consts.PluginTypeCredential {
		return nil
	}
	return slices.Sorted(maps.Keys(methods))
}

func (r registry) DeprecationStatus(name string, kind consts.PluginType) (consts.DeprecationStatus, bool) {
	return consts.Supported, r.Contains(name, kind)
}

func (registry) IsBuiltinEntPlugin(string, consts.PluginType) bool { return false }
