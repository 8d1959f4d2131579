package e2e

import (
	"net"
	"strings"
	"testing"
	"time"
)

func TestExitCodes(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	for name, test := range map[string]struct {
		env  []string
		args []string
		code int
		says []string
	}{
		"taken port":     {sharedEnv(), []string{"serve", "--health.listen-address=127.0.0.1:0", "--web.listen-address=" + taken.Addr().String()}, 1, []string{"address already in use"}},
		"configuration":  {sharedEnv("EXPORTER_INTERVAL=soon", "EXPORTER_VAULT_ROLE="), nil, 2, []string{"EXPORTER_INTERVAL:", "EXPORTER_VAULT_ROLE:"}},
		"unknown target": {sharedEnv(), []string{"check", "--target=nobody"}, 2, []string{`"nobody"`, "default"}},
		"unknown output": {sharedEnv(), []string{"check", "--output=nonsense"}, 2, []string{"nonsense"}},
		"healthy":        {sharedEnv(), []string{"check"}, 0, []string{"default: healthy"}},
		"version":        {sharedEnv(), []string{"--version"}, 0, []string{"vault-k8s-auth-exporter"}},
	} {
		t.Run(name, func(t *testing.T) {
			o := run(t, test.env, test.args...)
			if o.code != test.code {
				t.Errorf("exit code %d, want %d\n%s%s", o.code, test.code, o.stdout, o.stderr)
			}
			for _, part := range test.says {
				if !strings.Contains(o.stdout+o.stderr, part) {
					t.Errorf("the output lacks %q:\n%s%s", part, o.stdout, o.stderr)
				}
			}
		})
	}
}

func TestConfigCanBeFedBack(t *testing.T) {
	first := run(t, sharedEnv(), "config")
	second := run(t, append([]string{"PATH=/"}, strings.Fields(first.stdout)...), "config")
	if first.code != 0 || second.code != 0 || first.stdout != second.stdout {
		t.Errorf("config prints\n%s\nand, with that as its environment,\n%s%s", first.stdout, second.stdout, second.stderr)
	}
}

// TestHealthDoesNotDependOnVault: if the health endpoints failed during an outage of Vault,
// Kubernetes would restart the exporter when it is needed most.
func TestHealthDoesNotDependOnVault(t *testing.T) {
	exporter := serve(t, sharedEnv())
	metrics, health := exporter.address(""), exporter.address("health")
	ready := func() bool { status, _ := get(health, "/readyz"); return status == 200 }
	elapsed := eventually(t, 20*time.Second, "readiness", ready, exporter.out.String)
	t.Logf("ready after %s", elapsed.Round(10*time.Millisecond))

	if err := shared.lab.Inject(t.Context(), "vault_unreachable"); err != nil {
		t.Fatal(err)
	}
	waitFor(t, shared.lab, exporter, "vault_unreachable", func(e exposition) bool {
		return e.label("verdict_info", "reason") == "vault_unreachable"
	})
	for _, path := range []string{"/healthz", "/readyz"} {
		if status, body := get(health, path); status != 200 {
			t.Errorf("%s is %d while Vault is down: %s", path, status, body)
		}
	}
	if _, err := shared.lab.Heal(t.Context()); err != nil {
		t.Fatal(err)
	}
	if status, body := get(metrics, "/"); status != 200 || !strings.Contains(body, `href="/metrics"`) {
		t.Errorf("the landing page is %d:\n%s", status, body)
	}
}

// TestTerminationWhileVaultHangs: a login without a response must not delay the shutdown.
func TestTerminationWhileVaultHangs(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	connected := make(chan net.Conn, 16)
	go func() {
		for {
			c, err := silent.Accept()
			if err != nil {
				close(connected)
				return
			}
			connected <- c
		}
	}()
	exporter := serve(t, sharedEnv("EXPORTER_VAULT_ADDR=https://"+silent.Addr().String(), "EXPORTER_TIMEOUT=30s", "EXPORTER_INTERVAL=60s"))
	held := <-connected // a run is in progress
	defer held.Close()
	code, elapsed := exporter.terminate()
	if code != 0 || elapsed > 5*time.Second {
		t.Errorf("after SIGTERM the exporter exited with %d after %s; its log:\n%s", code, elapsed, exporter.out)
	}
	for _, l := range exporter.log() {
		if l.Msg == "Verdict changed" {
			t.Errorf("an interrupted run logged the verdict %s", l.Reason)
		}
	}
}
