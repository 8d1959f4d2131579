package probe_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/diagnose"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/probetest"
)

const day = 24 * time.Hour

// effects returns what happens at the end of each item, in the order of the result.
func effects(r probe.Result, of ...diagnose.Item) (list []string) {
	for _, x := range r.Expiries {
		if len(of) == 0 || slices.Contains(of, x.What) {
			text := string(x.What) + " " + string(x.Effect)
			if x.Soon(r.Start) {
				text += " soon"
			}
			list = append(list, text)
		}
	}
	return list
}

func raised(r probe.Result, code diagnose.WarningCode) bool {
	return slices.ContainsFunc(r.Raised(), func(w diagnose.Warning) bool { return w.Code == code })
}

func TestExpiriesListWhatARunSees(t *testing.T) {
	w := probetest.NewWorld(t)
	w.Complete()
	r, memory := w.Probe(probe.Memory{})
	want := []string{
		"canary_token checks_fail", "exporter_token checks_fail", "kubernetes_ca checks_fail", "kubernetes_certificate logins_fail",
		"mount_ca logins_fail", "reviewer_token logins_fail", "vault_ca checks_fail", "vault_certificate logins_fail",
	}
	got := effects(r)
	if !slices.IsSortedFunc(r.Expiries, func(a, b diagnose.Expiry) int { return a.End.Compare(b.End) }) {
		t.Errorf("not sorted by end: %v", got)
	}
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}

	// What a later run cannot see is as last seen.
	w.Target.Vault.Addr = "https://" + w.Refused()
	r, _ = w.Probe(memory)
	got = effects(r)
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("while Vault is down (-want +got):\n%s", diff)
	}
}

// Certificates of a bundle that verify nothing do not raise the warning, and do not fill the table.
func TestExpiredAuthoritiesThatNothingNeeds(t *testing.T) {
	w := probetest.NewWorld(t)
	now := time.Now()
	var bundle strings.Builder
	for i := range 140 {
		bundle.WriteString(probetest.OtherCA(now.Add(time.Duration(i-5) * 100 * day)))
	}
	bundle.WriteString(w.KubernetesCA(now.Add(-day))) // the root before it was renewed with the same key
	bundle.WriteString(w.KubernetesCA(now.Add(day)))  // still valid, and not needed either
	bundle.WriteString(w.KubernetesCA(now.Add(900 * day)))
	w.Target.Kubernetes.CACert = w.File("ca.crt", bundle.String())
	r, _ := w.Probe(probe.Memory{})
	if !r.Healthy() || raised(r, diagnose.CertificateExpiring) {
		t.Errorf("%s, warnings %+v", r.Diagnosis.Detail, r.Raised())
	}
	want := []string{"kubernetes_ca none soon", "kubernetes_ca none soon", "kubernetes_ca none soon", "kubernetes_ca checks_fail"}
	if diff := cmp.Diff(want, effects(r, diagnose.KubernetesCAItem)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestExpiringAuthorities(t *testing.T) {
	soon := time.Now().Add(day)
	for name, test := range map[string]struct {
		arrange func(*probetest.World)
		want    []string
		warns   bool
	}{
		"the exporter's": {
			func(w *probetest.World) { w.Target.Kubernetes.CACert = w.File("ca.crt", w.KubernetesCA(soon)) },
			[]string{"kubernetes_ca checks_fail soon", "mount_ca logins_fail"}, true,
		},
		"the mount's": {
			func(w *probetest.World) {
				w.Config(func(c *probetest.Config) { c.CACert = w.KubernetesCA(soon) })
			},
			[]string{"mount_ca logins_fail soon", "kubernetes_ca checks_fail"}, true,
		},
		"one of the mount's that another replaces": {
			func(w *probetest.World) {
				w.Config(func(c *probetest.Config) { c.CACert = w.KubernetesCA(soon) + c.CACert })
			},
			[]string{"mount_ca none soon", "kubernetes_ca checks_fail", "mount_ca logins_fail"}, false,
		},
		"of a host that the exporter does not connect to": {
			func(w *probetest.World) {
				w.Config(func(c *probetest.Config) {
					c.Host, c.CACert = strings.Replace(c.Host, "127.0.0.1", "localhost", 1), w.KubernetesCA(soon)
				})
			},
			[]string{"mount_ca unknown soon", "kubernetes_ca checks_fail"}, false,
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := probetest.NewWorld(t)
			w.Complete()
			test.arrange(w)
			r, _ := w.Probe(probe.Memory{})
			if diff := cmp.Diff(test.want, effects(r, diagnose.KubernetesCAItem, diagnose.MountCAItem)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if !r.Healthy() || raised(r, diagnose.CertificateExpiring) != test.warns {
				t.Errorf("%s, warnings %+v", r.Diagnosis.Detail, r.Raised())
			}
		})
	}
}

// The warning begins when it is configured to, and never while more than a tenth is left.
func TestExpiryWarningIsConfigured(t *testing.T) {
	w := probetest.NewWorld(t)
	reviewer := w.Reviewer
	reviewer.Issued, reviewer.Expires = time.Now().Add(-300*day), time.Now().Add(20*day)
	w.SetReviewer(reviewer)
	for notice, want := range map[time.Duration]bool{0: false, 19 * day: false, 21 * day: true} {
		w.Target.ExpiryWarning.Tokens = notice
		if r, _ := w.Probe(probe.Memory{}); raised(r, diagnose.ReviewerTokenExpiring) != want {
			t.Errorf("with %s the warning is raised: %t, want %t", notice, !want, want)
		}
	}
}

// A token that a pod's kubelet renews says when, and what else ends it.
func TestExpiryOfAPodsToken(t *testing.T) {
	w := probetest.NewWorld(t)
	reviewer := w.Reviewer
	reviewer.Pod = "vault-0"
	reviewer.Claims = map[string]any{"kubernetes.io": map[string]any{
		"namespace": "vault", "serviceaccount": map[string]any{"name": reviewer.Name, "uid": reviewer.UID},
		"pod": map[string]any{"name": "vault-0", "uid": "uid-of-vault-0"}, "warnafter": time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC).Unix(),
	}}
	w.Kubernetes.Change(func(k *probetest.Kubernetes) { k.Pods["vault/vault-0"] = "uid-of-vault-0" })
	w.SetReviewer(reviewer)
	r, _ := w.Probe(probe.Memory{})
	i := slices.IndexFunc(r.Expiries, func(x diagnose.Expiry) bool { return x.What == diagnose.ReviewerTokenItem })
	if i < 0 {
		t.Fatalf("no reviewer token in %+v", r.Expiries)
	}
	x := r.Expiries[i]
	if x.Until != "the pod vault/vault-0 is deleted" || !strings.Contains(x.Source, "before 2026-01-02 03:04 UTC (warnafter)") {
		t.Errorf("until %q, source %q", x.Until, x.Source)
	}
}

// The labels of a Secret that the exporter reads are known, and nothing else of it.
func TestExpiryOfATokenInASecret(t *testing.T) {
	w := probetest.NewWorld(t)
	reviewer := w.Reviewer
	reviewer.Legacy, reviewer.Secret = true, "vault-auth-token"
	w.Kubernetes.Change(func(k *probetest.Kubernetes) { k.Secrets["vault/vault-auth-token"] = reviewer.String() })
	w.StoreReviewer(reviewer.String())
	w.ReviewerInSecret("token", reviewer.String(), "kubernetes.io/legacy-token-last-used", "2026-01-02")
	r, _ := w.Probe(probe.Memory{})
	x := r.Expiries[len(r.Expiries)-1] // what has no end is last
	if want := "the Secret vault/vault-auth-token is deleted, or the cluster marks its Secret as unused, which was last used on 2026-01-02"; !r.Healthy() ||
		x.What != diagnose.ReviewerTokenItem || !x.End.IsZero() || x.Until != want {
		t.Errorf("%s, %+v", r.Diagnosis.Detail, x)
	}
}
