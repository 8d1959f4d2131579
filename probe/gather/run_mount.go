package gather

import (
	"cmp"
	"context"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
)

// readMount reads the configuration of the mount and the role from Vault, with the token
// that the login returned or else the one in the token file. If this run does not read
// it, or may not, the last one is carried over.
func (r *run) readMount(ctx context.Context) {
	e := r.evidence
	e.Mount = r.memory.mount
	if !r.memory.mountDue(e.Login) && !r.negativeCanaryIsDue() || e.Login.Failure.IsTransport() || e.Login.Failure.IsExporters() {
		return
	}
	readers := r.readers()
	if len(readers) == 0 && !r.issued.token.IsZero() { // what an earlier run read may have been changed since, and no later one will see it
		r.memory.mount, e.Mount = evidence.Mount{}, evidence.Mount{}
		return
	}
	kind, missing := "", false
	for _, token := range readers {
		read := r.readMountAs(ctx, token)
		if read.Config.Ok() || e.Mount.At.IsZero() {
			e.Mount = read
		}
		kind, missing = cmp.Or(read.Type, kind), missing || read.Missing
		e.Mount.Type, e.Mount.Missing, e.Mount.TypeAt = kind, missing, e.At // what was mounted earlier may be gone
		if read.Config.Ok() {
			return
		}
	}
}

// enoughUses is how many requests a run makes with the login's token: three to read the mount, one for
// its capabilities, and its revocation. A token that is good for fewer is only revoked, because Vault
// refuses that too once the others have used the token up.
const enoughUses = 5

// mayRead reports whether this run may read with the login's token.
func (r *run) mayRead() bool {
	uses := r.evidence.Login.Value.Uses
	return !r.issued.token.IsZero() && (uses == 0 || uses >= enoughUses)
}

// readers lists the Vault tokens to try for reading, the canary's first.
func (r *run) readers() []evidence.Secret {
	var secrets []evidence.Secret
	if r.mayRead() {
		secrets = append(secrets, r.issued.token)
	}
	if !r.reader.IsZero() {
		secrets = append(secrets, r.reader)
	}
	return secrets
}

// loadReader reads the Vault token in the token file. Even if this run does not send it,
// the redactor has to know it, since servers may know it from an earlier run.
func (r *run) loadReader() {
	if r.target.Vault.TokenFile == "" {
		return
	}
	if token, err := r.gatherer.files.loadToken(r.target.Vault.TokenFile); err == nil {
		r.reader = token.Secret
		r.redactor.Hold(token.Reveal())
	}
}

func (r *run) readMountAs(ctx context.Context, token evidence.Secret) evidence.Mount {
	m := evidence.Mount{At: r.evidence.At}
	if kind, accessor, err := r.vault.readMountInfo(ctx, token); err == nil {
		m.Type, m.Accessor = kind, accessor
	}
	m.Config = observe(func() (evidence.MountConfig, error) { return r.vault.readConfig(ctx, token) })
	if !m.Config.Ok() {
		m.Missing = m.Type == "" && m.Config.RefusedWith(404) && evidence.Contains(m.Config.Failure.Text, evidence.TextNoRoute)
		return m
	}
	m.ConfigBaseline = r.memory.config.compared(m.Config.Value, m.At)
	m.KeysRefuseCanary = !r.canary.IsZero() && refusedByKeys(m.Config.Value.PEMKeys, r.canary)
	m.Role = observe(func() (evidence.RoleConfig, error) { return r.vault.readRole(ctx, token) })
	if m.Role.Ok() {
		m.RoleBaseline = r.memory.role.compared(m.Role.Value, m.At)
	}
	return m
}

// readClusterKeys reads the API server's JWKS when this run has read a config with PEM keys, if
// the mount uses the API server that this run is connected to. Every service account may read it
// by default.
func (r *run) readClusterKeys(ctx context.Context) {
	e := r.evidence
	m := &e.Mount
	if !m.Config.Ok() || !m.At.Equal(e.At) || len(m.Config.Value.PEMKeys) == 0 || !r.target.Kubernetes.IsServedAt(m.Config.Value.Host) ||
		e.KubernetesAsksForBackoff() {
		return
	}
	identity := r.asReviewer
	if !e.Review.Ok() {
		identity = r.asOwn
	}
	r.guard(func() {
		m.ClusterKeys = observe(func() ([]string, error) {
			client, err := identity()
			if err != nil {
				return nil, err
			}
			return client.signingKeys(ctx)
		})
	})
}

// checkMountCA verifies the API server's certificate with the CA in the mount's config, but
// only if the mount uses the API server that this run is connected to, or will use it with this
// CA: the exporter never dials a host that a server names. Otherwise it only reads the CA.
func (r *run) checkMountCA() {
	e, config, candidate := r.evidence, r.evidence.Mount.Config, r.target.Candidate
	if !config.Ok() || config.Value.CACert == "" || r.target.ReplacesCA() {
		return
	}
	r.guard(func() {
		switch {
		case !r.target.Kubernetes.IsServedAt(config.Value.Host) && !(candidate != nil && candidate.Host):
			e.MountAuthorities = authoritiesOf(nil, describeAll(evidence.Certificates(config.Value.CACert)))
		case r.kubernetes != nil && len(r.kubernetes.endpoint.servedCertificates()) > 0:
			e.MountCA.State = evidence.Answered
			e.MountCA.Value, e.MountAuthorities = r.kubernetes.endpoint.checkCA(config.Value.CACert, e.At)
		}
	})
}
