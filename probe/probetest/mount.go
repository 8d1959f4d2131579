package probetest

import (
	"cmp"
	"encoding/json"
	"maps"
	"strings"
	"time"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/lab"
)

// Mount is one auth mount with its configuration.
type Mount struct {
	// Type is the name of another auth method; empty means kubernetes.
	Type string
	// Config is nil if none was written.
	Config *Config
	Roles  map[string]Role
	// MFA requires a second factor for every login.
	MFA bool
	// CanaryReads lets the tokens of logins read the config, in addition to [ReaderToken].
	CanaryReads bool
	// Patience is the plugin's timeout for a connection; 0 means [pluginPatience].
	Patience time.Duration
	// PooledCA is the CA that verified a connection to Kubernetes that is still open. Vault
	// continues to use that connection, whatever CA the config has now. Empty means that
	// none is open.
	PooledCA string
	// Proxy is the URL of the proxy in Vault's environment; empty means none.
	Proxy string

	plugin lab.Installation
}

// Config is auth/<mount>/config.
type Config struct {
	Host, CACert, ReviewerJWT string
	// LocalJWT and LocalCA are the token and the CA of Vault's pod, which count where the
	// config has none, unless DisableLocalCA. Empty means that Vault runs in no pod.
	LocalJWT, LocalCA                    string
	PEMKeys                              []string
	Issuer                               string
	DisableISSValidation, DisableLocalCA bool
	Annotations                          bool
}

// Role is auth/<mount>/role/<role>.
type Role struct {
	Names, Namespaces []string
	// Selector is labels that admit a namespace, in addition to Namespaces.
	Selector map[string]string
	Audience string
	// AliasByName makes namespace/name of the service account the alias of its entity,
	// instead of its UID.
	AliasByName     bool
	CIDRs           []string
	Policies        []string
	NoDefaultPolicy bool
	Batch           bool
	Uses            int // of a token; 0 is any number
	TTL, MaxTTL     time.Duration
}

// clone returns a copy for one login, which later changes do not affect.
func (m *Mount) clone() Mount {
	c := *m
	c.Roles = maps.Clone(m.Roles)
	if m.Config != nil {
		config := *m.Config
		c.Config = &config
	}
	return c
}

// read returns the response for a path of the mount; nil data means Vault's 404.
func (m Mount) read(name, path string) (data map[string]any, known bool) {
	role, isRole := strings.CutPrefix(path, "auth/"+name+"/role/")
	switch {
	case path == "auth/"+name+"/config":
		if m.Type != "" {
			return nil, true
		}
		return m.Config.read(m.plugin), true
	case isRole:
		stored, exists := m.Roles[role]
		if !exists {
			return nil, true
		}
		return stored.read(), true
	case path == "sys/internal/ui/mounts/auth/"+name:
		return map[string]any{"accessor": "auth_kubernetes_0123abcd", "type": cmp.Or(m.Type, "kubernetes")}, true
	}
	return nil, false
}

// reviewer is the token with which the plugin calls Kubernetes, empty if it has none.
func (c *Config) reviewer() string {
	if c.ReviewerJWT == "" && !c.DisableLocalCA {
		return c.LocalJWT
	}
	return c.ReviewerJWT
}

// ca is the CA with which the plugin verifies the API server's certificate.
func (c *Config) ca() string {
	if c.CACert == "" && !c.DisableLocalCA {
		return c.LocalCA
	}
	return c.CACert
}

// read returns the config as Vault does, without the reviewer's token.
func (c *Config) read(plugin lab.Installation) map[string]any {
	if c == nil {
		return nil
	}
	data := map[string]any{
		"kubernetes_host": c.Host, "kubernetes_ca_cert": c.CACert, "pem_keys": c.PEMKeys, "issuer": c.Issuer,
		"disable_iss_validation": c.DisableISSValidation, "disable_local_ca_jwt": c.DisableLocalCA,
	}
	if plugin.HasAnnotations() {
		data["token_reviewer_jwt_set"], data["use_annotations_as_alias_metadata"] = c.ReviewerJWT != "", c.Annotations
	}
	return data
}

func (r Role) read() map[string]any {
	data := map[string]any{
		"bound_service_account_names": r.Names, "bound_service_account_namespaces": r.Namespaces,
		"token_bound_cidrs": r.CIDRs, "token_policies": r.Policies, "token_no_default_policy": r.NoDefaultPolicy,
		"token_ttl": int(r.TTL.Seconds()), "token_max_ttl": int(r.MaxTTL.Seconds()), "token_type": "default",
	}
	if r.Batch {
		data["token_type"] = "batch"
	}
	if r.Selector != nil {
		selector, _ := json.Marshal(map[string]any{"matchLabels": r.Selector}) // maps of texts always encode
		data["bound_service_account_namespace_selector"] = string(selector)
	}
	if r.Audience != "" {
		data["audience"] = r.Audience
	}
	data["alias_name_source"] = "serviceaccount_uid"
	if r.AliasByName {
		data["alias_name_source"] = "serviceaccount_name"
	}
	return data
}
