package config

import (
	"errors"
	"fmt"
	"maps"
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
		f.Add(uint(i), uint(0), "https://vault/^%24", "")
		f.Add(uint(i), uint(0), "https://[::1%25%3C]", "")
		f.Add(uint(i), uint(0), "::1%\xff", "")
	}
	f.Fuzz(func(t *testing.T, field, credential uint, before, after string) {
		value := before + credentials[credential%uint(len(credentials))] + after
		if strings.Contains(before+after, "MARKED") {
			t.Skip("not the planted one")
		}
		v := fuzzed()
		v[targetSpecs[field%uint(len(targetSpecs))].key] = strings.TrimSpace(value)

		target, mistakes := resolveTarget(v, keyNames{other: variableOf}, pod{}, fileChecks{})
		c := Config{}
		if len(mistakes) == 0 {
			c.Targets = append(c.Targets, target)
			again, refused := resolveTarget(written(target), keyNames{other: variableOf}, pod{}, fileChecks{})
			if diff := cmp.Diff(target, again); diff != "" || len(refused) > 0 {
				t.Errorf("written and read again: %v\n%s", refused, diff)
			}
		}
		mistakes = append(mistakes, unknownVariables([]string{"EXPORTER_" + before + "=" + value})...)
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

// FuzzEnvironment sets several variables at once, of a target and of the process: one in each line, as
// NAME=value, in which § stands for a credential. The same holds as for FuzzResolve.
func FuzzEnvironment(f *testing.F) {
	credentials := []string{jwt, userinfo, marked["service token"], marked["private key"]}
	for _, lines := range []string{
		"", "EXTERNAL_URL=§", "SHARD=1\nTOTAL_SHARDS=2\nLEADER_ELECTION=true", "LEADER_ELECTION=true\nLEADER_ELECTION_LEASE=a/b\nHOME=x", "SHARD=§-7\nTOTAL_SHARDS=0x9",
		"VOLUMES=/etc/reviewer=secret/vault-auth-token,/etc/vault=configmap/vault-ca", "VOLUMES=§,§", "VOLUMES=@/=secret/x", "VOLUMES=./@=secret/x", "EXTERNAL_URL=https://[::1%25%3C]", "VAULT_TLS_SERVER_NAME=::1%\xff", "TARGET_NAME=EXPORTER_a", "MAX_IN_FLIGHT=-1\nSTATUS_PAGE=§", "WORKLOADS=true\nWORKLOADS_INTERVAL=1ns",
		"REVIEWER=secret\nREVIEWER_SECRET=a/b/c", "REVIEWER=canary\nCANARY=serviceaccount\nCANARY_SERVICE_ACCOUNT=a/b\nCANARY_AUDIENCES=a,§,,", "VAULT_ADDR=https://§@vault:8200/§?§#§",
		"INTERVAL=9223372036854775807ns\nTIMEOUT=1ns", "VAULT_MOUNT=/auth/§//x/\nVAULT_NAMESPACE=/\x00", "TARGET_NAME=\u202e", "VAULT_ROLE=é\nVAULT_DIAGNOSTIC_ROLE=é",
	} {
		for i := range credentials {
			f.Add(lines, uint(i))
		}
	}
	f.Fuzz(func(t *testing.T, lines string, which uint) {
		if strings.Contains(lines, "MARKED") {
			t.Skip("not the planted one")
		}
		lines = strings.ReplaceAll(lines, "§", credentials[which%uint(len(credentials))])
		c, said := resolved(t, lines)
		if _, again := resolved(t, lines); again != said {
			t.Errorf("%q says %s, and then %s", lines, said, again)
		}
		if strings.Contains(said, "MARKED") || strings.ToValidUTF8(said, "") != said {
			t.Errorf("%q says %s", lines, said)
		}
		if len(c.Targets) == 1 {
			lines := strings.ReplaceAll("\n"+said, "\n"+prefix, "\n")
			if _, again := resolved(t, lines); again != said {
				t.Errorf("%q is written as %s and read as %s", lines, said, again)
			}
		}
	})
}

// resolved resolves the variables in these lines and returns what is said of them: the mistakes, of one
// line each, or the configuration as it is written.
func resolved(t *testing.T, lines string) (c Config, said string) {
	t.Helper()
	env := environment{values: values{}, names: keyNames{other: variableOf}}
	for _, s := range specs {
		env.values[s.key] = s.builtIn
	}
	maps.Copy(env.values, fuzzed())
	for line := range strings.SplitSeq(lines, "\n") {
		if name, value, _ := strings.Cut(line, "="); name != "TARGETS_FILE" { // FuzzTargetsFile has the file
			if _, known := env.values[name]; known {
				env.values[name] = strings.TrimSpace(value)
			}
		}
	}
	c, mistakes := env.resolve()
	for _, mistake := range mistakes {
		if strings.ContainsAny(mistake.Error(), "\n\r") {
			t.Errorf("a mistake of several lines: %q", mistake)
		}
	}
	if len(mistakes) > 0 {
		return Config{}, errors.Join(mistakes...).Error()
	}
	var out strings.Builder
	if err := c.Write(&out); err != nil {
		t.Fatal(err)
	}
	return c, out.String()
}

func fuzzed() values {
	return values{
		"TARGET_NAME": "default", "VAULT_ADDR": "https://vault", "VAULT_MOUNT": "kubernetes", "VAULT_ROLE": "canary",
		"KUBERNETES_HOST": "https://kubernetes", "REVIEWER": "file", "REVIEWER_TOKEN_FILE": "/r", "CANARY": "file", "CANARY_TOKEN_FILE": "/c",
		"INTERVAL": "60s", "TIMEOUT": "15s", "RECHECK_INTERVAL": "10s", "FOLLOW_UPS": "true",
		"EXPIRY_WARNING_TOKENS": "336h", "EXPIRY_WARNING_CERTIFICATES": "336h",
		"NEGATIVE_CANARY": "false", "NEGATIVE_CANARY_INTERVAL": "1h",
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
