package e2e

import (
	"bytes"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/lab"
)

// notCandidates are the faults of the reviewer and of Vault's path to Kubernetes that no token, host or CA carries, by
// the reason why.
var notCandidates = map[string][]string{
	"Vault never returns the token that it stores; reviewer_stale_copy has such a token": {"reviewer_drift"},
	"Vault has no token":                 {"reviewer_drift_unset", "reviewer_forbidden_self_review"},
	"a proxy in Vault's own environment": {"vault_to_kubernetes_proxy"},
	"a permission of the exporter":       {"reviewer_not_checked"},
}

// candidateReasons are those of candidates that differ from the fault's: a candidate is judged before it is written.
var candidateReasons = map[string]string{
	"reviewer_drift_forbidden": "reviewer_forbidden",
	"reviewer_stale_copy":      "reviewer_expired",
	"reviewer_token_missing":   "reviewer_token_missing",
}

// TestCandidateIsJudged makes the token, host and CA of every fault a candidate, and requires that it is refused with the
// fault's reason. Candidates whose faults only warn have to work, with the warning.
func TestCandidateIsJudged(t *testing.T) {
	t.Parallel()
	var carried []lab.Fault
	for _, fault := range lab.Faults() {
		isOf := strings.HasPrefix(fault.Name, "reviewer_") || strings.HasPrefix(fault.Name, "vault_to_kubernetes_")
		if isOf && !slices.Contains(slices.Concat(slices.Collect(maps.Values(notCandidates))...), fault.Name) {
			carried = append(carried, fault)
		}
	}
	faults := make(chan lab.Fault, len(carried))
	for _, fault := range carried {
		faults <- fault
	}
	close(faults)
	t.Run("lab", func(t *testing.T) {
		for range fixtureCount {
			t.Run("fixture", func(t *testing.T) {
				t.Parallel()
				l := startLab(t)
				for fault := range faults {
					t.Run(fault.Name, func(t *testing.T) { judgeCandidate(t, l, fault) })
				}
			})
		}
	})
}

func judgeCandidate(t *testing.T, l *lab.Lab, fault lab.Fault) {
	t.Helper()
	if err := l.Inject(t.Context(), fault.Name); err != nil {
		t.Fatal(err)
	}
	arguments := candidateOf(t, l, fault)
	isToken := slices.ContainsFunc(arguments, func(a string) bool { return strings.HasPrefix(a, "--reviewer-token-file") })
	if isToken && fault.Bare.Reason != "none" && !strings.HasPrefix(fault.Name, "reviewer_forbidden") {
		healLab(t, l) // only the token is broken
	}
	for _, level := range evidenceLevels {
		want := level.want(fault)
		if !isToken {
			want = fault.Full // the exporter itself sees what Vault would meet
		}
		if reason := candidateReasons[fault.Name]; reason != "" {
			want.Reason = reason
		}
		env := environment(level.env(l))
		code := 1
		if want.Reason == "none" {
			code = 0
		}
		o := run(t, env, append([]string{"check", "--candidate", "--output=json"}, arguments...)...)
		got := decodeReport(t, o).Targets[0]
		if o.code != code || got.Reason != want.Reason {
			t.Errorf("%s, %v: check exits with %d and reports %s (%s), want %d and %s", level.name, arguments, o.code, got.Reason, got.Detail, code, want.Reason)
		}
		if want.Reason == "none" && want.Warning != "" && !got.warns(want.Warning) {
			t.Errorf("%s: the warnings are %+v, want %s", level.name, got.Warnings, want.Warning)
		}
		if writes := strings.Contains(strings.Join(got.Fix, "\n"), "vault write"); writes != got.Healthy {
			t.Errorf("%s: check prints a write: %t\n%s", level.name, writes, strings.Join(got.Fix, "\n"))
		}
	}
	healLab(t, l)
}

func healLab(t *testing.T, l *lab.Lab) {
	t.Helper()
	if _, err := l.Heal(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// candidateOf returns the flags of the candidate that an injected fault has broken.
func candidateOf(t *testing.T, l *lab.Lab, fault lab.Fault) []string {
	t.Helper()
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	switch {
	case fault.Name == "reviewer_token_missing":
		return []string{"--reviewer-token-file=" + filepath.Join(dir, "gone.jwt")}
	case strings.HasPrefix(fault.Name, "reviewer_"):
		text, err := os.ReadFile(reviewerTokenOf(t, l, fault))
		if err != nil {
			t.Fatal(err)
		}
		return []string{"--reviewer-token-file=" + write("new.jwt", string(text))}
	}
	sh := newShell(t, l)
	read := func(field string) string {
		return sh.mustRun(`export VAULT_ADDR="$EXPORTER_VAULT_ADDR"`, "vault read -field="+field+" auth/kubernetes/config")
	}
	return []string{
		"--kubernetes-host=" + strings.TrimSpace(read("kubernetes_host")),
		"--kubernetes-cacert=" + write("new-ca.crt", read("kubernetes_ca_cert")),
	}
}

// reviewerTokenOf returns the file with the token of a fault. That of reviewer_drift_forbidden is only in Vault; it is the
// account's that may do nothing.
func reviewerTokenOf(t *testing.T, l *lab.Lab, fault lab.Fault) string {
	t.Helper()
	variable, env := "EXPORTER_REVIEWER_TOKEN_FILE=", l.Env()
	if fault.Name == "reviewer_drift_forbidden" {
		nobody, err := lab.FindFault("reviewer_not_checked")
		if err != nil {
			t.Fatal(err)
		}
		variable, env = "EXPORTER_KUBERNETES_TOKEN_FILE=", l.Expand(nobody.Env)
	}
	i := slices.IndexFunc(env, func(v string) bool { return strings.HasPrefix(v, variable) })
	return strings.TrimPrefix(env[i], variable)
}

// TestCandidateIsWritten pastes the writes that check prints for candidates that work, and requires that logins work
// after it, and that nothing else in the config has changed.
func TestCandidateIsWritten(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		flags   func(env map[string]string, dir string) []string
		input   string   // the variable of the file that is standard input, of check and of the write
		changed []string // fields of the config
	}{
		"token": {func(env map[string]string, dir string) []string {
			return []string{"--reviewer-token-file=" + copied(t, env["EXPORTER_REVIEWER_TOKEN_FILE"], dir)}
		}, "", nil},
		"token on standard input": {func(map[string]string, string) []string {
			return []string{"--reviewer-token-file=-"}
		}, "EXPORTER_REVIEWER_TOKEN_FILE", nil},
		"CA on standard input": {func(map[string]string, string) []string {
			return []string{"--kubernetes-cacert=-"}
		}, "EXPORTER_KUBERNETES_CACERT", nil},
		"CA": {func(env map[string]string, dir string) []string {
			return []string{"--kubernetes-cacert=" + copied(t, env["EXPORTER_KUBERNETES_CACERT"], dir)}
		}, "", nil},
		"host": {func(env map[string]string, _ string) []string {
			return []string{"--kubernetes-host=" + strings.Replace(env["EXPORTER_KUBERNETES_HOST"], "127.0.0.1", "localhost", 1)}
		}, "", []string{"kubernetes_host"}},
		"all": {func(env map[string]string, dir string) []string {
			return []string{
				"--reviewer-token-file=" + copied(t, env["EXPORTER_REVIEWER_TOKEN_FILE"], dir),
				"--kubernetes-cacert=" + copied(t, env["EXPORTER_KUBERNETES_CACERT"], dir),
				"--kubernetes-host=" + strings.Replace(env["EXPORTER_KUBERNETES_HOST"], "127.0.0.1", "localhost", 1),
			}
		}, "", []string{"kubernetes_host"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := startLab(t)
			sh := newShell(t, l)
			sh.mustRun(`export VAULT_ADDR="$EXPORTER_VAULT_ADDR"`, // fields that a write would lose
				"vault read -format=json auth/kubernetes/config | jq '.data | del(.token_reviewer_jwt_set, .issuer, .disable_iss_validation)' > config.json",
				`vault write auth/kubernetes/config @config.json token_reviewer_jwt=@"$EXPORTER_REVIEWER_TOKEN_FILE" issuer=https://other.example disable_iss_validation=true`)
			env := map[string]string{}
			for _, variable := range l.Env() {
				name, value, _ := strings.Cut(variable, "=")
				env[name] = value
			}
			for _, level := range evidenceLevels {
				before := configLines(sh)
				args := append([]string{"check", "--candidate", "--output=json"}, test.flags(env, t.TempDir())...)
				o := runReading(t, contentOf(t, env[test.input]), shared.exporter, environment(level.env(l)), args...)
				got := decodeReport(t, o).Targets[0]
				if o.code != 0 || len(got.Fix) == 0 {
					t.Fatalf("check exits with %d: %+v", o.code, got)
				}
				if write := len(got.Fix) - 1; test.input != "" {
					got.Fix[write] = strings.Replace(got.Fix[write], "<file>", "'"+env[test.input]+"'", 1)
				}
				sh.mustRun(got.Fix...)
				changed := slices.DeleteFunc(configLines(sh), func(line string) bool { return slices.Contains(before, line) })
				for i, line := range changed {
					changed[i], _, _ = strings.Cut(line, " ")
				}
				if isFirst := level.name == evidenceLevels[0].name; isFirst && !slices.Equal(changed, test.changed) {
					t.Errorf("the write changed %v, want %v", changed, test.changed)
				}
				if o, after := check(t, environment(level.env(l))); o.code != 0 {
					t.Errorf("after the write: %+v\n%s", after.Targets[0], strings.Join(got.Fix, "\n"))
				}
			}
		})
	}
}

// contentOf returns what a file holds; nothing without a file.
func contentOf(t *testing.T, file string) io.Reader {
	t.Helper()
	if file == "" {
		return nil
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return bytes.NewReader(text) // a pipe, as under kubectl exec
}

// copied returns a copy of a file.
func copied(t *testing.T, file, dir string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "new-"+filepath.Base(file))
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// configLines returns the fields of the mount's config.
func configLines(sh shell) []string {
	sh.t.Helper()
	out := sh.mustRun(`export VAULT_ADDR="$EXPORTER_VAULT_ADDR"`, `vault read -format=json auth/kubernetes/config | jq -r '.data | to_entries[] | "\(.key) \(.value | tojson)"'`)
	return strings.Split(strings.TrimSpace(out), "\n")
}
