package e2e

import (
	"testing"
	"time"
)

// TestTermination ends an exporter with SIGTERM at bad moments.
func TestTermination(t *testing.T) {
	// The answer comes when the exporter is ending, yet before it gives up on it.
	const soon = 500 * time.Millisecond

	t.Run("between runs", func(t *testing.T) {
		e := serve(t, environment())
		e.awaitVerdict(healthy.reason)
		t.Logf("ended after %s", e.end().Round(time.Millisecond))
		wantTokens(t, 0)
	})
	t.Run("Vault has not heard of the login", func(t *testing.T) {
		e := serveBehind(t, newFront(t, true))
		t.Logf("ended after %s", e.end().Round(time.Millisecond))
		wantTokens(t, 0)
	})
	t.Run("Vault has answered the login", func(t *testing.T) {
		f := newFront(t, false)
		e := serveBehind(t, f)
		wantTokens(t, 1) // the count can tell
		time.AfterFunc(soon, f.release)
		t.Logf("ended after %s", e.end().Round(time.Millisecond))
		wantTokens(t, 0)
	})
	t.Run("Vault has answered the login after its run", func(t *testing.T) {
		f := newFront(t, false)
		e := serveBehind(t, f)
		m := e.await(shows, "verdict", func(m metrics) bool { return m.verdict() != verdict{} })
		if m.verdict().reason == healthy.reason || m.shows("canary_login_up") != "0" {
			t.Errorf("a login without an answer; %s", e.explain())
		}
		time.AfterFunc(soon, f.release)
		t.Logf("ended after %s", e.end().Round(time.Millisecond))
		wantTokens(t, 0)
	})
}

// serveBehind returns an exporter whose first login waits.
func serveBehind(t *testing.T, f *front) *exporter {
	t.Helper()
	e := serve(t, f.env(t))
	select {
	case <-f.waiting:
	case <-time.After(patience):
		t.Fatalf("no login came\n%s", e.log)
	}
	return e
}
