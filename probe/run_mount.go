package probe

import (
	"context"
	"strings"
)

// readMount reads what Vault has stored of the mount and the role, where a token at
// hand may: the one that the login brought, or else that of the token file. What
// was read last stands in where this run reads nothing.
func (r *run) readMount(ctx context.Context) {
	e := &r.evidence
	e.Mount = r.memory.mount
	if !r.memory.mountDue(e.Login.Ok()) || e.Login.Failure.IsTransport() {
		return
	}
	for _, token := range r.readers() {
		read := r.readMountAs(ctx, token)
		if read.Config.Ok() || e.Mount.At.IsZero() {
			e.Mount = read
		}
		if read.Config.Ok() {
			return
		}
	}
}

// readers lists the Vault tokens that may be tried for reading, the canary's first.
func (r *run) readers() []Secret {
	var tokens []Secret
	if !r.token.IsZero() {
		tokens = append(tokens, r.token)
	}
	if r.target.Vault.TokenFile != "" {
		if token, _, err := loadToken(r.target.Vault.TokenFile); err == nil {
			tokens = append(tokens, token)
		}
	}
	return tokens
}

func (r *run) readMountAs(ctx context.Context, token Secret) Mount {
	m := Mount{At: r.evidence.At, Baseline: r.memory.baseline}
	m.Config = observe(func() (MountConfig, error) { return r.vault.readConfig(ctx, token) })
	if !m.Config.Ok() {
		return m
	}
	m.KeysRefuseCanary = !r.canary.IsZero() && refusedByKeys(m.Config.Value.PEMKeys, r.canary)
	m.Role = observe(func() (RoleConfig, error) { return r.vault.readRole(ctx, token) })
	if accessor, err := r.vault.readAccessor(ctx, token); err == nil {
		m.Accessor = accessor
	}
	return m
}

// checkMountCA holds the config's CA against what the API server serves, only where
// the mount points at the host that we have a connection to: no other host that a
// server names is ever dialled.
func (r *run) checkMountCA() {
	e := &r.evidence
	if !e.Mount.Config.Ok() || r.kubernetes == nil || e.Mount.Config.Value.CACert == "" ||
		!sameHost(e.Mount.Config.Value.Host, r.target.Kubernetes.Host) {
		return
	}
	r.guard(func() {
		e.MountCA = Fact[CACheck]{
			State: Answered,
			Value: r.kubernetes.endpoint.checkCA(e.Mount.Config.Value.CACert, e.At),
		}
	})
}

// sameHost compares two URLs as far as a client does.
func sameHost(a, b string) bool {
	return strings.EqualFold(strings.TrimRight(a, "/"), strings.TrimRight(b, "/"))
}
