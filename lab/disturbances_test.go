package lab

import (
	"context"
	"errors"
	"os"
	"testing"
)

// wantDisturbancesSurvived requires health after each disturbance, and that a rotation changes the token.
func wantDisturbancesSurvived(t *testing.T, l *Lab, wire wireClient) {
	t.Helper()
	before, err := os.ReadFile(l.path(canaryFile))
	if err != nil {
		t.Fatal(err)
	}
	for name, disturb := range map[string]func(context.Context) error{
		"Vault restarts":              l.RestartVault,
		"the API server restarts":     l.RestartKubernetes,
		"the tokens rotate":           l.RotateTokens,
		"Vault's certificate rotates": l.RotateCertificate,
		"responses were truncated": func(ctx context.Context) error {
			return errors.Join(l.TruncateResponses(ctx, 1), l.TruncateResponses(ctx, 0))
		},
	} {
		t.Run(name, func(t *testing.T) {
			if err := disturb(t.Context()); err != nil {
				t.Fatal(err)
			}
			wire.wantHealthy(t)
		})
	}
	if after, err := os.ReadFile(l.path(canaryFile)); err != nil || string(after) == string(before) {
		t.Errorf("the canary's token is the same after a rotation (%v)", err)
	}
	wantOneOfTwoHealed(t, l, wire)
}

// wantOneOfTwoHealed heals one fault and requires the other to be there still.
func wantOneOfTwoHealed(t *testing.T, l *Lab, wire wireClient) {
	t.Helper()
	for _, name := range []string{"role_missing", "vault_sealed"} {
		if err := l.Inject(t.Context(), name); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.HealFault(t.Context(), "vault_sealed"); err != nil {
		t.Fatal(err)
	}
	wire.want(t, responses["role_missing"])
	if _, err := l.Heal(t.Context()); err != nil {
		t.Fatal(err)
	}
	wire.wantHealthy(t)
}
