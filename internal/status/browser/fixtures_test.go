package browser

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/docs"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/internal/status"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/diagnose"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
)

// source is what the page shows, for tests to change.
type source struct {
	mu      sync.Mutex // guards what follows
	states  []probe.TargetState
	standby string
}

func (s *source) TargetStates() []probe.TargetState {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]probe.TargetState(nil), s.states...)
}

func (s *source) Standby() string { return s.standby }

// site is a page on a server of its own.
type site struct {
	*source
	page *status.Server
	url  string
}

func serve(t testing.TB, standby string, states ...probe.TargetState) *site {
	return serveWith(t, nil, &source{states: states, standby: standby})
}

// serveWith serves a page on which runs can be requested, unless runNow is nil.
func serveWith(t testing.TB, runNow func(string) (<-chan struct{}, bool), from *source) *site {
	s := &site{source: from}
	s.page = status.New(status.Options{TargetStates: s.TargetStates, Standby: s.Standby, RunNow: runNow, Reasons: docs.Reasons, Warnings: docs.Warnings, Version: "1.2.3"})
	server := httptest.NewServer(s.page)
	t.Cleanup(func() {
		s.page.Close()
		server.CloseClientConnections()
		server.Close()
	})
	s.url = server.URL
	return s
}

// run records and publishes one more run of a target.
func (s *site) run(i int, change func(*probe.Result)) {
	s.mu.Lock()
	r := result(s.states[i].Target, time.Now())
	change(&r)
	s.states[i] = s.states[i].After(&r)
	s.mu.Unlock()
	s.page.Publish(r)
}

func get(t testing.TB, url string) (int, http.Header, string) {
	t.Helper()
	response, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, response.Header, string(body)
}

func target(name string) evidence.Target {
	return evidence.Target{
		Name:       name,
		Vault:      evidence.Vault{Addr: "https://vault.example.com:8200", Mount: "kubernetes", Role: "canary"},
		Kubernetes: evidence.Kubernetes{Host: "https://10.0.0.1:6443"},
		Reviewer:   evidence.Origin{Source: evidence.SourceFile, TokenFile: "/run/reviewer/token"},
		Canary:     evidence.Origin{Source: evidence.SourceFile, TokenFile: "/run/canary/token", Audiences: []string{"vault"}},
		Interval:   time.Minute, Timeout: 15 * time.Second, FollowUps: true,
	}
}

func answered[T any](value T, elapsed time.Duration) evidence.Fact[T] {
	return evidence.Fact[T]{State: evidence.Answered, Value: value, Elapsed: elapsed}
}

func refused[T any](code int, message string) evidence.Fact[T] {
	return evidence.Fact[T]{State: evidence.Failed, Failure: evidence.Failure{Class: evidence.ClassRefused, Status: code, Text: message}, Elapsed: 9 * time.Millisecond}
}

// result is a healthy run.
func result(t evidence.Target, at time.Time) probe.Result {
	const day = 24 * time.Hour
	e := evidence.Evidence{
		At:                    at,
		CanaryToken:           answered(evidence.Claims{Subject: "system:serviceaccount:monitoring:canary", Audiences: []string{"vault"}, IssuedAt: at.Add(-10 * time.Minute), Expires: at.Add(50 * time.Minute)}, time.Millisecond),
		ReviewerToken:         answered(evidence.Claims{Subject: "system:serviceaccount:vault:vault-auth", IssuedAt: at.Add(-30 * day), Expires: at.Add(60 * day)}, time.Millisecond),
		Review:                answered(evidence.Review{Authenticated: true, Username: "system:serviceaccount:monitoring:canary"}, 8*time.Millisecond),
		Identity:              answered(evidence.Identity{Username: "system:serviceaccount:vault:vault-auth"}, 2*time.Millisecond),
		Access:                answered(evidence.Access{Allowed: true}, 3*time.Millisecond),
		Health:                answered(evidence.Health{Initialized: true, Version: "1.21.4"}, 4*time.Millisecond),
		Login:                 answered(evidence.Login{Type: "service", TTL: time.Minute}, 16*time.Millisecond),
		Revoke:                answered(struct{}{}, 6*time.Millisecond),
		KubernetesCertificate: evidence.Certificate{Verified: true, NotBefore: at.Add(-30 * day), NotAfter: at.Add(300 * day)},
		VaultCertificate:      evidence.Certificate{Verified: true, NotBefore: at.Add(-60 * day), NotAfter: at.Add(9 * day)},
	}
	e.KubernetesChain.Served, e.VaultChain.Served = served("kube-apiserver", e.KubernetesCertificate), served("vault.example.com", e.VaultCertificate)
	return judged(t, at, e)
}

func served(name string, c evidence.Certificate) []evidence.Certificate {
	c.Subject, c.Needed = "CN="+name, true
	return []evidence.Certificate{c}
}

func judged(t evidence.Target, at time.Time, e evidence.Evidence) probe.Result {
	return probe.Result{Target: t, Start: at, Duration: 37 * time.Millisecond, Evidence: e, Diagnosis: diagnose.Diagnose(t, e), Expiries: diagnose.Expiries(t, e), Since: at}
}

// forbidden takes the reviewer's permission away.
func forbidden(r *probe.Result) {
	e := r.Evidence
	e.Review = refused[evidence.Review](403, `tokenreviews.authentication.k8s.io is forbidden: User "system:serviceaccount:vault:vault-auth" cannot create resource "tokenreviews"`)
	e.Access = answered(evidence.Access{}, 3*time.Millisecond)
	e.Login = refused[evidence.Login](403, "permission denied")
	e.Revoke = evidence.Fact[struct{}]{}
	e.FollowUps = evidence.FollowUps{
		Asked:      []string{"mount_probe", "role_probe"},
		MountProbe: answered(evidence.Refusal{Status: 400, Text: `invalid role name "` + evidence.ProbeRole + `"`}, 5*time.Millisecond),
		RoleProbe:  answered(evidence.Refusal{Status: 403, Text: evidence.TextExpired + ": token is expired"}, 5*time.Millisecond),
	}
	*r = judged(r.Target, r.Start, e)
}

func sealed(r *probe.Result) {
	e := r.Evidence
	e.Health = answered(evidence.Health{Initialized: true, Sealed: true, Version: "1.21.4"}, 4*time.Millisecond)
	e.Login = refused[evidence.Login](503, "Vault is sealed")
	e.Revoke = evidence.Fact[struct{}]{}
	*r = judged(r.Target, r.Start, e)
}

func withoutCanary(r *probe.Result) {
	e := r.Evidence
	e.CanaryToken = evidence.Fact[evidence.Claims]{State: evidence.Failed, Failure: evidence.Failure{Class: evidence.ClassMissing, Text: "no such file"}}
	e.Login, e.Revoke = evidence.Fact[evidence.Login]{}, evidence.Fact[struct{}]{}
	*r = judged(r.Target, r.Start, e)
}

func warned(r *probe.Result) {
	r.Warnings = []diagnose.Warning{{Code: diagnose.CertificateExpiring, Raised: true, Detail: "the certificate of Vault expires on 2026-01-11", Advice: diagnose.Advice{Check: []diagnose.Check{{Command: "openssl s_client -connect vault.example.com:8200 </dev/null | openssl x509 -noout -enddate", Shows: "notAfter in 2026"}}}}}
}

func healthy(*probe.Result) {}

// withHistory is a target with a history that ends age ago: an old outage, and what now
// makes of the latest runs.
func withHistory(name string, age time.Duration, now func(*probe.Result)) probe.TargetState {
	state := probe.TargetState{Target: target(name)}
	start := time.Now().Add(-age - 119*time.Minute)
	for n := range 120 {
		r := result(state.Target, start.Add(time.Duration(n)*time.Minute))
		switch {
		case n >= 40 && n < 47:
			sealed(&r)
		case n == 80:
			withoutCanary(&r)
		case n >= 108:
			now(&r)
			r.Since = start.Add(108 * time.Minute)
		}
		r.Duration = time.Duration(30+n*7%23+n%11*n%5) * time.Millisecond
		state = state.After(&r)
	}
	return state
}

func many(n int) []probe.TargetState {
	var all []probe.TargetState
	for i := range n {
		now := healthy
		switch {
		case i%50 == 7:
			now = forbidden
		case i%90 == 11:
			now = withoutCanary
		case i%60 == 13:
			now = warned
		}
		all = append(all, withHistory(fmt.Sprintf("eu-%d/team-%03d", i%3+1, i), 0, now))
	}
	return all
}

// fleet is 200 targets, of which 60 are behind one sealed Vault and two fail for causes of their
// own.
func fleet() []probe.TargetState {
	var all []probe.TargetState
	for i := range 200 {
		now := healthy
		switch {
		case i < 60:
			now = sealed
		case i == 71:
			now = forbidden
		case i == 93:
			now = withoutCanary
		case i%60 == 13:
			now = warned
		}
		state := withHistory(fmt.Sprintf("eu-%d/team-%03d", i%3+1, i), 0, now)
		all = append(all, state)
	}
	return all
}
