package main

import (
	"os/exec"
	"testing"

	"github.com/google/go-cmp/cmp"
)

type evidence struct{ bare, full []string }

func (e evidence) Env() []string     { return e.bare }
func (e evidence) FullEnv() []string { return e.full }

func TestEnvironmentMarksWhatIsOptional(t *testing.T) {
	bare := []string{"EXPORTER_VAULT_ADDR=https://127.0.0.1:1", "EXPORTER_VAULT_ROLE=it's a role"}
	got := environment(evidence{bare, append(bare[:2:2], "EXPORTER_VAULT_DIAGNOSTIC_ROLE=diagnostic")})
	want := `export EXPORTER_VAULT_ADDR=https://127.0.0.1:1
export EXPORTER_VAULT_ROLE='it'\''s a role'
# optional evidence: without it some verdicts are less exact
export EXPORTER_VAULT_DIAGNOSTIC_ROLE=diagnostic
`
	if got != want {
		t.Error(cmp.Diff(want, got))
	}
	heard, err := exec.CommandContext(t.Context(), "sh", "-c", got+`printf '%s|%s' "$EXPORTER_VAULT_ROLE" "$EXPORTER_VAULT_DIAGNOSTIC_ROLE"`).Output()
	if err != nil || string(heard) != "it's a role|diagnostic" {
		t.Errorf("a shell reads %q, %v", heard, err)
	}
}
