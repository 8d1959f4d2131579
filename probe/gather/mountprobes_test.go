package gather

import (
	"testing"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
)

// The runs of the mount's other targets must not wait for a probe that panicked.
func TestMountProbeThatPanics(t *testing.T) {
	var s mountProbes
	func() {
		defer func() { _ = recover() }()
		s.ask(t.Context(), "mount", func() mountAnswer { panic("a defect") })
	}()
	want := mountAnswer{probe: evidence.Fact[evidence.Refusal]{State: evidence.Answered}}
	if got := s.ask(t.Context(), "mount", func() mountAnswer { return want }); got.probe.State != evidence.Answered {
		t.Errorf("the next run got %+v", got)
	}
}
