package probe

import (
	"strings"
	"testing"
)

// The binding is for whom the API server itself names, under a name of its own.
func TestReviewerIsBoundAsTheAPIServerNamesIt(t *testing.T) {
	forbidden := func(text string) Fact[Review] {
		return Fact[Review]{State: Failed, Failure: Failure{Class: ClassRefused, Status: 403, Text: text}}
	}
	identity := func(user string) Fact[Identity] {
		return Fact[Identity]{State: Answered, Value: Identity{Username: user}}
	}
	for _, test := range []struct {
		e    Evidence
		want string
	}{
		{Evidence{Identity: identity("system:serviceaccount:vault:opaque")}, "'vault-opaque-auth-delegator' --clusterrole=system:auth-delegator --serviceaccount='vault:opaque'"},
		{Evidence{Review: forbidden(`forbidden: User "system:serviceaccount:vault:said" cannot create`)}, "--serviceaccount='vault:said'"},
		{Evidence{Identity: identity("jane@example.com")}, "--user='jane@example.com'"},
		{Evidence{Identity: identity("$(reboot)")}, "--user=<reviewer>"},
	} {
		if got := adviseReviewerBind(Target{}, test.e)[0]; !strings.Contains(got, test.want) {
			t.Errorf("the advice is %q, want in it %q", got, test.want)
		}
	}
}

func TestCommandsWithFilesOfThePodSaySo(t *testing.T) {
	target := Target{Reviewer: Reviewer{Source: SourceFile, TokenFile: "/var/run/reviewer/token"}, Vault: Vault{Addr: "https://vault:8200", Mount: "kubernetes"}}
	for reason, want := range map[Reason]bool{ReviewerDrift: true, ReviewerTokenMissing: true, RoleMissing: false, VaultDNS: false} {
		lines := reason.advice(target, Evidence{})
		if got := strings.Contains(lines[0], "the exporter's pod"); got != want {
			t.Errorf("the advice on %s says where its files are: %t, want %t: %q", reason, got, want, lines)
		}
	}
}
