package gather

import (
	"cmp"
	"context"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
)

// readMount reads what Vault has stored of the mount and the role, where a token at
// hand may: the one that the login brought, or else that of the token file. What
// was read last stands in where this run reads nothing.
func (r *run) readMount(ctx context.Context) {
	e := &r.evidence
	e.Mount = r.notes.mount
	if !r.notes.mountDue(e.Login) || e.Login.Failure.IsTransport() || e.Login.Failure.IsExporters() {
		return
	}
	kind := ""
	for _, token := range r.readers() {
		read := r.readMountAs(ctx, token)
		if read.Config.Ok() || e.Mount.At.IsZero() {
			e.Mount = read
		}
		kind = cmp.Or(read.Type, kind)
		e.Mount.Type, e.Mount.TypeAt = kind, e.At // what was mounted earlier may be gone
		if read.Config.Ok() {
			return
		}
	}
}

// readers lists the Vault tokens that may be tried for reading, the canary's first.
func (r *run) readers() []evidence.Secret {
	var tokens []evidence.Secret
	if !r.token.IsZero() {
		tokens = append(tokens, r.token)
	}
	if !r.reader.IsZero() {
		tokens = append(tokens, r.reader)
	}
	return tokens
}

// loadReader reads the Vault token of the token file, also where this run will not send
// it: servers may know it from an earlier one.
func (r *run) loadReader() {
	if r.target.Vault.TokenFile == "" {
		return
	}
	if token, err := loadToken(r.target.Vault.TokenFile); err == nil {
		r.reader = token.Secret
		r.redactor.Hold(token.Reveal())
	}
}

func (r *run) readMountAs(ctx context.Context, token evidence.Secret) evidence.Mount {
	m := evidence.Mount{At: r.evidence.At, Baseline: r.notes.baseline}
	if kind, accessor, err := r.vault.readMountInfo(ctx, token); err == nil {
		m.Type, m.Accessor = kind, accessor
	}
	m.Config = observe(func() (evidence.MountConfig, error) { return r.vault.readConfig(ctx, token) })
	if !m.Config.Ok() {
		return m
	}
	m.KeysRefuseCanary = !r.canary.IsZero() && refusedByKeys(m.Config.Value.PEMKeys, r.canary)
	m.Role = observe(func() (evidence.RoleConfig, error) { return r.vault.readRole(ctx, token) })
	return m
}

// checkMountCA holds the config's CA against what the API server serves, only where
// the mount points at the host that we have a connection to: no other host that a
// server names is ever dialled.
func (r *run) checkMountCA() {
	e := &r.evidence
	if !e.Mount.Config.Ok() || r.kubernetes == nil || e.Mount.Config.Value.CACert == "" ||
		!r.target.Kubernetes.IsServedAt(e.Mount.Config.Value.Host) || len(r.kubernetes.endpoint.servedCertificates()) == 0 {
		return
	}
	r.guard(func() {
		e.MountCA = evidence.Fact[evidence.CACheck]{
			State: evidence.Answered,
			Value: r.kubernetes.endpoint.checkCA(e.Mount.Config.Value.CACert, e.At),
		}
	})
}
