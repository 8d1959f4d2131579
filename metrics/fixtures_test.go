package metrics_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/prometheus/common/expfmt"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/metrics"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/diagnose"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
)

const minute = time.Minute

func target(name string) evidence.Target {
	return evidence.Target{
		Name:       name,
		Vault:      evidence.Vault{Addr: "https://vault.example.com:8200", Namespace: "team", Mount: "kubernetes", Role: "canary"},
		Kubernetes: evidence.Kubernetes{Host: "https://10.0.0.1:6443"},
		Reviewer:   evidence.Origin{Source: evidence.SourceFile, TokenFile: "/reviewer"},
		Canary:     evidence.Origin{Source: evidence.SourceFile, TokenFile: "/canary", Audiences: []string{"vault"}},
		Interval:   minute, Timeout: 15 * time.Second, Recheck: 10 * time.Second,
		FollowUps: true,
	}
}

func answered[T any](value T, took time.Duration) evidence.Fact[T] {
	return evidence.Fact[T]{State: evidence.Answered, Value: value, Elapsed: took}
}

func failed[T any](class evidence.Class, status int, text string) evidence.Fact[T] {
	return evidence.Fact[T]{State: evidence.Failed, Failure: evidence.Failure{Class: class, Status: status, Text: text}, Elapsed: time.Second}
}

// healthy is a healthy run that began now.
func healthy(t evidence.Target) probe.Result {
	now := time.Now()
	return probe.Result{
		Target:   t,
		Start:    now,
		Duration: 40 * time.Millisecond,
		Evidence: healthyEvidence(now),
		Diagnosis: diagnose.Diagnosis{
			Verdict:  diagnose.Verdict{Reason: diagnose.None, Certainty: diagnose.Proven},
			Reviewer: diagnose.Verdict{Reason: diagnose.None, Certainty: diagnose.Proven},
		},
		Warnings: warnings(),
		Since:    now,
	}
}

func healthyEvidence(now time.Time) evidence.Evidence {
	day := 24 * time.Hour
	return evidence.Evidence{
		At:                    now,
		CanaryToken:           answered(evidence.Claims{IssuedAt: now.Add(-minute), Expires: now.Add(9 * minute)}, 0),
		ReviewerToken:         answered(evidence.Claims{NotBefore: now.Add(-day), Expires: now.Add(day)}, 0),
		Review:                answered(evidence.Review{Authenticated: true}, 8*time.Millisecond),
		Identity:              answered(evidence.Identity{Username: "system:serviceaccount:vault:vault-auth"}, 2*time.Millisecond),
		Access:                answered(evidence.Access{Allowed: true}, 3*time.Millisecond),
		Health:                answered(evidence.Health{Initialized: true, Version: "1.20.4+ent"}, 4*time.Millisecond),
		Login:                 answered(evidence.Login{Type: "service", TTL: minute}, 16*time.Millisecond),
		Revoke:                answered(struct{}{}, 6*time.Millisecond),
		KubernetesCertificate: evidence.Certificate{Verified: true, NotBefore: now.Add(-30 * day), NotAfter: now.Add(60 * day)},
		VaultCertificate:      evidence.Certificate{Verified: true, NotBefore: now.Add(-10 * day), NotAfter: now.Add(80 * day)},
	}
}

// warnings returns every warning; those named are raised.
func warnings(raised ...diagnose.WarningCode) []diagnose.Warning {
	var all []diagnose.Warning
	for _, code := range diagnose.WarningCodes() {
		w := diagnose.Warning{Code: code}
		for _, r := range raised {
			w.Raised = w.Raised || r == code
		}
		all = append(all, w)
	}
	return all
}

// forbidden is a run that found the reviewer without its permission, with a follow-up.
func forbidden(t evidence.Target) probe.Result {
	r := healthy(t)
	e := &r.Evidence
	e.Review = failed[evidence.Review](evidence.ClassRefused, 403, "forbidden")
	e.Access = answered(evidence.Access{}, time.Millisecond)
	e.Login = failed[evidence.Login](evidence.ClassRefused, 403, "permission denied")
	e.Revoke = evidence.Fact[struct{}]{}
	e.NegativeCanary.ForeignKey = evidence.Fact[evidence.Refusal]{State: evidence.Answered, Value: evidence.Refusal{Status: 403}, Carried: true}
	e.FollowUps = evidence.FollowUps{Asked: []string{"mount_probe"}, MountProbe: answered(evidence.Refusal{Status: 400}, time.Millisecond)}
	r.Diagnosis = diagnose.Diagnosis{
		Verdict:  diagnose.Verdict{Reason: diagnose.ReviewerForbidden, Certainty: diagnose.Proven},
		Reviewer: diagnose.Verdict{Reason: diagnose.ReviewerForbidden, Certainty: diagnose.Proven},
	}
	r.Warnings, r.ConsecutiveFailures = nil, 1
	return r
}

// samples renders what the recorder shows under these names, without the prefix
// and without HELP and TYPE, in the order of the lines. Without a name it renders everything of ours.
func samples(t testing.TB, rec *metrics.Recorder, names ...string) string {
	t.Helper()
	var prefixed []string
	for _, name := range names {
		prefixed = append(prefixed, "vault_k8s_auth_"+name)
	}
	if prefixed == nil {
		prefixed = ownNames(t, rec)
	}
	text, err := testutil.GatherAndFormat(rec, expfmt.TypeTextPlain, prefixed...)
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for line := range strings.Lines(string(text)) {
		if !strings.HasPrefix(line, "#") {
			lines = append(lines, strings.TrimPrefix(line, "vault_k8s_auth_"))
		}
	}
	slices.Sort(lines)
	return strings.Join(lines, "")
}

func ownNames(t testing.TB, rec *metrics.Recorder) []string {
	t.Helper()
	families, err := rec.Gather()
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, f := range families {
		if strings.HasPrefix(f.GetName(), "vault_k8s_auth_") {
			names = append(names, f.GetName())
		}
	}
	return names
}

// expect compares samples; want may be indented.
func expect(t testing.TB, rec *metrics.Recorder, want string, names ...string) {
	t.Helper()
	var lines []string
	for line := range strings.Lines(want) {
		if line = strings.TrimSpace(line); line != "" {
			lines = append(lines, line+"\n")
		}
	}
	slices.Sort(lines)
	if diff := cmp.Diff(strings.Join(lines, ""), samples(t, rec, names...)); diff != "" {
		t.Errorf("exposition (-want +got):\n%s", diff)
	}
}
