package probe_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/diagnose"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/probetest"
)

// node makes the world's Vault a node of a cluster that redirects every login to an
// address.
func node(w *probetest.World, isStandby bool, location string) {
	w.Target.Vault.Addr = w.ServeAsVault(redirecting(isStandby, location))
}

func redirecting(isStandby bool, location string) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/v1/sys/health" {
			probetest.JSON(429, fmt.Sprintf(`{"initialized":true,"standby":%t,"version":"1.21.4","server_time_utc":%d}`, isStandby, time.Now().Unix()))(rw, r)
			return
		}
		probetest.Redirect(307, location+r.URL.Path)(rw, r)
	})
}

func TestStandbyRedirectsToTheActiveNode(t *testing.T) {
	w := probetest.NewWorld(t)
	active := w.Target.Vault.Addr
	node(w, true, active)
	result, _ := w.Probe(probe.Memory{})
	if got := result.Diagnosis; got.Reason != diagnose.None {
		t.Errorf("reason = %s (%s), want a login at the active node", got.Reason, got.Detail)
	}
	if from := result.Evidence.Login.Value.From; from != active {
		t.Errorf("the login was at %q, want %s", from, active)
	}
	if w.Vault.Issued() != 1 || w.Vault.Live() != 0 {
		t.Errorf("%d tokens were issued and %d are not revoked, want 1 and 0: the node that issued the token revokes it", w.Vault.Issued(), w.Vault.Live())
	}
}

// A standby may redirect after the run has ended. The login is still followed, and its token revoked;
// it no longer reads the evidence, which belongs to the views by then.
func TestLateRedirectIsFollowed(t *testing.T) {
	t.Parallel()
	w := probetest.NewWorld(t)
	w.Target.Timeout = 4 * time.Second
	answer, redirect := make(chan struct{}), redirecting(true, w.Target.Vault.Addr)
	w.Target.Vault.Addr = w.ServeAsVault(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/login") {
			<-answer
		}
		redirect.ServeHTTP(rw, r)
	}))
	prober := w.Prober()
	result := prober.Run(t.Context(), &w.Target, new(probe.Memory))
	if f := result.Evidence.Login.Failure; f.Class != evidence.ClassTimeout {
		t.Errorf("the login ended with %q, want a timeout", f.Class)
	}
	result.Evidence = evidence.Evidence{}
	close(answer)
	prober.Wait()
	if w.Vault.Issued() == 0 || w.Vault.Live() != 0 {
		t.Errorf("%d tokens were issued and %d are not revoked, want some and 0", w.Vault.Issued(), w.Vault.Live())
	}
}

// The active node gets only the login and the revocation of the token that it issued. The
// reader's token, the follow-ups and the canary's token for the diagnostic role are sent
// only to the configured Vault.
func TestOnlyTheLoginFollowsTheStandby(t *testing.T) {
	for name, test := range map[string]struct {
		arrange func(*probetest.World)
		reason  diagnose.Reason
		want    []string
	}{
		"login accepted": {func(*probetest.World) {}, diagnose.None, []string{login, "auth/token/revoke-self"}},
		"login refused":  {func(w *probetest.World) { w.DropReviewer() }, "", []string{login}},
		"mount missing": {func(w *probetest.World) {
			w.Vault.Change(func(v *probetest.Vault) { clear(v.Mounts) })
		}, "", []string{login}},
	} {
		t.Run(name, func(t *testing.T) {
			w := probetest.NewWorld(t)
			w.Complete()
			node(w, true, w.Target.Vault.Addr)
			test.arrange(w)
			result, _ := w.Probe(probe.Memory{})
			if got := w.Vault.Requests(); !slices.Equal(got, test.want) {
				t.Errorf("the active node got the requests %q, want %q", got, test.want)
			}
			got := result.Diagnosis
			if test.reason != "" && got.Reason != test.reason || test.reason == "" && (got.Reason == diagnose.None || got.Certainty == diagnose.Proven) {
				t.Errorf("verdict = %s, %s (%s)", got.Reason, got.Certainty, got.Detail)
			}
		})
	}
}

func TestRedirectsThatAreNotFollowed(t *testing.T) {
	for name, test := range map[string]struct {
		standby  bool
		location func(active, kubernetes string) string
		says     string
	}{
		"of an active node":   {false, func(active, _ string) string { return active }, "not followed"},
		"to plain HTTP":       {true, func(active, _ string) string { return strings.Replace(active, "https", "http", 1) }, "not followed"},
		"to another path":     {true, func(active, _ string) string { return active + "/v1/other?x=" }, "not followed"},
		"with a user":         {true, func(active, _ string) string { return strings.Replace(active, "https://", "https://u:p@", 1) }, "not followed"},
		"to an untrusted one": {true, func(_, kubernetes string) string { return kubernetes }, "x509: certificate signed by unknown authority"},
	} {
		t.Run(name, func(t *testing.T) {
			w := probetest.NewWorld(t)
			node(w, test.standby, test.location(w.Target.Vault.Addr, w.Target.Kubernetes.Host))
			result, _ := w.Probe(probe.Memory{})
			got := result.Diagnosis
			if got.Reason != diagnose.VaultRedirect || !strings.Contains(got.Detail, test.says) {
				t.Errorf("reason = %s (%s), want %s with %q in its detail", got.Reason, got.Detail, diagnose.VaultRedirect, test.says)
			}
			if slices.Contains(w.Vault.Requests(), "auth/kubernetes/login") {
				t.Error("the JWT was sent to the target of the redirect")
			}
		})
	}
}

// Only the first redirect is followed.
func TestSecondRedirectIsNotFollowed(t *testing.T) {
	w := probetest.NewWorld(t)
	node(w, true, w.Target.Vault.Addr)
	w.OnLogin(probetest.Redirect(307, w.Target.Kubernetes.Host+"/v1/auth/kubernetes/login"))
	result, _ := w.Probe(probe.Memory{})
	if result.Diagnosis.Reason != diagnose.VaultRedirect || slices.Contains(w.Kubernetes.Requests(), "login") {
		t.Errorf("reason = %s; Kubernetes got the requests %q", result.Diagnosis.Reason, w.Kubernetes.Requests())
	}
}

// A cluster without TLS redirects to plain HTTP, and pods' clients follow.
func TestRedirectBetweenPlainNodes(t *testing.T) {
	w := probetest.NewWorld(t)
	w.Target.Vault.Addr = "http://" + w.ServePlain(w.Vault)
	active := w.Target.Vault.Addr
	w.Target.Vault.Addr = "http://" + w.ServePlain(redirecting(true, active))
	result, _ := w.Probe(probe.Memory{})
	if got := result.Diagnosis; got.Reason != diagnose.None {
		t.Errorf("reason = %s (%s), want a login at the active node", got.Reason, got.Detail)
	}
	if from := result.Evidence.Login.Value.From; from != active {
		t.Errorf("the login was at %q, want %s", from, active)
	}
}
