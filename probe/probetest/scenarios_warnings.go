package probetest

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/diagnose"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
)

// warningScenarios are worlds in which pods can log in, but a warning is raised.
var warningScenarios = []Scenario{
	twin("reviewer_token_expiring", useReviewer(func(_ *World, t *Token) {
		t.Issued, t.Expires = time.Now().Add(-100*time.Hour), time.Now().Add(time.Hour)
	})),
	twin("reviewer_token_bound_to_pod", useReviewer(func(w *World, t *Token) {
		t.Pod = "vault-0"
		w.Kubernetes.Change(func(k *Kubernetes) { k.Pods["vault/vault-0"] = uidOf("vault-0") })
	})),
	twin("reviewer_overprivileged", func(w *World) {
		w.Kubernetes.Change(func(k *Kubernetes) { k.Grants[w.Reviewer.username()] = []string{"* *"} })
	}),
	twin("reviewer_overprivileged_secrets", grantReviewer(false, "get secrets", "list secrets")),
	same("reviewer_overprivileged_exec", warned(diagnose.ReviewerOverprivileged), grantReviewer(false, "create pods/exec")),
	same("reviewer_overprivileged_unlisted", warned(diagnose.ReviewerOverprivileged), grantReviewer(true, "list secrets")),
	twin("reviewer_stale_copy", func(w *World) { w.SetReviewer(expiredYesterday(w.Reviewer)) }),
	bare("reviewer_stale_copy_missing", warned(diagnose.ReviewerStaleCopy), func(w *World) { w.Target.Reviewer.TokenFile += ".gone" }),
	twin("reviewer_not_checked", func(w *World) {
		accessReview(w)
		w.powerlessIdentity()
	}),
	bare("reviewer_not_checked_not_minted", warned(diagnose.ReviewerNotChecked), func(w *World) {
		w.powerlessIdentity()
		w.Target.Reviewer = evidence.Origin{Source: evidence.SourceServiceAccount, ServiceAccount: w.Reviewer.account()}
	}),
	twin("canary_token_too_wide", useCanary(func(t *Token) { t.Audiences = []string{"vault", APIServerAudience} })),
	bare("canary_token_too_wide_minted", Verdict{diagnose.None, diagnose.Proven, diagnose.CanaryTokenTooWide}, func(w *World) {
		w.MintCanary()
		w.Target.Canary.Audiences = []string{"vault", APIServerAudience}
	}),
	twin("certificate_expiring", func(w *World) {
		w.Target.Vault.Addr = w.Serve(w.Vault, w.vaultCA, expiring)
	}),
	twin("certificate_expiring_mount_ca", func(w *World) {
		w.Config(func(c *Config) { c.CACert = w.kubernetesCA.until(time.Now().Add(24 * time.Hour)).PEM() })
	}),
	twin("certificate_expiring_exporters_ca", func(w *World) {
		w.Target.Kubernetes.CACert = w.File("ca.crt", w.kubernetesCA.until(time.Now().Add(24*time.Hour)).PEM())
	}),
	twin("token_signing_key_rotated", useReviewer(func(w *World, t *Token) {
		t.Key, t.Issued = otherKey(), t.Issued.Add(-time.Hour)
		w.Kubernetes.Change(func(k *Kubernetes) { k.OlderKeys = []*Key{otherKey()} })
	})),
	twin("mount_ca_mismatch", withMount(func(m *Mount) {
		m.PooledCA, m.Config.CACert = m.Config.CACert, newAuthority("other").PEM()
	})),
	twin("mount_host_differs", withConfig(func(c *Config) {
		c.Host = strings.Replace(c.Host, "127.0.0.1", "localhost", 1)
	})),
	{Name: "mount_drift", Full: warned(diagnose.MountDrift), Before: func(*World) {},
		Arrange: withConfig(func(c *Config) { c.Issuer = "https://other.example" })},
	twin("mount_pem_keys_stale", withConfig(func(c *Config) { c.PEMKeys = []string{clusterKey().PEM(), otherKey().PEM()} })),
	full("mount_pem_keys_stale_missing", warned(diagnose.MountPEMKeysStale), func(w *World) {
		w.Kubernetes.Change(func(k *Kubernetes) { k.NextKey = otherKey() })
		w.Config(func(c *Config) { c.PEMKeys = []string{clusterKey().PEM()} })
	}),
	twin("mount_accepts_invalid_token", acceptEverything),
	same("mount_accepts_invalid_token_other_role", warned(diagnose.MountAcceptsInvalidToken), func(w *World) {
		w.Target.NegativeCanary = evidence.NegativeCanarySettings{Enabled: true, Interval: time.Hour}
		w.Diagnosable()
		w.Mount(func(m *Mount) { m.Roles["diagnostic"] = m.Roles["canary"] })
	}),
	same("mount_accepts_invalid_token_role_probe", Verdict{diagnose.Unexplained, diagnose.ByElimination, diagnose.MountAcceptsInvalidToken}, acceptForged),
	{Name: "role_drift", Full: warned(diagnose.RoleDrift), Before: func(*World) {},
		Arrange: withRole(func(r *Role) { r.Policies, r.MaxTTL = []string{"admin"}, time.Hour })},
	twin("role_binding_too_wide", withRole(func(r *Role) { r.Names = []string{"*"} })),
	full("role_binding_too_wide_namespaces", warned(diagnose.RoleBindingTooWide), withRole(func(r *Role) { r.Namespaces = []string{"*"} })),
	twin("role_without_audience", withRole(func(r *Role) { r.Audience = "" })),
	twin("role_ttl_too_long", withRole(func(r *Role) { r.TTL = time.Hour })),
	twin("role_policy_too_wide", withRole(func(r *Role) { r.Policies = []string{AdminPolicy} })),
	twin("token_not_revoked", withRole(func(r *Role) { r.NoDefaultPolicy = true })),
	twin("kubernetes_unreachable_from_exporter", func(w *World) { w.Target.Kubernetes.Host = "https://" + w.Refused() }),
	same("clock_skew", warned(diagnose.ClockSkew), withVault(func(v *Vault) { v.Clock = 45 * time.Second })),
}

// grantReviewer permits the reviewer more than its ClusterRole does. With webhook the API server
// does not list it.
func grantReviewer(webhook bool, more ...string) func(*World) {
	return func(w *World) {
		w.Kubernetes.Change(func(k *Kubernetes) {
			k.Grants[w.Reviewer.username()] = append(slices.Clone(authDelegator), more...)
			k.Webhook = webhook
		})
	}
}

// acceptEverything makes the mount use an API server that authenticates every JWT as whoever it
// claims to be, with the negative canary switched on.
func acceptEverything(w *World) {
	w.Target.NegativeCanary = evidence.NegativeCanarySettings{Enabled: true, Interval: time.Hour}
	host := w.Serve(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if resourceOf(r.URL.Path) != "tokenreviews" {
			w.Kubernetes.ServeHTTP(rw, r)
			return
		}
		var question struct {
			Spec struct {
				Token     string
				Audiences []string
			}
		}
		if !readJSON(rw, r, &question) {
			return
		}
		var said claims
		if parsed, err := jwt.ParseSigned(question.Spec.Token, pluginAlgorithms); err != nil || parsed.UnsafeClaimsWithoutVerification(&said) != nil {
			writeStatus(rw, 400, "BadRequest", "no JWT")
			return
		}
		a := said.account()
		writeObject(rw, "authentication.k8s.io/v1", "TokenReview", map[string]any{
			"authenticated": true, "audiences": question.Spec.Audiences,
			"user": map[string]any{"username": "system:serviceaccount:" + a.namespace + ":" + a.name, "uid": a.uid},
		})
	}), w.kubernetesCA, nil)
	w.Config(func(c *Config) { c.Host = host })
}

// acceptForged makes Vault log in whoever comes with a forged JWT, and nobody else.
func acceptForged(w *World) {
	w.Vault.Change(func(v *Vault) {
		v.Handlers["auth/kubernetes/login"] = func(rw http.ResponseWriter, r *http.Request) {
			var question struct{ Role, JWT string }
			_ = json.NewDecoder(r.Body).Decode(&question)
			switch {
			case question.Role != w.Target.Vault.Role:
			case question.JWT == w.Canary.String():
				refuse(rw, 403, denied.text)
				return
			default:
				question.JWT = w.Canary.String()
			}
			body, _ := json.Marshal(map[string]string{"role": question.Role, "jwt": question.JWT})
			r.Body = io.NopCloser(bytes.NewReader(body))
			v.Serve(rw, r)
		}
	})
}
