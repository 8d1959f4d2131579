package main

import (
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"slices"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/vault/audit"
	"github.com/hashicorp/vault/builtin/credential/approle"
	vaulthttp "github.com/hashicorp/vault/http"
	"github.com/hashicorp/vault/internalshared/configutil"
	"github.com/hashicorp/vault/physical/raft"
	"github.com/hashicorp/vault/sdk/helper/consts"
	"github.com/hashicorp/vault/sdk/logical"
	"github.com/hashicorp/vault/sdk/physical"
	"github.com/hashicorp/vault/sdk/physical/inmem"
	"github.com/hashicorp/vault/vault"
)

// methods are the available auth methods: the one that the lab is about, and another that a fault mounts in its place.
var methods = map[string]logical.Factory{"kubernetes": newKubernetes, "approle": approle.Factory}

// newCore returns a sealed core. With storage in memory it is uninitialized.
func newCore(logs io.Writer, o options) (*vault.Core, error) {
	logger := hclog.NewInterceptLogger(&hclog.LoggerOptions{Level: hclog.Debug, Output: logs})
	config := &vault.CoreConfig{
		DisableMlock:       true,
		Logger:             logger,
		LogLevel:           "debug",
		CredentialBackends: methods,
		AuditBackends:      map[string]audit.Factory{"file": audit.NewFileBackend, "socket": audit.NewSocketBackend},
		BuiltinRegistry:    registry{},
	}
	if err := o.storage(config); err != nil {
		return nil, err
	}
	core, err := vault.NewCore(config)
	if err != nil {
		return nil, err
	}
	return core, o.joinable(core)
}

// storage sets the storage of config: memory, or raft for a node of a cluster.
func (o options) storage(config *vault.CoreConfig) (err error) {
	logger := config.Logger.Named("storage")
	if o.raft == "" {
		config.StorageType = "inmem"
		config.Physical, err = inmem.NewInmem(nil, logger)
		return err
	}
	// With Vault's defaults, elections take three times as long, and new nodes are made voters after 20 s.
	settings := map[string]string{
		"path": o.raft, "node_id": o.node, "performance_multiplier": "1",
		"autopilot_reconcile_interval": "1s", "autopilot_update_interval": "1s",
	}
	config.StorageType = "raft"
	if config.Physical, err = raft.NewRaftBackend(settings, logger); err != nil {
		return fmt.Errorf("opening the raft storage: %w", err)
	}
	config.HAPhysical = config.Physical.(physical.HABackend)
	config.RedirectAddr, config.ClusterAddr = "https://"+o.listen, "https://"+o.cluster
	return nil
}

// joinable makes the core of a cluster's node listen on its cluster address when it is unsealed. Standbys forward
// requests there.
func (o options) joinable(core *vault.Core) error {
	if o.raft == "" {
		return nil
	}
	address, err := net.ResolveTCPAddr("tcp", o.cluster)
	if err != nil {
		return err
	}
	core.SetClusterListenerAddrs([]*net.TCPAddr{address})
	core.SetClusterHandler(newHandler(core, o.cluster))
	return nil
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
