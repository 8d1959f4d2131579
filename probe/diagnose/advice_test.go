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

// What else the reviewer needs is granted to it as well, be it a service account or another user.
func TestGrantsAreToTheReviewer(t *testing.T) {
	for user, want := range map[string][]string{
		"system:serviceaccount:vault:vault-auth": {"--serviceaccount='vault:vault-auth'", "grep -w 'vault/vault-auth'", "vault-vault-auth-"},
		"jane@example.com":                       {"--user='jane@example.com'", "grep -w 'jane@example.com'", "vault-reviewer-"},
		"https://a.example#auth0|1":              {"--user='https://a.example#auth0|1'", "grep -w 'https://a.example#auth0|1'", "vault-reviewer-"},
		"system:serviceaccount:vault":            {"--user='system:serviceaccount:vault'", "grep -w 'system:serviceaccount:vault'", "vault-reviewer-"},
		"$(reboot)":                              {"--user=<reviewer>", "grep -w <reviewer>", "vault-reviewer-"},
		"":                                       {"--serviceaccount=<namespace:reviewer>", "grep -w <namespace/reviewer>", "namespace-reviewer-"},
	} {
		e := evidence.Evidence{Identity: evidence.Fact[evidence.Identity]{State: evidence.Answered, Value: evidence.Identity{Username: user}}}
		flag, listed, stem := want[0], want[1], want[2]
		narrow := adviseNarrowReviewer(e)
		for reason, a := range map[string]Advice{
			"forbidden": ReviewerForbidden.Advice(evidence.Target{}, e), "selector": RoleNamespaceSelectorFailed.Advice(evidence.Target{}, e),
			"annotations": MountAnnotationsForbidden.Advice(evidence.Target{}, e), "too wide": narrow,
		} {
			fix := strings.Join(a.Fix, "\n")
			if !strings.Contains(fix, " "+flag) || !strings.Contains(strings.ReplaceAll(fix, "'", ""), "clusterrolebinding "+stem) {
				t.Errorf("%q, %s: %q lacks %q or %q", user, reason, fix, flag, stem)
			}
		}
		if got := narrow.Check[0].Command; !strings.HasSuffix(got, listed) {
			t.Errorf("%q: %q does not end in %q", user, got, listed)
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
