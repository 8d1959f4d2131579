package config

import (
	"maps"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
)

// without returns the variables less these.
func (v vars) without(names ...string) vars {
	rest := maps.Clone(v)
	for _, name := range names {
		delete(rest, name)
	}
	return rest
}

const (
	reviewerFile = "EXPORTER_REVIEWER_TOKEN_FILE"
	canaryFile   = "EXPORTER_CANARY_TOKEN_FILE"
)

var reviewing = evidence.ServiceAccount{Namespace: "vault", Name: "vault-auth"}

func TestReviewerSources(t *testing.T) {
	own := vars{"EXPORTER_KUBERNETES_TOKEN_FILE": "/own/token"}
	for _, tt := range []struct {
		given vars
		want  evidence.Origin
	}{
		{vars{"EXPORTER_REVIEWER": "serviceaccount", "EXPORTER_REVIEWER_SERVICE_ACCOUNT": "vault/vault-auth"},
			evidence.Origin{Source: evidence.SourceServiceAccount, ServiceAccount: reviewing}},
		{vars{"EXPORTER_REVIEWER": "accessreview", "EXPORTER_REVIEWER_SERVICE_ACCOUNT": "vault/vault-auth"},
			evidence.Origin{Source: evidence.SourceAccessReview, ServiceAccount: reviewing}},
		{vars{"EXPORTER_REVIEWER": "canary"}, evidence.Origin{Source: evidence.SourceCanary}},
	} {
		t.Run(tt.given["EXPORTER_REVIEWER"], func(t *testing.T) {
			got := mustLoad(t, minimal().without(reviewerFile).but(own).but(tt.given)).Targets[0]
			if diff := cmp.Diff(tt.want, got.Reviewer); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if got.Home != (evidence.Kubernetes{}) {
				t.Errorf("home is %+v", got.Home)
			}
		})
	}
}

func TestReviewerSecret(t *testing.T) {
	p := inPod(t, "ca.crt", "token")
	for value, want := range map[string]evidence.SecretKey{
		"vault/vault-auth":      {Namespace: "vault", Name: "vault-auth", Key: "token"},
		"vault/vault.auth/jwt":  {Namespace: "vault", Name: "vault.auth", Key: "jwt"},
		"vault/vault-auth/a.B_": {Namespace: "vault", Name: "vault-auth", Key: "a.B_"},
	} {
		got := mustLoad(t, minimal().without(reviewerFile).but(service).but(vars{"EXPORTER_REVIEWER": "secret", "EXPORTER_REVIEWER_SECRET": value})).Targets[0]
		if diff := cmp.Diff(evidence.Origin{Source: evidence.SourceSecret, Secret: want}, got.Reviewer); diff != "" {
			t.Errorf("%s (-want +got):\n%s", value, diff)
		}
		home := evidence.Kubernetes{Host: "https://10.96.0.1:443", CACert: p.caCert(), TokenFile: p.tokenFile()}
		if diff := cmp.Diff(home, got.Home); diff != "" {
			t.Errorf("the home of %s (-want +got):\n%s", value, diff)
		}
	}
}

// The rules tell an outage of the target's API server from one of another server by
// the name.
func TestOneServerGoesByOneName(t *testing.T) {
	p := inPod(t, "ca.crt", "token")
	got := mustLoad(t, minimal().without(reviewerFile).but(service).but(vars{
		"EXPORTER_KUBERNETES_HOST": "https://kubernetes.default.svc", "EXPORTER_KUBERNETES_TOKEN_FILE": "/own/token",
		"EXPORTER_REVIEWER": "secret", "EXPORTER_REVIEWER_SECRET": "vault/vault-auth",
	})).Targets[0]
	want := evidence.Kubernetes{Host: "https://kubernetes.default.svc", CACert: p.caCert(), TokenFile: p.tokenFile()}
	if diff := cmp.Diff(want, got.Home); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestCanaryMinted(t *testing.T) {
	got := mustLoad(t, minimal().without(canaryFile).but(vars{
		"EXPORTER_CANARY": "serviceaccount", "EXPORTER_CANARY_SERVICE_ACCOUNT": "monitoring/canary", "EXPORTER_CANARY_AUDIENCES": "vault",
		"EXPORTER_KUBERNETES_TOKEN_FILE": "/own/token",
	})).Targets[0]
	want := evidence.Origin{
		Source: evidence.SourceServiceAccount, ServiceAccount: evidence.ServiceAccount{Namespace: "monitoring", Name: "canary"}, Audiences: []string{"vault"},
	}
	if diff := cmp.Diff(want, got.Canary); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestEachSourceWithItsKey(t *testing.T) {
	const account, own = "EXPORTER_REVIEWER_SERVICE_ACCOUNT", "EXPORTER_KUBERNETES_TOKEN_FILE"
	for name, tt := range map[string]struct {
		given vars
		want  string
	}{
		"secret without": {vars{"EXPORTER_REVIEWER": "secret", reviewerFile: ""},
			"EXPORTER_REVIEWER: secret works only in a pod, because the Secret is in the exporter's own cluster; allowed: another value outside a pod\n" +
				"EXPORTER_REVIEWER_SECRET: is not set; allowed: a Secret as namespace/name or namespace/name/key; the key is token by default"},
		"account without": {vars{"EXPORTER_REVIEWER": "serviceaccount", reviewerFile: "", own: "/own"},
			account + ": is not set; allowed: a service account as namespace/name"},
		"canary with a file": {vars{"EXPORTER_REVIEWER": "canary"},
			reviewerFile + ": is not used, since EXPORTER_REVIEWER is canary; allowed: nothing, or a source that uses it"},
		"file with an account": {vars{account: "a/b"},
			account + ": is not used, since EXPORTER_REVIEWER is file; allowed: nothing, or a source that uses it"},
		"file with a Secret": {vars{"EXPORTER_REVIEWER_SECRET": "a/b"},
			"EXPORTER_REVIEWER_SECRET: is not used, since EXPORTER_REVIEWER is file; allowed: nothing, or a source that uses it"},
		"canary file with an account": {vars{"EXPORTER_CANARY_SERVICE_ACCOUNT": "a/b"},
			"EXPORTER_CANARY_SERVICE_ACCOUNT: is not used, since EXPORTER_CANARY is file; allowed: nothing, or a source that uses it"},
		"canary minted with a file": {vars{"EXPORTER_CANARY": "serviceaccount", "EXPORTER_CANARY_SERVICE_ACCOUNT": "a/b", own: "/own"},
			canaryFile + ": is not used, since EXPORTER_CANARY is serviceaccount; allowed: nothing, or a source that uses it"},
		"reviewer without identity": {vars{"EXPORTER_REVIEWER": "accessreview", account: "a/b", reviewerFile: ""},
			own + ": is not set although EXPORTER_REVIEWER needs the exporter's own identity at the API server; allowed: " +
				"the path of the file with the exporter's own service account token; it has a default only for the pod's own API server"},
		"canary without identity": {vars{"EXPORTER_CANARY": "serviceaccount", "EXPORTER_CANARY_SERVICE_ACCOUNT": "a/b", canaryFile: ""},
			own + ": is not set although EXPORTER_CANARY needs the exporter's own identity at the API server; allowed: " +
				"the path of the file with the exporter's own service account token; it has a default only for the pod's own API server"},
		"account without namespace": {vars{"EXPORTER_REVIEWER": "accessreview", account: "vault-auth", reviewerFile: "", own: "/own"},
			account + `: "vault-auth" names no service account; allowed: a service account as namespace/name`},
		"account with a wrong name": {vars{"EXPORTER_REVIEWER": "accessreview", account: "vault/a/b", reviewerFile: "", own: "/own"},
			account + `: "vault/a/b" names no service account; allowed: a service account as namespace/name`},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := load(t, minimal().but(tt.given))
			if diff := cmp.Diff(tt.want, errorText(err)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// The token that Kubernetes puts into every pod opens the pod's own API server. No
// other host may see it.
func TestThePodsTokenStaysAtHome(t *testing.T) {
	p := inPod(t, "ca.crt", "token")
	for _, tt := range []struct {
		variable, host string
		refused        bool
	}{
		{"EXPORTER_KUBERNETES_TOKEN_FILE", "https://other:6443", true},
		{"EXPORTER_KUBERNETES_TOKEN_FILE", "https://kubernetes.default.svc", false},
		{"EXPORTER_REVIEWER_TOKEN_FILE", "https://other:6443", true},
		{"EXPORTER_REVIEWER_TOKEN_FILE", "https://10.96.0.1", false},
	} {
		for _, file := range []string{p.tokenFile(), p.files + "/./token"} {
			_, err := load(t, minimal().but(service).but(vars{"EXPORTER_KUBERNETES_HOST": tt.host, tt.variable: file}))
			want := tt.variable + ": is the pod's own token, and EXPORTER_KUBERNETES_HOST is not the pod's own API server"
			if refused := strings.HasPrefix(errorText(err), want); refused != tt.refused || !refused && err != nil {
				t.Errorf("%s=%s for %s: %v", tt.variable, file, tt.host, err)
			}
		}
	}
}
