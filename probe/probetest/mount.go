package probetest

import (
	"cmp"
	"maps"
	"strings"
	"time"
)

// Mount is one auth mount, with what Vault has stored of it.
type Mount struct {
	// Type is another method's name; empty is kubernetes.
	Type string
	// Config is nil where none was written.
	Config *Config
	Roles  map[string]Role
	// MFA enforces a second factor on every login.
	MFA bool
	// CanaryReads lets the tokens of logins read the config, beside [ReaderToken].
	CanaryReads bool
	// PooledCA is the CA that verified a connection to Kubernetes which is still open:
	// Vault goes on using that, whatever CA the config now has. Empty: none is open.
	PooledCA string
}

// Config is auth/<mount>/config.
type Config struct {
	Host, CACert, ReviewerJWT            string
	PEMKeys                              []string
	Issuer                               string
	DisableISSValidation, DisableLocalCA bool
	Annotations                          bool
}

// Role is auth/<mount>/role/<role>.
type Role struct {
	Names, Namespaces []string
	// Selector are labels that admit a namespace beside those that are named.
	Selector        map[string]string
	Audience        string
	CIDRs           []string
	Policies        []string
	NoDefaultPolicy bool
	Batch           bool
	TTL             time.Duration
}

// clone is the mount as one login sees it, whatever is changed meanwhile.
func (m *Mount) clone() Mount {
	c := *m
	c.Roles = maps.Clone(m.Roles)
	if m.Config != nil {
		config := *m.Config
		c.Config = &config
	}
	return c
}

// read answers for a path of the mount; nil is Vault's 404.
func (m *Mount) read(name, path string) (data map[string]any, known bool) {
	role, isRole := strings.CutPrefix(path, "auth/"+name+"/role/")
	switch {
	case path == "auth/"+name+"/config":
		if m.Type != "" {
			return nil, true
		}
		return m.Config.read(), true
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

// read never returns the reviewer's token.
func (c *Config) read() map[string]any {
	if c == nil {
		return nil
	}
	return map[string]any{
		"kubernetes_host": c.Host, "kubernetes_ca_cert": c.CACert, "pem_keys": c.PEMKeys, "issuer": c.Issuer,
		"disable_iss_validation": c.DisableISSValidation, "disable_local_ca_jwt": c.DisableLocalCA,
		"token_reviewer_jwt_set": c.ReviewerJWT != "", "use_annotations_as_alias_metadata": c.Annotations,
	}
}

func (r Role) read() map[string]any {
	data := map[string]any{
		"bound_service_account_names": r.Names, "bound_service_account_namespaces": r.Namespaces,
		"token_bound_cidrs": r.CIDRs, "token_policies": r.Policies, "token_ttl": int(r.TTL.Seconds()),
	}
	if r.Audience != "" {
		data["audience"] = r.Audience
	}
	return data
}
