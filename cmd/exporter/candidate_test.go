package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/probetest"
)

// runCandidate runs check with a candidate whose token is in a new file.
func runCandidate(t *testing.T, w *probetest.World, token string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	setTarget(t, w.Target)
	file := filepath.Join(t.TempDir(), "new.jwt")
	if err := os.WriteFile(file, []byte(token), 0o600); err != nil {
		t.Fatal(err)
	}
	var out, errors transcript
	code = run(t.Context(), append([]string{"check", "--candidate", "--reviewer-token-file", file}, args...), &out, &errors)
	if leaks := probetest.Leaks(out.String()+errors.String(), append(w.Credentials(), token)...); len(leaks) > 0 {
		t.Errorf("the output has a credential:\n%s%s", out.String(), errors.String())
	}
	return code, strings.ReplaceAll(out.String(), file, "new.jwt"), errors.String()
}

func TestCandidate(t *testing.T) {
	for name, test := range map[string]struct {
		scenario string // that breaks the reviewer's token
		args     []string
		code     int
		wants    []string
	}{
		"good": {"", nil, 0, []string{
			"default: good, the API server accepts the candidate", "created a TokenReview at https://", "The token expires at ", "in 24.0 hours", "may not read the config",
			"jq '.data | del(.token_reviewer_jwt_set, .token_reviewer_jwt)' > mount-config.json",
			"vault write auth/kubernetes/config @mount-config.json token_reviewer_jwt=@new.jwt",
		}},
		"bound to a pod": {"reviewer_token_bound_to_pod", nil, 0, []string{"warn reviewer_token_bound_to_pod", "bound to pod vault-0", "It becomes invalid with the pod vault/vault-0."}},
		"too much":       {"reviewer_overprivileged", nil, 0, []string{"warn reviewer_overprivileged", "do everything to everything"}},
		"expired":        {"reviewer_expired", nil, 1, []string{"REFUSED, reviewer_expired (reviewer, proven)", "> reviewer-token"}},
		"unreachable":    {"kubernetes_unreachable", nil, 1, []string{"NOT KNOWN, kubernetes_unreachable (kubernetes, by elimination): whether the candidate works is not known"}},
		"no https": {"", []string{"--kubernetes-host=127.0.0.1:6443"}, 1, []string{
			"vault_to_kubernetes_misconfigured (vault_to_kubernetes, proven)", "must be an https URL"}},
		"http":  {"", []string{"--kubernetes-host=http://127.0.0.1:6443"}, 1, []string{"vault_to_kubernetes_misconfigured"}},
		"junit": {"", []string{"--output=junit"}, 0, []string{`<testsuite name="vault-k8s-auth-exporter" tests="1" failures="0" errors="0">`, "token_reviewer_jwt=@new.jwt"}},
		"json":  {"", []string{"--output=json"}, 0, []string{`"healthy": true`, "token_reviewer_jwt=@new.jwt"}},
	} {
		t.Run(name, func(t *testing.T) {
			w := probetest.NewWorld(t)
			for _, s := range probetest.Scenarios() {
				if s.Name == test.scenario {
					s.Arrange(w)
				}
			}
			code, stdout, stderr := runCandidate(t, w, w.Reviewer.String(), test.args...)
			if code != test.code || stderr != "" {
				t.Errorf("exit code %d, want %d: %s", code, test.code, stderr)
			}
			text := strings.Join(strings.Fields(stdout), " ")
			for _, want := range test.wants {
				if !strings.Contains(text, want) {
					t.Errorf("the report lacks %q:\n%s", want, stdout)
				}
			}
			if strings.Contains(text, "vault write") != (code == 0) {
				t.Errorf("only a candidate that works has a write:\n%s", stdout)
			}
			for _, path := range w.Vault.Requests() {
				t.Errorf("Vault was asked for %s", path)
			}
		})
	}
}

// A token that is not a JWT is hardly that of a service account.
func TestCandidateThatIsNotAJWT(t *testing.T) {
	w := probetest.NewWorld(t)
	code, stdout, _ := runCandidate(t, w, "not-a-token")
	text := strings.Join(strings.Fields(stdout), " ")
	if want := "new.jwt holds is not a JWT, and every token of a service account is one"; code != exitUnhealthy || !strings.Contains(text, want) {
		t.Errorf("exit code %d, the report lacks %q:\n%s", code, want, stdout)
	}
}

func TestCandidateUsage(t *testing.T) {
	w := probetest.NewWorld(t)
	setTarget(t, w.Target)
	for want, args := range map[string][]string{
		"are for --candidate":            {"--reviewer-token-file=new.jwt"},
		"no change is given":             {"--candidate"},
		"has no --output":                {"--candidate", "--reviewer-token-file=new.jwt", "--output=prometheus"},
		"has a user, a password":         {"--candidate", "--kubernetes-host=https://user:secret@example.com"},
		"--reviewer-token-file is empty": {"--candidate", "--reviewer-token-file=", "--kubernetes-host=https://example.com"},
		"--kubernetes-host is empty":     {"--candidate", "--reviewer-token-file=new.jwt", "--kubernetes-host="},
		"--kubernetes-cacert is empty":   {"--candidate", "--kubernetes-cacert", "", "--kubernetes-host=https://example.com"},
		"both standard input":            {"--candidate", "--reviewer-token-file=-", "--kubernetes-cacert=/dev/stdin"},
	} {
		var stdout, stderr transcript
		if code := run(t.Context(), append([]string{"check"}, args...), &stdout, &stderr); code != exitUsage || !strings.Contains(stderr.String(), want) || strings.Contains(stderr.String(), "secret@") {
			t.Errorf("%v: exit code %d: %s", args, code, &stderr)
		}
	}
}
