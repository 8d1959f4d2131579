package gather

import (
	"strings"
	"testing"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/internal/redact"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
)

// A defect in the removal of credentials ends neither the process nor in a text that was not cleaned.
func TestFailedRedaction(t *testing.T) {
	r := &run{memory: new(Memory), evidence: new(evidence.Evidence), redactor: redact.New(planted)}
	r.evidence.Login = evidence.Fact[evidence.Login]{State: evidence.Failed, Failure: evidence.Failure{Class: evidence.ClassRefused, Text: planted}}
	r.conclude(func(text string) string {
		if text != "" {
			panic("at " + text)
		}
		return text
	})
	if e := r.evidence; e.Login.State != evidence.NotAsked || !strings.HasPrefix(e.Panic, "at ") || strings.Contains(e.Panic, planted[:12]) {
		t.Errorf("the login is %+v, the panic %q", e.Login, e.Panic)
	}
	if text := textOf(planted, func(string) string { panic(planted) }); strings.Contains(text, planted[:12]) || text == "" {
		t.Errorf("the text of the panic is %q", text)
	}
}
