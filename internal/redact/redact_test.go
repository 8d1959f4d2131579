package redact

import (
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

// Keeping to what servers really say: none of it may be taken for a credential.
func TestPlainTextsAreLeftAlone(t *testing.T) {
	r := New("eyJhbGciOiJSUzI1NiIsImtpZCI6IjEifQ.eyJhdWQiOlsidmF1bHQiXSwiZXhwIjoxNzY0MTc2NDAwfQ.c2lnbmF0dXJlLXRoYXQtaXMtbm9uZQ", "hvs.CAESIJ0123456789abcdefghij")
	for _, text := range []string{
		"", "1.21.4+ent", "vault-0", "permission denied", "system:serviceaccount:monitoring:canary",
		"3b241101-e2bb-4255-8caf-4136c566a962",
		"UID 3b241101-e2bb-4255-8caf-4136c566a962 differs",
		"service account UID (3b241101-e2bb-4255-8caf-4136c566a962) does not match claim (3b241101-e2bb-4255-8caf-4136c566a963)",
		"[invalid bearer token, service account token has expired]",
		"[invalid bearer token, token audiences [\"vault\"] is invalid for the target audiences [\"https://kubernetes.default.svc.cluster.local\"]]",
		"invalid bearer token, service account token has been invalidated",
		`tokenreviews.authentication.k8s.io is forbidden: User "system:serviceaccount:vault:vault-auth" cannot create resource "tokenreviews" in API group "authentication.k8s.io" at the cluster scope`,
		`serviceaccounts "canary" is forbidden: User "system:serviceaccount:monitoring:vault-k8s-auth-exporter" cannot create resource "serviceaccounts/token" in API group "" in the namespace "monitoring"`,
		`RBAC: allowed by ClusterRoleBinding "vault-auth" of ClusterRole "system:auth-delegator" to ServiceAccount "vault-auth/vault"`,
		`secrets "vault-auth-token-x7k2p" not found`, "invalid expiration time (exp) claim: token is expired",
		"/apis/authentication.k8s.io/v1/tokenreviews/and/so/on", "/api/v1/namespaces/monitoring/serviceaccounts/canary/token",
		"lookup vault.vault-production.svc.cluster.local on 10.96.0.10:53: no such host",
		`Get "https://10.0.0.1:6443/apis/authentication.k8s.io/v1/tokenreviews": dial tcp 10.0.0.1:6443: connect: connection refused`,
		"tls: failed to verify certificate: x509: certificate is valid for kubernetes, kubernetes.default, not vaults.my-very-long-company-name-internal.example.com",
		"Bearer realm=\"kubernetes\"", "Basic authentication required", "auth_kubernetes_81b6cf0c", "accessor auth_kubernetes_81b6cf0c",
		`namespace not authorized err=namespaces "monitoring" is forbidden: User "system:serviceaccount:vault:vault-auth" cannot get resource "namespaces"`,
		"request path \"auth/kubernetes/login\": rate limit quota exceeded", "unable to parse the token: go-jose/go-jose: compact JWS format must have three parts",
		"ValidatingAdmissionPolicyBindingStatusConditionReasonUnknown2",
	} {
		if got := r.Clean(text); got != text {
			t.Errorf("%q became %q", text, got)
		}
	}
}

func TestUUIDThatIsHeld(t *testing.T) {
	const held = "5f1c9a7e-3d42-4b8f-9c06-1e7ad2b4f853"
	if got := New(held).Clean(held); got != Redacted {
		t.Errorf("a token that is a UUID became %q", got)
	}
	const short = "q9X2v8K1m7Z3p6W4" // of which the hexadecimal digits are those of a UUID
	if got := New(short).Clean(hex.EncodeToString([]byte(short))); got != Redacted {
		t.Errorf("a token of 16 bytes, in hexadecimal, became %q", got)
	}
}

// A control sequence, and whatever stands in it, may be inside a credential or just before it.
func TestControlSequences(t *testing.T) {
	for _, sequence := range []string{"\x1b[31m", "\x1b[\x0131m", "\x1b[\n31m", "\x1b[é1m", "\x1b[\u200b1m", "\x1b["} {
		for _, held := range []string{"correcthorse", "s.MARKEDMARKEDMARKEDMARKED"} {
			half := len(held) / 2
			for _, text := range []string{held[:half] + sequence + held[half:], sequence + held, held + sequence} {
				if got := New(held).Clean(text); strings.Contains(got, held[:half]) || strings.Contains(got, held[half+1:]) {
					t.Errorf("%q became %q", text, got)
				}
			}
		}
		if got := Clean("hvs.CAESI" + sequence + "J8Qkz1Xq93Zm5TfR7AbCdEfGhIjKl"); strings.Contains(got, "Xq93Zm5TfR7") {
			t.Errorf("with %q, a token that is not held became %q", sequence, got)
		}
	}
}

func BenchmarkClean(b *testing.B) {
	r := New(benchJWT("canary"), benchJWT("reviewer"), "hvs.CAESIJ0hTq8dWnYx3Lk2mVbQzR5sPfGc7oUe9aKi4DtXwZyBGh4KHGh2cy5BbHJ0")
	binding := `RBAC: allowed by ClusterRoleBinding "vault-auth" of ClusterRole "system:auth-delegator" to ServiceAccount "vault-auth/vault"`
	for name, text := range map[string]string{
		"name":    "system:serviceaccount:monitoring:canary",
		"UID":     "3b241101-e2bb-4255-8caf-4136c566a962",
		"binding": binding,
		"refusal": `[invalid bearer token, token audiences ["vault"] is invalid for the target audiences ["https://kubernetes.default.svc.cluster.local"]]`,
		"token":   "the token " + benchJWT("canary") + " is not valid",
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				r.Clean(text)
			}
		})
	}
	b.Run("first", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			New(benchJWT("canary"), benchJWT("reviewer"), benchJWT("own")).Clean(binding)
		}
	})
}

func benchJWT(name string) string {
	random := rand.New(rand.NewPCG(1, uint64(len(name))))
	return "eyJhbGciOiJSUzI1NiJ9." + strings.Map(func(rune) rune {
		return rune("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"[random.IntN(64)])
	}, strings.Repeat("x", 900)) + "." + name
}

// A process that runs for long holds many tokens, one after another.
func TestValuesOfTheBeginningStay(t *testing.T) {
	r := New("password-of-the-proxy")
	for i := range 3 * maxHeld {
		r.Hold(fmt.Sprintf("token-number-%03d", i))
	}
	for _, held := range []string{"password-of-the-proxy", fmt.Sprintf("token-number-%03d", 3*maxHeld-1)} {
		if got := r.Clean("before " + held + " after"); strings.Contains(got, held) {
			t.Errorf("%q is shown", got)
		}
	}
}

// A server chooses what it sends as a token. One that cannot be seen is in no text.
func TestInvisibleValuesAreNotSearchedFor(t *testing.T) {
	for _, value := range []string{"\u200b\u200b", strings.Repeat("\x00", 8), "\u202e\u2066\ufeff"} {
		r := New(value)
		for _, text := range []string{"x", "", "permission denied", value, "a" + value + "b", `\u200b%00&#0;`} {
			if got := r.Clean(text); strings.Contains(text, "permission") && got != text {
				t.Errorf("with %q, %q became %q", value, text, got)
			}
			_ = r.Remove(text)
		}
	}
}

// BenchmarkOneWord cleans the text that has the most spans: a word that is a credential wherever one looks.
func BenchmarkOneWord(b *testing.B) {
	r, text := New("------"), strings.Repeat("-", maxRaw)
	for b.Loop() {
		r.Clean(text)
	}
}
