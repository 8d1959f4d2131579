package config

import (
	"encoding/base64"
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestAllMistakesAtOnce(t *testing.T) {
	const want = `EXPORTER_TARGET_NAME: "my target" is not a valid target name; allowed: up to 128 letters, digits and ._/- that begin and end with a letter or digit
VAULT_ADDR: is not an absolute URL; allowed: an absolute URL, https (or http), such as https://vault.vault.svc:8200
EXPORTER_VAULT_CACERT: reading /no/such/ca.crt: no such file or directory; allowed: the path of a PEM file with at least one certificate
EXPORTER_VAULT_TLS_SERVER_NAME: "vault:8200" is not a server name; allowed: a DNS name or an IP address, without scheme and port
EXPORTER_VAULT_NAMESPACE: "a//b" is not a valid path in Vault; allowed: letters, digits and ._:@- in parts divided by single slashes, no part . or ..
EXPORTER_VAULT_MOUNT: begins with auth/, which is not part of it; allowed: the path below auth/, such as kubernetes
EXPORTER_VAULT_ROLE: is not set; allowed: the name of the canary's role at the mount: letters, digits and _.- that begin and end with a letter, digit or _
EXPORTER_VAULT_CLIENT_CERT: is not set although EXPORTER_VAULT_CLIENT_KEY is; allowed: both, or neither
EXPORTER_KUBERNETES_HOST: is http, over which a token would travel unencrypted; allowed: an absolute https URL, such as https://kubernetes.default.svc
EXPORTER_REVIEWER: "configmap" is not supported; allowed: accessreview, canary, file, secret, serviceaccount
EXPORTER_REVIEWER_TOKEN_FILE: holds a credential, or what looks like one, which is not repeated here; allowed: no credential in a variable: it goes into a file, and the variable names the file
EXPORTER_CANARY: is a URL where a bare value belongs: Kubernetes injects such values for Services; allowed: a value of your own; set enableServiceLinks: false in the pod's spec to have none injected
EXPORTER_CANARY_AUDIENCES: has an empty audience; allowed: audiences separated by commas, such as vault
EXPORTER_INTERVAL: "60" is not a duration; allowed: 1s to 24h in Go's syntax, such as 60s or 1m30s
EXPORTER_TIMEOUT: "100ms" is too short; allowed: 1s to 24h in Go's syntax, such as 60s or 1m30s
EXPORTER_RECHECK_INTERVAL: "25h" is too long; allowed: 1s to 24h in Go's syntax, such as 60s or 1m30s
EXPORTER_FOLLOW_UPS: "yes" is not a boolean; allowed: true or false
EXPORTER_PORT: is not known; allowed: the variables in docs/configuration.md
EXPORTER_VAULT_ADDRESS: is not known; did you mean EXPORTER_VAULT_ADDR?`
	_, err := load(t, vars{
		"EXPORTER_TARGET_NAME":           "my target",
		"VAULT_ADDR":                     "vault.vault.svc:8200",
		"EXPORTER_VAULT_CACERT":          "/no/such/ca.crt",
		"EXPORTER_VAULT_TLS_SERVER_NAME": "vault:8200",
		"EXPORTER_VAULT_NAMESPACE":       "a//b",
		"EXPORTER_VAULT_MOUNT":           "auth/kubernetes",
		"EXPORTER_VAULT_CLIENT_KEY":      newFiles(t).key,
		"EXPORTER_KUBERNETES_HOST":       "http://10.0.0.1",
		"EXPORTER_REVIEWER":              "configmap",
		"EXPORTER_REVIEWER_TOKEN_FILE":   jwt,
		"EXPORTER_CANARY":                "tcp://10.0.0.1:80",
		"EXPORTER_CANARY_AUDIENCES":      "vault,",
		"EXPORTER_INTERVAL":              "60",
		"EXPORTER_TIMEOUT":               "100ms",
		"EXPORTER_RECHECK_INTERVAL":      "25h",
		"EXPORTER_FOLLOW_UPS":            "yes",
		"EXPORTER_PORT":                  "9100",
		"EXPORTER_VAULT_ADDRESS":         "https://vault",
		"EXPORTER_SERVICE_HOST":          "10.0.0.2",
	})
	if diff := cmp.Diff(want, errorText(err)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// Whoever has set nothing learns of the other sources of tokens, and of setup.
func TestNothingIsSet(t *testing.T) {
	const setup = "; exporter setup prints the one that fits, and all else that an installation needs"
	_, err := load(t, vars{})
	for _, want := range []string{
		"EXPORTER_REVIEWER_TOKEN_FILE: is not set; allowed: " + specOf("REVIEWER_TOKEN_FILE").missing + "; or another source, EXPORTER_REVIEWER: accessreview, canary, secret, serviceaccount" + setup + "\n",
		"EXPORTER_CANARY_TOKEN_FILE: is not set; allowed: " + specOf("CANARY_TOKEN_FILE").missing + "; or another source, EXPORTER_CANARY: serviceaccount",
	} {
		if !strings.Contains(errorText(err), want) {
			t.Errorf("%s\nlacks\n%s", errorText(err), want)
		}
	}
	if n := strings.Count(errorText(err), setup); n != 1 {
		t.Errorf("setup is named %d times", n)
	}
}

func TestNothingSet(t *testing.T) {
	_, err := load(t, nil)
	want := []string{
		"EXPORTER_VAULT_ADDR: is not set", "EXPORTER_VAULT_ROLE: is not set", "EXPORTER_KUBERNETES_HOST: is not set",
		"EXPORTER_REVIEWER_TOKEN_FILE: is not set", "EXPORTER_CANARY_TOKEN_FILE: is not set",
	}
	lines := strings.Split(errorText(err), "\n")
	if len(lines) != len(want) {
		t.Fatalf("got\n%v", err)
	}
	for i, line := range lines {
		if !strings.HasPrefix(line, want[i]+"; allowed: ") {
			t.Errorf("got %q, want %q", line, want[i])
		}
	}
}

// Each value by itself is a mistake, in a configuration that is right otherwise.
func TestMistakes(t *testing.T) {
	f := newFiles(t)
	fifo := f.dir + "/fifo"
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ variable, value, want string }{
		{"TARGET_NAME", "-prod", `"-prod" is not a valid target name`},
		{"TARGET_NAME", "prod{", `"prod{" is not a valid target name`},
		{"TARGET_NAME", "日本", `"\u65e5\u672c" is not a valid target name`},
		{"TARGET_NAME", strings.Repeat("a", 129), "the value is not a valid target name"},
		{"VAULT_ADDR", "vault", "is not an absolute URL"},
		{"VAULT_ADDR", "https:vault", "is not an absolute URL"},
		{"VAULT_ADDR", "//vault", "is not an absolute URL"},
		{"VAULT_ADDR", "https://", "has no host"},
		{"VAULT_ADDR", "https:///v1", "has no host"},
		{"VAULT_ADDR", "https://<vault>", "has no host"},
		{"VAULT_ADDR", "https://va ult", "is not an absolute URL"},
		{"VAULT_ADDR", "https://vault:", "has a port that cannot be"},
		{"VAULT_ADDR", "https://vault:0", "has a port that cannot be"},
		{"VAULT_ADDR", "https://vault:65536", "has a port that cannot be"},
		{"VAULT_ADDR", "https://vault:port", "is not an absolute URL"},
		{"VAULT_ADDR", "https://user@vault", "holds a user or a password"},
		{"VAULT_ADDR", "https://user:pass@vault", "holds a user or a password"},
		{"VAULT_ADDR", "https://vault?token=x", "has a query"},
		{"VAULT_ADDR", "https://vault/?", "has a query"},
		{"VAULT_ADDR", "https://vault#x", "has a fragment"},
		{"VAULT_ADDR", "https://vault#", "has the character #"},
		{"VAULT_ADDR", "https://vault/a b", "has a blank inside"},
		{"VAULT_ADDR", "https://vault/$(id)", "has the character $"},
		{"VAULT_ADDR", "https://vault:8200/v1/", "ends in /v1, which is not part of Vault's address"},
		{"VAULT_ADDR", "https://vault:8200/v1/auth", "has the path of a request, /v1/auth/…"},
		{"VAULT_ADDR", "https://vault:8200/v1/auth/kubernetes/login", "has the path of a request, /v1/auth/…"},
		{"VAULT_ADDR", "https://vault:8200/v1/sys/health", "has the path of a request, /v1/sys/…"},
		{"VAULT_ADDR", "https://vault:8200/ui", "ends in /ui, which is not part of Vault's address"},
		{"VAULT_ADDR", "unix:///run/vault.sock", "has another scheme"},
		{"VAULT_ADDR", "tcp://10.0.0.1:8200", "is a tcp URL: Kubernetes injects such values for Services; set enableServiceLinks: false"},
		{"VAULT_CACERT", f.text, f.text + " holds no PEM certificate"},
		{"VAULT_CACERT", f.key, f.key + " holds no PEM certificate"},
		{"VAULT_CACERT", f.dir, f.dir + " is no regular file, but a directory"},
		{"VAULT_CACERT", fifo, fifo + " is no regular file, but a named pipe"},
		{"VAULT_CACERT", "/dev/zero", "/dev/zero is no regular file, but a device"},
		{"VAULT_CACERT", "tcp://10.0.0.1:8200", "Kubernetes injects such values"},
		{"VAULT_CACERT", "-----BEGIN CERTIFICATE-----\nMII", "holds a credential, or what looks like one"},
		{"VAULT_TLS_SERVER_NAME", "https://vault", "Kubernetes injects such values"},
		{"VAULT_NAMESPACE", "team a", `"team a" is not a valid path in Vault`},
		{"VAULT_NAMESPACE", "team/..", "has a part .."},
		{"VAULT_MOUNT", "///", "names no mount"},
		{"VAULT_MOUNT", "auth", "begins with auth/"},
		{"VAULT_MOUNT", "/auth/kubernetes/", "begins with auth/"},
		{"VAULT_MOUNT", "/v1/auth/kubernetes", "begins with v1/"},
		{"VAULT_MOUNT", "kubernetes/../token", "has a part .."},
		{"VAULT_MOUNT", "kubernetes/login?x", `"kubernetes/login?x" is not a valid path in Vault`},
		{"VAULT_MOUNT", "tcp://10.0.0.1:8200", "Kubernetes injects such values"},
		{"VAULT_ROLE", "a/b", `"a/b" is not a valid role name`},
		{"VAULT_ROLE", "-a", `"-a" is not a valid role name`},
		{"VAULT_ROLE", "it's", `"it's" is not a valid role name`},
		{"VAULT_CLIENT_CERT", f.cert, "EXPORTER_VAULT_CLIENT_KEY: is not set although EXPORTER_VAULT_CLIENT_CERT is"},
		{"VAULT_CLIENT_KEY", f.key, "EXPORTER_VAULT_CLIENT_CERT: is not set although EXPORTER_VAULT_CLIENT_KEY is"},
		{"KUBERNETES_HOST", "http://10.0.0.1", "is http, over which a token would travel unencrypted"},
		{"KUBERNETES_HOST", "10.0.0.1:6443", "is not an absolute URL"},
		{"KUBERNETES_HOST", "localhost:6443", "is not an absolute URL"},
		{"KUBERNETES_CACERT", "/no/such/file", "reading /no/such/file: no such file or directory"},
		{"REVIEWER", "File", `"File" is not supported; allowed: accessreview, canary, file, secret, serviceaccount`},
		{"REVIEWER_TOKEN_FILE", "tcp://10.0.0.1:80", "Kubernetes injects such values"},
		{"REVIEWER_TOKEN_FILE", "/my files/token", "has a blank inside"},
		{"REVIEWER_TOKEN_FILE", "/etc/\x01", "has a character that cannot be printed"},
		{"REVIEWER_TOKEN_FILE", "/etc/\xff", "has a character that cannot be printed"},
		{"REVIEWER_TOKEN_FILE", "0f3dac36-9d8c-4f3b-8a57-51f2e1b0c9aa", "looks like a credential rather than a path"},
		{"CANARY_TOKEN_FILE", "~/token", "has the character ~"},
		{"CANARY_AUDIENCES", "vault,,x", "has an empty audience"},
		{"VAULT_ALIASES", "https://a,", "has an empty URL"},
		{"VAULT_ALIASES", "https://a,vault:8200", "is not an absolute URL"},
		{"CANARY_AUDIENCES", "va ult", "has a blank inside"},
		{"CANARY_AUDIENCES", "https://user:pass@vault", "has an audience with an @"},
		{"INTERVAL", "tcp://10.0.0.1:80", "Kubernetes injects such values"},
		{"INTERVAL", "1d", `"1d" is not a duration`},
		{"INTERVAL", "-60s", `"-60s" is too short`},
		{"INTERVAL", "0", `"0" is too short`},
		{"INTERVAL", "21s", "21s is shorter than the longest run, 22s: the 15s of EXPORTER_TIMEOUT, and 7s for follow-ups and revocation; allowed: 22s or more, or a timeout of 14s or less"},
		{"INTERVAL", "5s", "5s is shorter than the longest run, 22s: the 15s of EXPORTER_TIMEOUT, and 7s for follow-ups and revocation; allowed: 22s or more\n"},
		{"TIMEOUT", "60s", "EXPORTER_INTERVAL: 1m0s is shorter than the longest run, 1m7s: the 1m0s of EXPORTER_TIMEOUT"},
		{"TIMEOUT", "999ms", `"999ms" is too short`},
		{"RECHECK_INTERVAL", "61s", "1m1s is longer than the 1m0s of EXPORTER_INTERVAL; allowed: 1s to 1m0s"},
		{"STATUS_PAGE", "auto", `"auto" is not a boolean; allowed: true or false`},
		{"EXTERNAL_URL", "/vault-auth", "is not an absolute URL; allowed: an absolute URL, https or http, such as https://example.com/vault-auth"},
		{"EXTERNAL_URL", "https://example.com/a?b=c", "has a query; allowed: "},
		{"EXTERNAL_URL", "https://example.com/{x}", "has the character {"},
		{"FOLLOW_UPS", "1", `"1" is not a boolean; allowed: true or false`},
		{"FOLLOW_UPS", "True", `"True" is not a boolean`},
		{"FOLLOW_UPS", "tcp://10.0.0.1:80", "Kubernetes injects such values"},
	} {
		t.Run(tt.variable+"="+tt.value, func(t *testing.T) {
			_, err := load(t, minimal().but(vars{"EXPORTER_" + tt.variable: tt.value}))
			if text := errorText(err) + "\n"; !strings.Contains(text, tt.want) || !strings.Contains(text, "; allowed: ") {
				t.Errorf("got %s, want %s", text, tt.want)
			}
		})
	}
}

func TestClientPair(t *testing.T) {
	f := newFiles(t)
	for name, tt := range map[string]struct{ cert, key, want string }{
		"of two": {f.cert, f.otherKey, "EXPORTER_VAULT_CLIENT_KEY: " + f.otherKey + " does not hold the key of the first certificate in " + f.cert +
			"; allowed: the path of a PEM file with an unencrypted private key"},
		"swapped": {f.key, f.cert, "EXPORTER_VAULT_CLIENT_CERT: " + f.key + " holds no PEM certificate; allowed: " + certificateFile.allowed +
			"\nEXPORTER_VAULT_CLIENT_KEY: " + f.cert + " holds no PEM private key; allowed: " + privateKeyFile.allowed},
		"no key": {f.cert, f.dir + "/none", "EXPORTER_VAULT_CLIENT_KEY: reading " + f.dir + "/none: no such file or directory; allowed: " + privateKeyFile.allowed},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := load(t, minimal().but(vars{"EXPORTER_VAULT_CLIENT_CERT": tt.cert, "EXPORTER_VAULT_CLIENT_KEY": tt.key}))
			if diff := cmp.Diff(tt.want, errorText(err)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestUnreadableFile(t *testing.T) {
	f := newFiles(t)
	if err := os.Chmod(f.cert, 0); err != nil {
		t.Fatal(err)
	}
	if _, err := os.ReadFile(f.cert); err == nil {
		t.Skip("this user may read everything")
	}
	_, err := load(t, minimal().but(vars{"EXPORTER_VAULT_CACERT": f.cert}))
	if !strings.Contains(errorText(err), "permission denied") {
		t.Errorf("got %v", err)
	}
}

// What is allowed must not be refused by a precaution.
func TestNoMistakes(t *testing.T) {
	for _, tt := range []vars{
		{"EXPORTER_TARGET_NAME": "a"},
		{"EXPORTER_TARGET_NAME": strings.Repeat("a", 128)},
		{"EXPORTER_VAULT_ADDR": "https://vault.vault.svc.cluster.local.:8200"},
		{"EXPORTER_VAULT_ADDR": "https://gateway/v1/vault"},
		{"EXPORTER_VAULT_ADDR": " https://vault:8200\n"},
		{"EXPORTER_VAULT_NAMESPACE": "/"},
		{"EXPORTER_VAULT_MOUNT": "authentic"},
		{"EXPORTER_VAULT_ROLE": "keyJobRunner12"},
		{"EXPORTER_VAULT_ROLE": "0f3dac36-9d8c-4f3b-8a57-51f2e1b0c9aa"},
		{"EXPORTER_KUBERNETES_HOST": "https://[2001:db8::1]:6443"},
		{"EXPORTER_REVIEWER_TOKEN_FILE": "./token"},
		{"EXPORTER_REVIEWER_TOKEN_FILE": "/no/such/file"},
		{"EXPORTER_INTERVAL": "22s"},
		{"EXPORTER_INTERVAL": "24h", "EXPORTER_RECHECK_INTERVAL": "24h"},
		{"EXPORTER_INTERVAL": "10s", "EXPORTER_TIMEOUT": "3s", "EXPORTER_RECHECK_INTERVAL": "2s"},
	} {
		if _, err := load(t, minimal().but(tt)); err != nil {
			t.Errorf("%v: %v", tt, err)
		}
	}
}

func TestUnknownVariables(t *testing.T) {
	for _, tt := range []struct{ name, value, want string }{
		{"EXPORTER_VAULT_CA_CERT", "x", "EXPORTER_VAULT_CA_CERT: is not known; did you mean EXPORTER_VAULT_CACERT?"},
		{"EXPORTER_VAULT_TOKEN", "x", "EXPORTER_VAULT_TOKEN: is not known; did you mean EXPORTER_VAULT_TOKEN_FILE?"},
		{"EXPORTER_KUBERNETES_CA", "x", "EXPORTER_KUBERNETES_CA: is not known; did you mean EXPORTER_KUBERNETES_CACERT?"},
		{"EXPORTER_VAULT", "x", "EXPORTER_VAULT: is not known; allowed: the variables in docs/configuration.md"},
		{"EXPORTER_INTERVALL", "x", "EXPORTER_INTERVALL: is not known; did you mean EXPORTER_INTERVAL?"},
		{"EXPORTER_CANARY_TOKENFILE", "x", "EXPORTER_CANARY_TOKENFILE: is not known; did you mean EXPORTER_CANARY_TOKEN_FILE?"},
		{"EXPORTER_FOLLOWUPS", "x", "EXPORTER_FOLLOWUPS: is not known; did you mean EXPORTER_FOLLOW_UPS?"},
		{"EXPORTER_KUBECONFIG", "x", "EXPORTER_KUBECONFIG: is not known; allowed: the variables in docs/configuration.md"},
		{"EXPORTER_", "x", "EXPORTER_: is not known; allowed: the variables in docs/configuration.md"},
		{"EXPORTER_A\nB", "x", "EXPORTER_…: is not known, nor fit to be shown; allowed: the variables in docs/configuration.md"},
		{"EXPORTER_hvs.CAESIMARKEDMARKEDMARKED", "x", "EXPORTER_…: is not known, nor fit to be shown; allowed: the variables in docs/configuration.md"},

		{"EXPORTER_SERVICE_HOST", "10.0.0.1", ""},
		{"EXPORTER_SERVICE_PORT", "10190", ""},
		{"EXPORTER_SERVICE_PORT_HTTP_METRICS", "10190", ""},
		{"EXPORTER_PORT", "tcp://10.0.0.1:10190", ""},
		{"EXPORTER_PORT_10190_TCP", "tcp://10.0.0.1:10190", ""},
		{"EXPORTER_PORT_10190_TCP_PROTO", "tcp", ""},
		{"EXPORTER_PORT_10190_TCP_PORT", "10190", ""},
		{"EXPORTER_PORT_10190_TCP_ADDR", "fd00::1", ""},
		{"EXPORTER_METRICS_SERVICE_HOST", "10.0.0.1", ""},
		{"EXPORTER_VAULT_PORT", "tcp://10.0.0.1:8200", ""},

		{"EXPORTER_PORT", "9100", "EXPORTER_PORT: is not known"},
		{"EXPORTER_SERVICE_HOST", "vault", "EXPORTER_SERVICE_HOST: is not known"},
		{"EXPORTER_SERVICE_PORT", "http", "EXPORTER_SERVICE_PORT: is not known"},
		{"EXPORTER_PORT_10190_TCP_PROTO", "quic", "EXPORTER_PORT_10190_TCP_PROTO: is not known"},
	} {
		t.Run(tt.name+"="+tt.value, func(t *testing.T) {
			_, err := load(t, minimal().but(vars{tt.name: tt.value}))
			if got := errorText(err); tt.want == "" && got != "" || !strings.HasPrefix(got, tt.want) {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

const (
	jwt      = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJNQVJLRUQifQ.MARKEDsignature"
	userinfo = "https://user:MARKED@vault:8200"
)

// marked are credentials as they get into variables by accident. No part of them
// may come out again.
var marked = map[string]string{
	"JWT":           jwt,
	"bearer":        "Bearer " + jwt,
	"quoted JWT":    `"` + jwt + `"`,
	"half a JWT":    "eyJhbGciOiJSUzI1NiIsImtpZCI6Ik1BUktFRCJ9",
	"base64 JWT":    base64.StdEncoding.EncodeToString([]byte(jwt)),
	"service token": "hvs.CAESIMARKEDMARKEDMARKEDMARKED",
	"batch token":   "hvb.AAAAAQMARKEDMARKEDMARKEDMARKED",
	"old token":     "s.MARKEDMARKEDMARKEDMARKED",
	"cut old token": "s.MARKEDMARKEDMAR\nKEDMARKEDMARKED",
	"userinfo":      userinfo,
	"bad userinfo":  "https://user:MARKED@vault:8200:x/%zz",
	"path and user": "/a://user:MARKED@vault",
	"query":         "https://vault:8200/?token=MARKED",
	"private key":   "-----BEGIN PRIVATE KEY-----\nMARKED\n-----END PRIVATE KEY-----",
}

// secrets are the parts of the marked credentials that would give them away.
var secrets = []string{"MARKED", "eyJ", "TUFSS", "NQVJLRUQ", "BUktFRC", "ZXlK"}

func TestNothingRepeatsACredential(t *testing.T) {
	names := []string{"VAULT_ADDR", "VAULT_CACERT", "VAULT_TOKEN", "VAULT_HEADERS", "EXPORTER_PORT", "EXPORTER_VAULT_TOKEN"}
	names = append(names, variableNames...)
	for kind, credential := range marked {
		t.Run(kind, func(t *testing.T) {
			for _, name := range names {
				for _, value := range []string{credential, "/etc/" + credential, credential + ",vault"} {
					base := minimal()
					delete(base, "EXPORTER_"+name)
					text := said(t, base.but(vars{name: value}))
					for _, secret := range secrets {
						if strings.Contains(text, secret) {
							t.Errorf("%s as %q comes out:\n%s", name, value, text)
						}
					}
				}
			}
		})
	}
}

// What looks like a name may be one, and is taken. What is refused is still not
// repeated.
func TestNoErrorRepeatsAnOpaqueCredential(t *testing.T) {
	for _, value := range []string{"MARKED0MARKED1MARKED2MARKED3", "0f3dac36-9d8c-4f3b-8a57-MARKED", "password=MARKED", "MARKED@vault"} {
		for _, name := range variableNames {
			_, err := load(t, minimal().but(vars{name: value}))
			if strings.Contains(errorText(err), "MARKED") {
				t.Errorf("%s=%s comes out: %v", name, value, err)
			}
		}
	}
}

// said is all that a configuration makes the exporter say.
func said(t *testing.T, v vars) string {
	t.Helper()
	c, err := load(t, v)
	var out strings.Builder
	if err := c.Write(&out); err != nil {
		t.Fatal(err)
	}
	return fmt.Sprint(errorText(err), out.String(), c.Warnings())
}
