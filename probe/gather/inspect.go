package gather

import (
	"context"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
)

// Inspection is what a Vault says about itself, and about one of its mounts to the holder
// of a token.
type Inspection struct {
	Health evidence.Fact[evidence.Health]
	Mount  evidence.Mount
}

// Inspect reads the state of a Vault and, if there is a token, the type and the config of
// its mount and the role. It logs nobody in and changes nothing.
func Inspect(ctx context.Context, target evidence.Vault, token evidence.Secret, version string) Inspection {
	ctx, redactor := withRedactor(ctx)
	redactor.Hold(token.Reveal())
	server, err := newVaultServer(target, "vault-k8s-auth-exporter/"+version, Network{})
	if err != nil {
		return Inspection{Health: evidence.Fact[evidence.Health]{State: evidence.Failed, Failure: failureOf(err)}}
	}
	defer server.endpoint.close()
	found := Inspection{Health: observe(func() (evidence.Health, error) { return server.health(ctx) })}
	if token.IsZero() || found.Health.Failure.IsTransport() || found.Health.Failure.IsExporters() {
		return found
	}
	m := &found.Mount
	if kind, accessor, err := server.readMountInfo(ctx, token); err == nil {
		m.Type, m.Accessor = kind, accessor
	}
	m.Config = observe(func() (evidence.MountConfig, error) { return server.readConfig(ctx, token) })
	m.Role = observe(func() (evidence.RoleConfig, error) { return server.readRole(ctx, token) })
	return found
}
