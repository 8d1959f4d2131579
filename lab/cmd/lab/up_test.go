package main

import (
	"os/exec"
	"testing"

	"github.com/google/go-cmp/cmp"
)

type fakeSource struct{ bare, full []string }

func (e fakeSource) Env() []string     { return e.bare }
func (e fakeSource) FullEnv() []string { return e.full }

func TestEnvironmentMarksOptionalVariables(t *testing.T) {
	bare := []string{"EXPORTER_VAULT_ADDR=https://127.0.0.1:1", "EXPORTER_VAULT_ROLE=it's a role"}
	got := environment(fakeSource{bare, append(bare[:2:2], "EXPORTER_VAULT_DIAGNOSTIC_ROLE=diagnostic")})
	want := `export EXPORTER_VAULT_ADDR=https://127.0.0.1:1
export EXPORTER_VAULT_ROLE='it'\''s a role'
# optional evidence: without it some verdicts are less exact
export EXPORTER_VAULT_DIAGNOSTIC_ROLE=diagnostic
`
	if got != want {
		t.Error(cmp.Diff(want, got))
	}
	output, err := exec.CommandContext(t.Context(), "sh", "-c", got+`printf '%s|%s' "$EXPORTER_VAULT_ROLE" "$EXPORTER_VAULT_DIAGNOSTIC_ROLE"`).Output()
	if err != nil || string(output) != "it's a role|diagnostic" {
		t.Errorf("a shell reads %q, %v", output, err)
	}
}
