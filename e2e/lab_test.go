package e2e

import (
	"context"
	"testing"
	"time"
)

// inject breaks the lab. It is mended when the test ends, at the latest.
func inject(t *testing.T, fault string) {
	t.Helper()
	t.Cleanup(func() {
		if _, err := world.lab.Heal(context.Background()); err != nil {
			t.Error(err)
		}
	})
	if err := world.lab.Inject(t.Context(), fault); err != nil {
		t.Fatal(err)
	}
	if err := everything.learnTokens(); err != nil {
		t.Fatal(err)
	}
}

func heal(t *testing.T) {
	t.Helper()
	if _, err := world.lab.Heal(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// revocationTime is far below the life of a token in the lab, so that none is taken
// for revoked that has merely expired.
const revocationTime = 5 * time.Second

// wantTokens waits until so many tokens live in Vault beside its own.
func wantTokens(t *testing.T, want int) {
	t.Helper()
	var got int
	var err error
	arrived := eventually(revocationTime, func() bool {
		got, err = world.lab.Accessors(t.Context())
		return err == nil && got == world.tokens+want
	})
	if !arrived {
		t.Errorf("%d tokens live in Vault, want %d, %v", got-world.tokens, want, err)
	}
}
