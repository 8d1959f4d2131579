package main

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/probetest"
)

// administrator removes the kubeconfig and the tokens of whoever runs the tests.
func administrator(t *testing.T) {
	t.Helper()
	t.Setenv("HOME", t.TempDir())
	for _, name := range []string{"KUBECONFIG", "KUBERNETES_SERVICE_HOST", "VAULT_ADDR", "VAULT_CACERT", "VAULT_TOKEN", "VAULT_NAMESPACE", "VAULT_TLS_SERVER_NAME", "BAO_ADDR", "BAO_TOKEN"} {
		t.Setenv(name, "")
	}
}

func TestSetup(t *testing.T) {
	for name, test := range map[string]struct {
		args           []string
		code           int
		stdout, stderr string
	}{
		"offline": {
			[]string{"--offline", "--vault-addr=https://vault:8200", "--reviewer-service-account=vault/vault"}, 0,
			"vault write auth/kubernetes/role/canary", "",
		},
		"values": {
			[]string{"--offline", "--output=values", "--vault-addr=https://vault:8200", "--reviewer=canary"}, 0,
			"  mode: canary\n", "",
		},
		"no Secret": {
			[]string{"--offline", "--vault-addr=https://vault:8200", "--reviewer=file"}, 2, "",
			"exporter: --reviewer-secret: is not set although --reviewer is secret or file: Vault never returns the stored token, and no Secret with it was found (--offline); allowed: the Secret",
		},
		"an account for a file": {
			[]string{"--offline", "--vault-addr=https://vault:8200", "--reviewer=file", "--reviewer-secret=monitoring/reviewer", "--reviewer-service-account=vault/vault"}, 2, "",
			"exporter: --reviewer-service-account: is not used, since --reviewer is file; allowed: nothing",
		},
		"a Secret as a file": {
			[]string{"--offline", "--vault-addr=https://vault:8200", "--reviewer=file", "--reviewer-secret=monitoring/reviewer"}, 0,
			"  mode: file\n  existingSecret: reviewer\n", "",
		},
		"nothing given":  {nil, 2, "", "exporter: --vault-addr: is not set"},
		"an account":     {[]string{"--offline", "--vault-addr=https://vault.example.com", "--reviewer-service-account=vault/vault"}, 0, "# --reviewer-service-account says so. The reviewer is vault/vault.\n", ""},
		"a mistake":      {[]string{"--vault-addr=vault"}, 2, "", "exporter: --vault-addr: is not an absolute URL"},
		"unknown format": {[]string{"--output=json"}, 2, "", "hcl,sh,values"},
		"help":           {[]string{"--help"}, 0, "--reviewer-secret", ""},
	} {
		t.Run(name, func(t *testing.T) {
			administrator(t)
			var stdout, stderr transcript
			if code := run(t.Context(), append([]string{"setup"}, test.args...), &stdout, &stderr); code != test.code {
				t.Errorf("exit code %d, want %d", code, test.code)
			}
			if !strings.Contains(stdout.String(), test.stdout) || test.code != 0 && stdout.String() != "" {
				t.Errorf("stdout lacks %q:\n%s", test.stdout, &stdout)
			}
			if !strings.Contains(stderr.String(), test.stderr) || test.stderr == "" && stderr.String() != "" {
				t.Errorf("stderr is %q, want %q", &stderr, test.stderr)
			}
		})
	}
}

// setup reads a Vault with the token of the vault command, and prints none.
func TestSetupReads(t *testing.T) {
	administrator(t)
	w := probetest.NewWorld(t)
	w.Mount(func(m *probetest.Mount) { delete(m.Roles, "canary") })
	w.DropReviewer()
	w.Config(func(c *probetest.Config) { c.ReviewerJWT = "" })
	t.Setenv("VAULT_ADDR", w.Target.Vault.Addr)
	t.Setenv("VAULT_CACERT", w.Target.Vault.CACert)
	t.Setenv("VAULT_TOKEN", probetest.ReaderToken)
	t.Setenv("VAULT_SKIP_VERIFY", "nonsense") // Vault's client library would refuse it
	var stdout, stderr transcript
	if code := run(t.Context(), []string{"setup"}, &stdout, &stderr); code != exitOK {
		t.Errorf("exit code %d: %s", code, &stderr)
	}
	if !strings.Contains(stdout.String(), "mode: canary") || !strings.Contains(stdout.String(), "the config of auth/kubernetes was read") {
		t.Errorf("it prints\n%s", &stdout)
	}
	if leaks := probetest.Leaks(stdout.String()+stderr.String(), probetest.ReaderToken); len(leaks) > 0 {
		t.Errorf("it prints %q", leaks)
	}
}

// docs/setup.md has every flag of setup, with its default.
func TestDocsNameEveryFlagOfSetup(t *testing.T) {
	administrator(t)
	var help bytes.Buffer
	if code := run(t.Context(), []string{"setup", "--help"}, &help, &help); code != exitOK {
		t.Fatalf("exit code %d: %s", code, help.String())
	}
	_, own, _ := strings.Cut(help.String(), "Changes nothing.")
	page, err := os.ReadFile(filepath.Join("..", "..", "docs", "setup.md"))
	if err != nil {
		t.Fatal(err)
	}
	names := func(pattern, text string) (all []string) {
		for _, match := range regexp.MustCompile(pattern).FindAllStringSubmatch(text, -1) {
			all = append(all, match[1])
		}
		return all
	}
	var want []string
	for _, name := range names(`(?m)^ {2,6}--(?:\[no-\])?([a-z.-]+)`, own) {
		if !strings.Contains(name, ".") && name != "version" { // the flags of every command
			want = append(want, name)
		}
	}
	if diff := cmp.Diff(want, names("(?m)^\\| `--([a-z-]+)", string(page))); diff != "" {
		t.Errorf("(-program +docs):\n%s", diff)
	}
}
