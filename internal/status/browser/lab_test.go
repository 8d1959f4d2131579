package browser

import (
	"bytes"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"sync"
	"testing"
	"time"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/lab"
)

var withLab = flag.Bool("lab", false, "look at the exporter's page while the lab is broken")

// transcript is safe to read while it is written.
type transcript struct {
	mu   sync.Mutex // guards text
	text bytes.Buffer
}

func (s *transcript) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(p)
}

func (s *transcript) find(pattern *regexp.Regexp) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return pattern.FindStringSubmatch(s.text.String())
}

var listeningLine = regexp.MustCompile(`msg="Listening on" address=(\S+)`)

// TestFaultShowsOnTheOpenPage: faults and fixes show on the page without a
// reload, within one interval and one run.
func TestFaultShowsOnTheOpenPage(t *testing.T) {
	if !*withLab {
		return // make e2e asks for it
	}
	l, err := lab.Start(t.Context(), lab.Options{Log: os.Stderr})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	tab := open(t, exporterOn(t, l), desktop)
	eventually(t, tab, text+`.includes("Pods can log in")`)
	eval[bool](t, tab, `window.same = true`)
	if err := l.Inject(t.Context(), "reviewer_forbidden"); err != nil {
		t.Fatal(err)
	}
	eventually(t, tab, `window.same && `+text+`.includes("reviewer_forbidden") && `+text+`.includes("kubectl create clusterrolebinding")`)
	if _, err := l.Heal(t.Context()); err != nil {
		t.Fatal(err)
	}
	eventually(t, tab, `window.same && document.querySelector("h1").innerText === "Pods can log in"`)
}

// exporterOn starts the exporter's own binary and returns the address of its page.
func exporterOn(t *testing.T, l *lab.Lab) string {
	binary := filepath.Join(t.TempDir(), "exporter")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", binary, "./cmd/exporter")
	build.Dir = "../../.."
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("building the exporter: %v\n%s", err, out)
	}
	var out transcript
	exporter := exec.CommandContext(t.Context(), binary, "--web.listen-address=127.0.0.1:0", "--health.listen-address=127.0.0.1:0")
	exporter.Env = append([]string{"EXPORTER_TIMEOUT=1s", "EXPORTER_INTERVAL=8s", "EXPORTER_RECHECK_INTERVAL=1s"}, l.Env()...)
	exporter.Stdout, exporter.Stderr = &out, &out
	if err := exporter.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = exporter.Process.Kill()
		_ = exporter.Wait()
	})
	tick, limit := time.NewTicker(50*time.Millisecond), time.NewTimer(20*time.Second)
	defer tick.Stop()
	defer limit.Stop()
	for {
		if found := out.find(listeningLine); found != nil {
			return "http://" + found[1]
		}
		select {
		case <-tick.C:
		case <-limit.C:
			t.Fatalf("the exporter does not listen:\n%s", out.text.String())
		}
	}
}
