package config

import (
	"errors"
	"fmt"
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
		v := fuzzed()
		v[targetSpecs[field%uint(len(targetSpecs))].key] = strings.TrimSpace(value)

		target, mistakes := resolveTarget(v, keyNames{other: variableOf}, pod{}, fileChecks{})
		mistakes = append(mistakes, unknownVariables([]string{"EXPORTER_" + before + "=" + value})...)
		c := Config{}
		if len(mistakes) == 0 {
			c.Targets = append(c.Targets, target)
			again, refused := resolveTarget(written(target), keyNames{other: variableOf}, pod{}, fileChecks{})
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

func fuzzed() values {
	return values{
		"TARGET_NAME": "default", "VAULT_ADDR": "https://vault", "VAULT_MOUNT": "kubernetes", "VAULT_ROLE": "canary",
		"KUBERNETES_HOST": "https://kubernetes", "REVIEWER": "file", "REVIEWER_TOKEN_FILE": "/r", "CANARY": "file", "CANARY_TOKEN_FILE": "/c",
		"INTERVAL": "60s", "TIMEOUT": "15s", "RECHECK_INTERVAL": "10s", "FOLLOW_UPS": "true",
	}
}

// written are the values that [Config.Write] prints.
func written(target evidence.Target) values {
	v := values{}
	for _, row := range targetVariables {
		v[row.key] = row.format(target)
	}
	return v
}
