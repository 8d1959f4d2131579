package diagnose

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
)

func TestCheckLines(t *testing.T) {
	target := evidence.Target{Vault: evidence.Vault{Addr: "https://vault:8200"}}
	want := []string{"export VAULT_ADDR=https://vault:8200", "vault status", "# shows Sealed true"}
	if diff := cmp.Diff(want, VaultSealed.Advice(target, evidence.Evidence{}).CheckLines()); diff != "" {
		t.Error(diff)
	}
}

// A check that needs the network of a pod says so, and takes the namespace of Vault's pods from the
// name of its Service.
func TestChecksOfServices(t *testing.T) {
	const inPod = ", if run in a pod"
	for address, want := range map[string][2]string{
		"https://vault.secrets.svc:8200":               {"kubectl -n secrets get", inPod},
		"https://vault.secrets.svc.cluster.local:8200": {"kubectl -n secrets get", inPod},
		"https://vault.example.com":                    {"kubectl -n <vault-namespace> get", ""},
		"https://vault.svc.example.com":                {"kubectl -n <vault-namespace> get", ""},
		"https://10.0.0.1:8200":                        {"kubectl -n <vault-namespace> get", ""},
	} {
		check := VaultUnreachable.Advice(evidence.Target{Vault: evidence.Vault{Addr: address}}, evidence.Evidence{}).Check
		if !strings.HasPrefix(check[0].Command, want[0]) || check[1].Shows != notVault+want[1] {
			t.Errorf("%s: %q", address, check)
		}
	}
}

// A listener may require a client certificate. That of the exporter is in its pod.
func TestChecksPresentAClientCertificate(t *testing.T) {
	target := evidence.Target{Vault: evidence.Vault{Addr: "https://vault:8200", ClientCert: "/tls.crt", ClientKey: "/tls.key"}}
	const want = "curl -sSk --max-time 5 --cert <client-cert> --key <client-key> https://vault:8200/v1/sys/health"
	if got := VaultTimeout.Advice(target, evidence.Evidence{}).Check[1].Command; got != want {
		t.Errorf("%s; want %s", got, want)
	}
}

// A token is revoked with what it is bound to, which may exist again under the same name.
func TestBoundObject(t *testing.T) {
	claims := evidence.Claims{Namespace: "vault", ServiceAccount: "vault-auth", UID: "3b24"}
	inPod, inSecret := claims, claims
	inPod.Pod, inSecret.Secret = "vault-0", "vault-token"
	for _, test := range []struct {
		claims evidence.Claims
		want   Check
	}{
		{claims, Check{"kubectl -n 'vault' get serviceaccount 'vault-auth' -o jsonpath='{.metadata.uid}'", "NotFound, or a UID other than '3b24'"}},
		{inPod, Check{"kubectl -n 'vault' get pod 'vault-0' -o jsonpath='{.metadata.creationTimestamp}'", "NotFound, or a time after the token was issued"}},
		{inSecret, Check{"kubectl -n 'vault' get secret 'vault-token' -o jsonpath='{.metadata.creationTimestamp} {.metadata.labels}'", "NotFound, a time after the token was issued, or the label kubernetes.io/legacy-token-invalid-since"}},
	} {
		if diff := cmp.Diff(test.want, boundObject(test.claims)); diff != "" {
			t.Error(diff)
		}
	}
}

// A mount without a CA of its own uses that of Vault's pod, which the check has not. Where neither
// is known, the command looks.
func TestConnectAsVault(t *testing.T) {
	config := func(ca string) evidence.Fact[evidence.MountConfig] {
		return evidence.Fact[evidence.MountConfig]{State: evidence.Answered, Value: evidence.MountConfig{CACert: ca}}
	}
	for name, test := range map[string]struct {
		source evidence.SourceName
		config evidence.Fact[evidence.MountConfig]
		want   string
	}{
		"unread":                     {evidence.SourceFile, evidence.Fact[evidence.MountConfig]{}, "| curl -sS --max-time 5 --cacert /dev/stdin "},
		"a CA":                       {evidence.SourceFile, config("PEM"), "| curl -sS --max-time 5 --cacert /dev/stdin "},
		"no CA":                      {evidence.SourceFile, config(""), "curl -sSk --max-time 5 "},
		"unread in Vault's own pod":  {evidence.SourceAccessReview, evidence.Fact[evidence.MountConfig]{}, "&& echo --cacert mount-ca.crt || echo -k) "},
		"a CA where Vault has a pod": {evidence.SourceAccessReview, config("PEM"), "| curl -sS --max-time 5 --cacert /dev/stdin "},
	} {
		target := evidence.Target{Reviewer: evidence.Origin{Source: test.source}}
		var e evidence.Evidence
		e.Mount.Config = test.config
		if got := connectAsVault(target, e).Command; !strings.Contains(got, test.want) {
			t.Errorf("%s: %s", name, got)
		}
	}
}

// Only a token that could not be obtained is looked for: one that was read is there.
func TestOnlyMissingTokensAreInspected(t *testing.T) {
	file := func(path string) evidence.Origin {
		return evidence.Origin{Source: evidence.SourceFile, TokenFile: path}
	}
	target := evidence.Target{Reviewer: file("/reviewer"), Canary: file("/canary")}
	for reason, want := range map[Reason]string{
		CanaryTokenMissing: "/canary", CanaryExpired: "", CanaryWrongCluster: "", ReviewerTokenMissing: "/reviewer", ReviewerTokenMalformed: "",
	} {
		var got []string
		for _, c := range reason.Advice(target, evidence.Evidence{}).Check {
			got = append(got, strings.TrimPrefix(c.Command, "ls -lL "))
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s: the checks are %q, want %q", reason, got, want)
		}
	}
}
