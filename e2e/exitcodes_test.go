package e2e

import (
	"net"
	"slices"
	"strings"
	"testing"
)

func TestExitCodes(t *testing.T) {
	taken := takenAddress(t)
	for name, test := range map[string]struct {
		args           []string
		code           int
		stdout, stderr string // parts; an empty one stands for no output at all
	}{
		"metrics port taken": {[]string{"serve", "--web.listen-address=" + taken, "--health.listen-address=127.0.0.1:0"}, 1, "", "address already in use"},
		"health port taken":  {[]string{"serve", "--web.listen-address=127.0.0.1:0", "--health.listen-address=" + taken}, 1, "", "address already in use"},
		"unknown target":     {[]string{"check", "--target", "nobody"}, 2, "", `--target "nobody" is not configured`},
		"unknown output":     {[]string{"check", "--output", "nonsense"}, 2, "", "nonsense"},
		"unknown command":    {[]string{"nonsense"}, 2, "", "nonsense"},
		"healthy":            {[]string{"check"}, 0, "default: healthy, pods can log in\n", ""},
		"configuration":      {[]string{"config"}, 0, "EXPORTER_VAULT_ROLE=", ""},
		"version":            {[]string{"--version"}, 0, "vault-k8s-auth-exporter, version", ""},
	} {
		t.Run(name, func(t *testing.T) {
			end := run(t, environment(), test.args...)
			if end.code != test.code {
				t.Errorf("exit code %d, want %d", end.code, test.code)
			}
			wantPart(t, "stdout", end.stdout, test.stdout)
			wantPart(t, "stderr", end.stderr, test.stderr)
		})
	}
	wantTokens(t, 0) // those that could not listen have begun to probe
}

func takenAddress(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	return listener.Addr().String()
}

func wantPart(t *testing.T, where, got, want string) {
	t.Helper()
	if !strings.Contains(got, want) || want == "" && got != "" {
		t.Errorf("%s is %q, want %q in it", where, got, want)
	}
}

// TestBadConfiguration wants every mistake at once, whatever the command.
func TestBadConfiguration(t *testing.T) {
	mistakes := []string{
		"EXPORTER_VAULT_ADDR=vault:8200", "EXPORTER_VAULT_CACERT=/no/such/file", "EXPORTER_VAULT_ROLE=", "EXPORTER_TIMEOUT=soon",
		"EXPORTER_REVIEWER=nobody", "EXPORTER_NO_SUCH=1",
	}
	for _, command := range []string{"serve", "check", "config"} {
		t.Run(command, func(t *testing.T) {
			end := run(t, environment(mistakes...), command)
			if end.code != 2 || end.stdout != "" {
				t.Errorf("exit code %d, stdout %q", end.code, end.stdout)
			}
			wantLines(t, end.stderr, mistakes)
		})
	}
}

// wantLines wants one line for each variable.
func wantLines(t *testing.T, stderr string, mistakes []string) {
	t.Helper()
	lines := slices.Collect(strings.Lines(stderr))
	if len(lines) != len(mistakes) {
		t.Errorf("%d lines for %d mistakes:\n%s", len(lines), len(mistakes), stderr)
	}
	for _, mistake := range mistakes {
		name, _, _ := strings.Cut(mistake, "=")
		if !slices.ContainsFunc(lines, func(line string) bool { return strings.HasPrefix(line, "exporter: "+name+":") }) {
			t.Errorf("no line is of %s:\n%s", name, stderr)
		}
	}
}

// TestConfigFeedsBack gives the exporter what it printed, and wants the same again.
func TestConfigFeedsBack(t *testing.T) {
	first := run(t, environment(), "config")
	env := strings.Split(strings.TrimSpace(first.stdout), "\n")
	for _, variable := range world.lab.Env() {
		if !slices.Contains(env, variable) {
			t.Errorf("%s is not in what config prints:\n%s", variable, first.stdout)
		}
	}
	if again := run(t, env, "config"); again != first {
		t.Errorf("config prints\n%v\nand, given that,\n%v", first, again)
	}
	if got := checkJSON(t, env); !got.Healthy {
		t.Errorf("check with what config prints: %s: %s", got.Reason, got.Detail)
	}
}
