package main

import (
	"bufio"
	"encoding/json"
	"encoding/pem"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A recordedRequest is what the fake Vault received.
type recordedRequest struct {
	Method, Path, Token, Namespace string
	Body                           map[string]any
}

// A fakeVault gives every request the same response, and records the last one.
type fakeVault struct {
	status int
	answer string
	last   *recordedRequest
}

func (f *fakeVault) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.last = &recordedRequest{
		Method: r.Method, Path: r.URL.RequestURI(),
		Token: r.Header.Get("X-Vault-Token"), Namespace: r.Header.Get("X-Vault-Namespace"),
	}
	if text, err := io.ReadAll(r.Body); err == nil && len(text) > 0 {
		_ = json.Unmarshal(text, &f.last.Body)
	}
	w.WriteHeader(f.status)
	_, _ = io.WriteString(w, f.answer)
}

// serve starts a fake Vault, and sets the environment to use it with its CA and a token.
func serve(t *testing.T, status int, answer string) *fakeVault {
	t.Helper()
	f := &fakeVault{status: status, answer: answer}
	server := httptest.NewTLSServer(f)
	t.Cleanup(server.Close)
	ca := filepath.Join(t.TempDir(), "ca.crt")
	block := &pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}
	if err := os.WriteFile(ca, pem.EncodeToMemory(block), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, value := range map[string]string{
		"VAULT_ADDR": server.URL, "VAULT_CACERT": ca, "VAULT_TOKEN": "hvs.me",
		"VAULT_NAMESPACE": "", "VAULT_TLS_SERVER_NAME": "", "VAULT_UNSEAL_KEY": "",
	} {
		t.Setenv(name, value)
	}
	return f
}

// runCommand runs the vault command with these arguments.
func runCommand(stdin string, args ...string) (code int, stdout, stderr string) {
	var out, log strings.Builder
	code = run(args, strings.NewReader(stdin), &out, &log)
	return code, out.String(), log.String()
}

func TestCommandsSendRequests(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.WriteFile("file", []byte("of a file\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	type body = map[string]any
	for _, tc := range []struct {
		line   string
		method string
		path   string
		body   body
	}{
		{"read auth/kubernetes/config", "GET", "auth/kubernetes/config", nil},
		{"read -format=json /auth/kubernetes/config/", "GET", "auth/kubernetes/config", nil},
		{"list sys/quotas/rate-limit", "LIST", "sys/quotas/rate-limit", nil},
		{"delete sys/quotas/rate-limit/x", "DELETE", "sys/quotas/rate-limit/x", nil},
		{"write auth/kubernetes/role/canary audience=vault token_bound_cidrs= a=b=c", "PUT", "auth/kubernetes/role/canary",
			body{"audience": "vault", "token_bound_cidrs": "", "a": "b=c"}},
		{"write auth/kubernetes/config kubernetes_ca_cert=@file", "PUT", "auth/kubernetes/config", body{"kubernetes_ca_cert": "of a file\n"}},
		{"write auth/kubernetes/role/canary -", "PUT", "auth/kubernetes/role/canary", body{"audience": "vault"}},
		{"write sys/seal", "PUT", "sys/seal", body{}},
		{"status", "GET", "sys/leader", nil}, // after sys/seal-status
		{"monitor -log-level=debug", "GET", "sys/monitor?log_level=debug", nil},
		{"audit list", "GET", "sys/audit", nil},
		{"auth list", "GET", "sys/auth", nil},
		{"auth enable kubernetes", "POST", "sys/auth/kubernetes", body{"type": "kubernetes"}},
		{"auth enable -path=k8s kubernetes", "POST", "sys/auth/k8s", body{"type": "kubernetes"}},
		{"namespace list", "LIST", "sys/namespaces", nil},
		{"namespace unlock", "PUT", "sys/namespaces/api-lock/unlock", body{"unlock_key": ""}},
		{"namespace unlock -unlock-key=k team", "PUT", "sys/namespaces/api-lock/unlock/team", body{"unlock_key": "k"}},
		{"operator init -key-shares=1 -key-threshold=1", "PUT", "sys/init", body{"secret_shares": 1.0, "secret_threshold": 1.0}},
		{"operator unseal key", "PUT", "sys/unseal", body{"key": "key"}},
		{"policy delete reader", "DELETE", "sys/policies/acl/reader", nil},
		{"policy write reader -", "PUT", "sys/policies/acl/reader", body{"policy": "from stdin"}},
		{"policy write reader file", "PUT", "sys/policies/acl/reader", body{"policy": "of a file\n"}},
		{"token create -orphan -policy=a -policy=b -period=24h", "POST", "auth/token/create-orphan",
			body{"policies": []any{"a", "b"}, "period": "24h"}},
		{"token create -ttl=1h", "POST", "auth/token/create", body{"ttl": "1h"}},
		{"token lookup", "GET", "auth/token/lookup-self", nil},
		{"token lookup hvs.other", "POST", "auth/token/lookup", body{"token": "hvs.other"}},
		{"token revoke -self", "POST", "auth/token/revoke-self", nil},
		{"token revoke hvs.other", "POST", "auth/token/revoke", body{"token": "hvs.other"}},
	} {
		t.Run(tc.line, func(t *testing.T) {
			f := serve(t, 200, `{"data":{}}`)
			stdin := "from stdin"
			if strings.HasPrefix(tc.line, "write ") {
				stdin = `{"audience":"vault"}`
			}
			if code, _, stderr := runCommand(stdin, strings.Fields(tc.line)...); code != 0 {
				t.Fatalf("%d, %s", code, stderr)
			}
			want := &recordedRequest{Method: tc.method, Path: "/v1/" + tc.path, Token: "hvs.me", Body: tc.body}
			if diff := cmp.Diff(want, f.last); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestOutput(t *testing.T) {
	const role = `{"data":{"token_ttl":1000000,"audience":"vault"}}`
	for _, tc := range []struct {
		line, answer, want string
	}{
		{"read auth/kubernetes/role/canary", role, "Key          Value\n---          -----\naudience     vault\ntoken_ttl    1000000\n"},
		{"read auth/kubernetes/config", `{"data":{"pem_keys":[],"issuer":"","disable_iss_validation":true}}`,
			"Key                       Value\n---                       -----\ndisable_iss_validation    true\nissuer                    n/a\npem_keys                  []\n"},
		{"write auth/kubernetes/role/canary a=b", "", "Success!\n"},
		{"list auth/kubernetes/role", `{"data":{"keys":["b","a"]}}`, "Keys\n----\na\nb\n"},
		{"auth list", `{"data":{"token/":{"type":"token","accessor":"t","description":""}}}`,
			"Path      Type     Accessor    Description\n----      ----     --------    -----------\ntoken/    token    t           n/a\n"},
		{"audit list", `{"data":{"file/":{"type":"file","description":"d"}}}`, "Path     Type    Description\n----     ----    -----------\nfile/    file    d\n"},
		{"status", `{"type":"shamir","initialized":true,"sealed":false,"version":"1.21.4"}`,
			"Key            Value\n---            -----\nSeal Type      shamir\nInitialized    true\nSealed         false\nVersion        1.21.4\nHA Enabled     false\n"},
		{"status", `{"type":"shamir","initialized":true,"sealed":false,"version":"1.21.4","ha_enabled":true,"is_self":false,"leader_address":"https://a"}`,
			"Key                    Value\n---                    -----\nSeal Type              shamir\nInitialized            true\nSealed                 false\nVersion                1.21.4\n" +
				"HA Enabled             true\nHA Mode                standby\nActive Node Address    https://a\n"},
		{"read -format=json auth/kubernetes/role/canary", role, role + "\n"},
		{"read -field=audience auth/kubernetes/role/canary", role, "vault"},
		{"read -field=token_ttl auth/kubernetes/role/canary", role, "1000000"},
		{"write -field=id identity/lookup/entity", `{"data":{"id":"an entity"}}`, "an entity"},
		{"token create -field=token", `{"auth":{"client_token":"hvs.new","accessor":"a"}}`, "hvs.new"},
		{"token create -field=token_accessor", `{"auth":{"client_token":"hvs.new","accessor":"a"}}`, "a"},
		{"delete auth/kubernetes/role/canary", "", "Success!\n"},
		{"monitor", "one line\nanother", "one line\nanother"},
	} {
		t.Run(tc.line, func(t *testing.T) {
			serve(t, 200, tc.answer)
			if code, stdout, stderr := runCommand("", strings.Fields(tc.line)...); code != 0 || stdout != tc.want {
				t.Errorf("%d, %q, %s; want %q", code, stdout, stderr, tc.want)
			}
		})
	}
}

func TestExitCodes(t *testing.T) {
	for _, tc := range []struct {
		name, line string
		status     int
		answer     string
		code       int
		stderr     string
	}{
		{"denied", "read x", 403, `{"errors":["permission denied"]}`, 2, "status 403: {\"errors\":[\"permission denied\"]}\n"},
		{"nothing there", "list x", 404, `{"errors":[]}`, 2, "No value found at x"},
		{"monitor denied", "monitor", 403, `{"errors":["permission denied"]}`, 2, "status 403"},
		{"redirected", "read x", 307, "", 2, "status 307"},
		{"unsealed", "status", 200, `{"sealed":false}`, 0, ""},
		{"sealed", "status", 200, `{"sealed":true}`, 2, ""},
		{"no status", "status", 500, "", 1, "status 500"},
		{"no field", "read -field=x y", 200, `{"data":{}}`, 1, `no field "x"`},
		{"no JSON", "read -field=x y", 200, "<html>", 1, "decoding the answer"},
		{"no command", "", 200, "", 1, "usage:\n  vault read PATH\n"},
		{"unknown command", "kv get x", 200, "", 1, "usage:"},
		{"unknown flag", "read -wrap-ttl=1m x", 200, "", 1, "there is no flag -wrap-ttl"},
		{"unknown format", "read -format=yaml x", 200, "", 1, `there is no format "yaml"`},
		{"flag after a word", "read x -field=y", 200, "", 1, "usage: vault read PATH"},
		{"no path", "read", 200, "", 1, "usage: vault read PATH"},
		{"no pair", "write x y", 200, "", 1, `"y": no name=value`},
		{"nothing on the standard input", "write x -", 200, "", 1, "reading the standard input: EOF"},
		{"no file", "write x y=@not-there", 200, "", 1, "not-there"},
		{"no policy file", "policy write x not-there", 200, "", 1, "not-there"},
		{"no key", "operator unseal", 200, "", 1, "VAULT_UNSEAL_KEY"},
		{"no number", "operator init -key-shares=x", 200, "", 1, "invalid syntax"},
		{"nobody to revoke", "token revoke", 200, "", 1, "either -self or a TOKEN"},
		{"too many to revoke", "token revoke -self hvs.other", 200, "", 1, "either -self or a TOKEN"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			serve(t, tc.status, tc.answer)
			code, _, stderr := runCommand("", strings.Fields(tc.line)...)
			if code != tc.code || !strings.Contains(stderr, tc.stderr) || tc.stderr == "" && stderr != "" {
				t.Errorf("%d, %s; want %d, %s", code, stderr, tc.code, tc.stderr)
			}
		})
	}
}

func TestEnvironment(t *testing.T) {
	for _, tc := range []struct {
		name, value string
		code        int
		stderr      string
	}{
		{"VAULT_ADDR", "", 1, "VAULT_ADDR is not set"},
		{"VAULT_ADDR", "https://127.0.0.1:1", 2, "connection refused"},
		{"VAULT_CACERT", "", 2, "signed by unknown authority"},
		{"VAULT_CACERT", "main.go", 1, "reading main.go: no certificate"},
		{"VAULT_CACERT", "not-there", 1, "not-there"},
		{"VAULT_TLS_SERVER_NAME", "example.com", 0, ""}, // a name in the certificate of httptest
		{"VAULT_TLS_SERVER_NAME", "elsewhere.example", 2, "not elsewhere.example"},
	} {
		t.Run(tc.name+"="+tc.value, func(t *testing.T) {
			serve(t, 200, "{}")
			t.Setenv(tc.name, tc.value)
			if code, _, stderr := runCommand("", "read", "x"); code != tc.code || !strings.Contains(stderr, tc.stderr) {
				t.Errorf("%d, %s; want %d, %s", code, stderr, tc.code, tc.stderr)
			}
		})
	}
	t.Run("token and namespace", func(t *testing.T) {
		f := serve(t, 200, "{}")
		t.Setenv("VAULT_NAMESPACE", "team")
		t.Setenv("VAULT_TOKEN", "")
		runCommand("", "read", "x")
		if diff := cmp.Diff(&recordedRequest{Method: "GET", Path: "/v1/x", Namespace: "team"}, f.last); diff != "" {
			t.Error(diff)
		}
		for flag, namespace := range map[string]string{"-namespace=other": "other", "-namespace=": ""} {
			if runCommand("", "read", flag, "x"); f.last.Namespace != namespace {
				t.Errorf("%s: asked in the namespace %q", flag, f.last.Namespace)
			}
		}
	})
	t.Run("address", func(t *testing.T) {
		f := serve(t, 200, "{}")
		address := os.Getenv("VAULT_ADDR")
		t.Setenv("VAULT_ADDR", "https://127.0.0.1:1")
		if code, _, stderr := runCommand("", "read", "-address="+address, "x"); code != 0 || f.last == nil {
			t.Errorf("%d, %s", code, stderr)
		}
	})
	t.Run("unseal key", func(t *testing.T) {
		f := serve(t, 200, "{}")
		t.Setenv("VAULT_UNSEAL_KEY", "key")
		runCommand("", "operator", "unseal")
		if diff := cmp.Diff(map[string]any{"key": "key"}, f.last.Body); diff != "" {
			t.Error(diff)
		}
	})
}

// printedCommand matches a vault command in the output of check: at the start of a line of a fix, after a pipe, or
// inside $( ).
var printedCommand = regexp.MustCompile(`(?:^  (?:check|fix  )  |^         |\| |\$\()vault ([a-z][^|>)]*)`)

func TestParsesWhatTheExporterPrints(t *testing.T) {
	golden, err := os.Open("../../../cmd/exporter/testdata/check.golden")
	if err != nil {
		t.Fatal(err)
	}
	defer golden.Close()
	seen := map[string]bool{}
	for lines := bufio.NewScanner(golden); lines.Scan(); {
		for _, match := range printedCommand.FindAllStringSubmatch(lines.Text(), -1) {
			if seen[match[1]] {
				continue
			}
			seen[match[1]] = true
			if _, _, err := parse(strings.Fields(match[1]), nil); err != nil {
				t.Errorf("vault %s: %v", match[1], err)
			}
		}
	}
	if len(seen) < 20 {
		t.Errorf("only %d commands were found: %v", len(seen), seen)
	}
}
