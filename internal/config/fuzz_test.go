package config

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
)

// FuzzResolve puts any text, and a credential inside any text, into any variable.
// Nothing panics and nothing repeats the credential; and what is accepted is, once
// written, accepted again with the same meaning.
func FuzzResolve(f *testing.F) {
	credentials := []string{"", jwt, userinfo, marked["service token"], marked["private key"]}
	for i := range targetVariables {
		f.Add(uint(i), uint(i), "", "")
		f.Add(uint(i), uint(0), "https://vault:8200", "/x")
		f.Add(uint(i), uint(2), "https://vault/", "")
		f.Add(uint(i), uint(1), "/etc/", ",")
		f.Add(uint(i), uint(3), "1h30m", "\xff\n")
	}
	f.Fuzz(func(t *testing.T, field, credential uint, before, after string) {
		value := before + credentials[credential%uint(len(credentials))] + after
		if strings.Contains(before+after, "MARKED") {
			t.Skip("not the planted one")
		}
		text := fuzzed()
		reflect.ValueOf(&text).Elem().Field(int(field % uint(len(targetVariables)))).SetString(value)
		trim(&text)

		target, mistakes := resolve(text, place{other: variableOf}, pod{}, pems{})
		mistakes = append(mistakes, unknownVariables([]string{"EXPORTER_" + before + "=" + value})...)
		c := Config{}
		if len(mistakes) == 0 {
			c.Targets = append(c.Targets, target)
			again, refused := resolve(written(target), place{other: variableOf}, pod{}, pems{})
			if diff := cmp.Diff(target, again); diff != "" || len(refused) > 0 {
				t.Errorf("written and read again: %v\n%s", refused, diff)
			}
		}
		var out strings.Builder
		if err := c.Write(&out); err != nil {
			t.Fatal(err)
		}
		said := fmt.Sprint(errors.Join(mistakes...), out.String(), c.Warnings())
		if strings.Contains(said, "MARKED") {
			t.Errorf("a credential comes out: %s", said)
		}
		for _, mistake := range mistakes {
			if strings.ContainsAny(mistake.Error(), "\n\r") {
				t.Errorf("a mistake of several lines: %q", mistake)
			}
		}
	})
}

func fuzzed() targetText {
	return targetText{
		TargetName: "default", VaultAddr: "https://vault", VaultMount: "kubernetes", VaultRole: "canary",
		KubernetesHost: "https://kubernetes", Reviewer: "file", ReviewerTokenFile: "/r", Canary: "file", CanaryTokenFile: "/c",
		Interval: "60s", Timeout: "15s", RecheckInterval: "10s", FollowUps: "true",
	}
}

// written is the text of what [Config.Write] prints.
func written(target evidence.Target) (text targetText) {
	fields := reflect.ValueOf(&text).Elem()
	for i, v := range targetVariables {
		fields.Field(i).SetString(v.value(target))
	}
	return text
}
