package diagnose

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
)

// The binding is for the user that the API server names, and named after that user.
func TestReviewerIsBoundAsTheAPIServerNamesIt(t *testing.T) {
	forbidden := func(text string) evidence.Fact[evidence.Review] {
		return evidence.Fact[evidence.Review]{State: evidence.Failed, Failure: evidence.Failure{Class: evidence.ClassRefused, Status: 403, Text: text}}
	}
	identity := func(user string) evidence.Fact[evidence.Identity] {
		return evidence.Fact[evidence.Identity]{State: evidence.Answered, Value: evidence.Identity{Username: user}}
	}
	for _, test := range []struct {
		e    evidence.Evidence
		want string
	}{
		{evidence.Evidence{Identity: identity("system:serviceaccount:vault:opaque")}, "'vault-opaque-auth-delegator' --clusterrole=system:auth-delegator --serviceaccount='vault:opaque'"},
		{evidence.Evidence{Review: forbidden(`forbidden: User "system:serviceaccount:vault:said" cannot create`)}, "--serviceaccount='vault:said'"},
		{evidence.Evidence{Identity: identity("jane@example.com")}, "--user='jane@example.com'"},
		{evidence.Evidence{Identity: identity("$(reboot)")}, "--user=<reviewer>"},
	} {
		if got := ReviewerForbidden.Advice(evidence.Target{}, test.e).Fix[0]; !strings.Contains(got, test.want) {
			t.Errorf("the advice is %q, want %q in it", got, test.want)
		}
	}
}

// What else the reviewer needs is granted to it as well, be it a service account or another user, but
// never to who sends no token.
func TestGrantsAreToTheReviewer(t *testing.T) {
	for user, want := range map[string]struct{ flag, listed, binding, role string }{
		"system:serviceaccount:vault:vault-auth": {"--serviceaccount='vault:vault-auth'", "'vault/vault-auth'", "'vault-vault-auth-auth-delegator'", "vault-vault-auth-"},
		"jane@example.com":                       {"--user='jane@example.com'", "'jane@example.com'", "'jane@example.com-auth-delegator'", "jane@example.com-"},
		"https://a.example#auth0|1":              {"--user='https://a.example#auth0|1'", "'https://a.example#auth0|1'", "'https---a.example#auth0|1-auth-delegator'", "'https---a.example#auth0|1-"},
		"system:serviceaccount:vault":            {"--user='system:serviceaccount:vault'", "'system:serviceaccount:vault'", "'system-serviceaccount-vault-auth-delegator'", "system-serviceaccount-vault-"},
		"system:serviceaccount:vault:a:b":        {"--user='system:serviceaccount:vault:a:b'", "'system:serviceaccount:vault:a:b'", "'system-serviceaccount-vault-a-b-auth-delegator'", "system-serviceaccount-vault-a-b-"},
		"$(reboot)":                              {"--user=<reviewer>", "<reviewer>", "<name>", "reviewer-"},
		"":                                       {"--serviceaccount=<namespace:reviewer>", "<namespace/reviewer>", "<name>", "namespace-reviewer-"},
		"system:anonymous":                       {"--serviceaccount=<namespace:reviewer>", "<namespace/reviewer>", "<name>", ""},
	} {
		e := evidence.Evidence{Identity: evidence.Fact[evidence.Identity]{State: evidence.Answered, Value: evidence.Identity{Username: user}}}
		forbidden, narrow := ReviewerForbidden.Advice(evidence.Target{}, e), adviseNarrowReviewer(e)
		if want := "kubectl create clusterrolebinding " + want.binding + " --clusterrole=system:auth-delegator " + want.flag; forbidden.Fix[0] != want {
			t.Errorf("%q is bound with %q, want %q", user, forbidden.Fix[0], want)
		}
		if got := narrow.Check[0].Command; !strings.HasSuffix(got, " grep -Fw "+want.listed) || !strings.HasSuffix(narrow.Fix[1], " "+want.flag) {
			t.Errorf("%q is narrowed with %q and %q, want %q and %q", user, got, narrow.Fix[1], want.listed, want.flag)
		}
		for _, reason := range []Reason{RoleNamespaceSelectorFailed, MountAnnotationsForbidden} {
			fix := strings.Join(reason.Advice(evidence.Target{}, e).Fix, "\n")
			if want.role == "" {
				if fix != "" {
					t.Errorf("%s of %q is fixed with %q, want nothing", reason, user, fix)
				}
				continue
			}
			if !strings.HasPrefix(fix, "kubectl create clusterrole "+want.role) || !strings.HasSuffix(fix, " "+want.flag) {
				t.Errorf("%s of %q is fixed with %q, want %q and %q", reason, user, fix, want.role, want.flag)
			}
		}
	}
}

// Only the API server knows the username of an identity provider's token; its sub claim is none.
func TestTokenOfAnIdentityProvider(t *testing.T) {
	canary := evidence.Fact[evidence.Claims]{State: evidence.Answered, Value: evidence.Claims{Issuer: "https://kubernetes", Namespace: "monitoring", ServiceAccount: "canary"}}
	reviewer := evidence.Fact[evidence.Claims]{State: evidence.Answered, Value: evidence.Claims{Issuer: "https://a.example", Subject: "auth0|1"}}
	e := evidence.Evidence{CanaryToken: canary, ReviewerToken: reviewer}
	if fix := adviseNarrowReviewer(e).Fix[1]; !strings.HasSuffix(fix, " --serviceaccount=<namespace:reviewer>") {
		t.Errorf("its sub claim is taken for a username: %s", fix)
	}
	e.Review = evidence.Fact[evidence.Review]{State: evidence.Failed, Failure: evidence.Failure{Class: evidence.ClassRefused, Status: 401, Text: "Unauthorized"}}
	target := evidence.Target{Reviewer: evidence.Origin{Source: evidence.SourceFile, TokenFile: "/run/reviewer"}, Vault: evidence.Vault{Mount: "kubernetes"}}
	for said, e := range map[string]evidence.Evidence{"": e, "invalid bearer token": withReview(e, "[invalid bearer token]")} {
		if got := Diagnose(target, e).Reviewer.Reason; got != ReviewerUnauthorized {
			t.Errorf("a 401 is %s with %q, want %s: no cluster issued or signed it", got, said, ReviewerUnauthorized)
		}
	}
	for _, reason := range []Reason{ReviewerUnauthorized, ReviewerExpired} {
		if a := reason.Advice(target, e); len(a.Fix) > 0 || !strings.Contains(strings.Join(a.Notes, " "), "no service account") {
			t.Errorf("%s: %+v, want a note on its issuer, and no command for a service account", reason, a)
		}
		tried := target
		tried.Candidate = &evidence.Candidate{Reviewer: true}
		if a := reason.Advice(tried, e); len(a.Fix) > 0 || !strings.Contains(strings.Join(a.Notes, " "), "try that: --reviewer-token-file") {
			t.Errorf("%s of a candidate: %+v, want a note on its issuer, and to try another", reason, a)
		}
	}
}

// A token of no service account may be valid if the API server could not verify it: then no other
// is advised. What a webhook says of the token of a service account is no reason to keep that.
func TestTokenThatWasNotVerified(t *testing.T) {
	const down = `[invalid bearer token, Post "https://hook.example/authenticate": dial tcp 192.0.2.1:443: i/o timeout]`
	const signature = "[invalid bearer token, oidc: verify token: failed to verify signature: failed to verify id token signature]"
	user, opaque := evidence.Claims{Issuer: "https://a.example", Subject: "auth0|1"}, evidence.Claims{Opaque: true}
	account := evidence.Claims{Issuer: "https://kubernetes", Subject: "system:serviceaccount:vault:vault-auth", Namespace: "vault", ServiceAccount: "vault-auth"}
	target := evidence.Target{Reviewer: evidence.Origin{Source: evidence.SourceFile, TokenFile: "/run/reviewer"}, Vault: evidence.Vault{Mount: "kubernetes"}}
	for _, test := range []struct {
		of         evidence.Claims
		said       string
		mayBeValid bool
	}{{user, down, true}, {opaque, down, true}, {account, down, false}, {user, signature, false}} {
		e := withReview(evidence.Evidence{ReviewerToken: evidence.Fact[evidence.Claims]{State: evidence.Answered, Value: test.of}}, test.said)
		e.Review = evidence.Fact[evidence.Review]{State: evidence.Failed, Failure: evidence.Failure{Class: evidence.ClassRefused, Status: 401, Text: "Unauthorized"}}
		got := Diagnose(target, e).Reviewer
		if got.Reason != ReviewerUnauthorized || got.Certainty != Proven || !strings.Contains(got.Detail, test.said) {
			t.Errorf("%+v is %s, %s: %s", test, got.Reason, got.Certainty, got.Detail)
		}
		notes := strings.Join(got.Advice.Notes, " ")
		if strings.Contains(notes, "may be valid") != test.mayBeValid || test.mayBeValid && len(got.Advice.Fix) > 0 {
			t.Errorf("%+v: %+v", test, got.Advice)
		}
	}
}

func withReview(e evidence.Evidence, said string) evidence.Evidence {
	e.FollowUps.ReviewerReview = evidence.Fact[evidence.Review]{State: evidence.Answered, Value: evidence.Review{Error: said}}
	return e
}

// A proxy that presents an identity of its own may do what it may: nothing of that is taken from it.
func TestIdentityOfAProxyIsNotNarrowed(t *testing.T) {
	e := evidence.Evidence{
		Identity:      evidence.Fact[evidence.Identity]{State: evidence.Answered, Value: evidence.Identity{Username: "system:serviceaccount:cattle:proxy"}},
		ReviewerToken: evidence.Fact[evidence.Claims]{State: evidence.Answered, Value: evidence.Claims{Subject: "system:serviceaccount:vault:vault-auth", Namespace: "vault", ServiceAccount: "vault-auth"}},
		Privileges:    evidence.Fact[evidence.Privileges]{State: evidence.Answered, Value: evidence.Privileges{Rules: []evidence.Rule{{Verbs: []string{"*"}, Groups: []string{"*"}, Resources: []string{"*"}}}}},
	}
	found, known := judgeOverprivileged(evidence.Target{}, e)
	if !known || !found.holds || len(found.advice.Fix) > 0 || !strings.Contains(found.advice.Notes[0], "a proxy in between") || strings.Contains(found.detail, "Vault holds") {
		t.Errorf("%+v", found)
	}
}

// What the groups of a user permit is not seen: that it alone may not review proves nothing.
func TestAccessOfAUserIsNotJudged(t *testing.T) {
	denied := evidence.Evidence{FollowUps: evidence.FollowUps{DiagnosticAccess: evidence.Fact[evidence.Access]{State: evidence.Answered}}}
	for user, want := range map[string]bool{"system:serviceaccount:vault:vault-auth": true, "jane@example.com": false} {
		if v, known := diagnosticReviewer(evidence.Target{}, denied, user, "a fact"); known != want {
			t.Errorf("%s: %s, known %t, want %t", user, v.Reason, known, want)
		}
	}
}

// Where the objects behind the files are known, no command names a file that only the pod has.
func TestCommandsNameTheObjectsBehindFiles(t *testing.T) {
	target := evidence.Target{
		Vault:      evidence.Vault{Addr: "https://vault:8200", CACert: "/etc/vault/ca.crt", ClientCert: "/etc/client/tls.crt", ClientKey: "/etc/client/tls.key", Mount: "kubernetes"},
		Kubernetes: evidence.Kubernetes{Host: "https://kubernetes.default.svc", CACert: "/etc/kubernetes/ca.crt"},
		Reviewer:   evidence.Origin{Source: evidence.SourceFile, TokenFile: "/run/reviewer/token"},
		Canary:     evidence.Origin{Source: evidence.SourceFile, TokenFile: "/run/canary/token"},
		Pod: evidence.Pod{Namespace: "monitoring", Name: "exporter-0", Volumes: []evidence.Volume{
			{Path: "/etc/vault", Kind: evidence.KindConfigMap, Name: "vault-ca"}, {Path: "/etc/client", Kind: evidence.KindSecret, Name: "client"},
			{Path: "/etc/kubernetes", Kind: evidence.KindConfigMap, Name: "kubernetes-ca"}, {Path: "/run/reviewer", Kind: evidence.KindSecret, Name: "reviewer"},
		}},
	}
	for _, reason := range Reasons() {
		a := reason.Advice(target, evidence.Evidence{})
		for _, line := range slices.Concat(commands(a.Check), a.Fix) {
			if namesFile(target, line) {
				t.Errorf("%s: %s", reason, line)
			}
		}
	}
}

func TestCommandsWithFilesOfThePodSaySo(t *testing.T) {
	target := evidence.Target{Reviewer: evidence.Origin{Source: evidence.SourceFile, TokenFile: "/var/run/reviewer/token"}, Vault: evidence.Vault{Addr: "https://vault:8200", Mount: "kubernetes"}}
	for reason, want := range map[Reason]bool{ReviewerDrift: true, ReviewerTokenMissing: true, RoleMissing: false, VaultDNS: false} {
		notes := reason.Advice(target, evidence.Evidence{}).Notes
		if got := strings.Contains(strings.Join(notes, " "), "the exporter's pod"); got != want {
			t.Errorf("the advice on %s has the note on files: %t, want %t: %q", reason, got, want, notes)
		}
	}
}

// A Service of the cluster is not reached from a workstation: the advice says how.
func TestCommandsForAServiceSayHowToReachIt(t *testing.T) {
	for address, want := range map[string]string{
		"https://vault.vault.svc:8200": "(kubectl -n vault port-forward service/vault 8200:8200) and export VAULT_ADDR=https://127.0.0.1:8200 VAULT_TLS_SERVER_NAME=vault.vault.svc instead.",
		"https://vault-active.secrets.svc.cluster.local": "(kubectl -n secrets port-forward service/vault-active 8200:443) and export VAULT_ADDR=https://127.0.0.1:8200 " +
			"VAULT_TLS_SERVER_NAME=vault-active.secrets.svc.cluster.local instead.",
		"http://vault.vault.svc:8200/prefix": "8200:8200) and export VAULT_ADDR=http://127.0.0.1:8200/prefix instead.",
		"https://vault.example.com:8200":     "",
		"https://127.0.0.1:8200":             "",
	} {
		target := evidence.Target{Vault: evidence.Vault{Addr: address, Mount: "kubernetes", Role: "canary"}}
		notes := strings.Join(RoleMissing.Advice(target, evidence.Evidence{}).Notes, "\n")
		if said := strings.Contains(notes, "port-forward"); said != (want != "") || !strings.Contains(notes, want) {
			t.Errorf("%s: the notes are %q, want %q", address, notes, want)
		}
		if notes := VaultDNS.Advice(target, evidence.Evidence{}).Notes; strings.Contains(strings.Join(notes, "\n"), "port-forward") {
			t.Errorf("%s: advice without a command of vault says how to reach it: %q", address, notes)
		}
	}
}

// quoted matches what a shell takes literally: a value in quotes.
var quoted = regexp.MustCompile(`'[^']*'`)

// Check and Fix contain only commands, Notes contains only sentences. Every check says what it
// shows.
func TestAdviceIsTyped(t *testing.T) {
	for _, reason := range Reasons() {
		a := reason.Advice(evidence.Target{}, evidence.Evidence{})
		if a.IsEmpty() {
			t.Errorf("%s has no advice", reason)
		}
		for _, command := range slices.Concat(commands(a.Check), a.Fix) {
			if strings.HasPrefix(command, "#") || strings.HasSuffix(command, ".") || strings.TrimSpace(command) == "" {
				t.Errorf("%s: not a command: %q", reason, command)
			}
		}
		for _, c := range a.Check {
			if strings.HasPrefix(c.Command, "export") {
				continue
			}
			if bare := quoted.ReplaceAllString(c.Shows, ""); c.Shows == "" || strings.ContainsAny(bare, "`$'\"\\;&|()#\n") {
				t.Errorf("%s: %s shows %q: nothing, or what a shell does not take literally", reason, c.Command, c.Shows)
			}
		}
		for _, note := range a.Notes {
			if !strings.HasSuffix(note, ".") || strings.HasPrefix(note, "#") {
				t.Errorf("%s: not a sentence: %q", reason, note)
			}
		}
	}
}
