package bench

import (
	"bytes"
	"io"
	"net/http"
	"os"
	"slices"
	"testing"
	"time"
)

// BenchmarkStart reports the median time from the start of the process to the end of the first
// run of its only target, which a client polls for.
func BenchmarkStart(b *testing.B) {
	binary, s := build(b), startServers(b)
	var took []time.Duration
	for b.Loop() {
		began := time.Now()
		p := start(b, binary, s, 1)
		p.untilFirstRun(b)
		took = append(took, time.Since(began))
		if started, err := os.FindProcess(p.pid); err == nil {
			_ = started.Kill()
		}
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Milliseconds()), "ms-to-first-run")
}

func (p process) untilFirstRun(b *testing.B) {
	b.Helper()
	poll := time.NewTicker(2 * time.Millisecond)
	defer poll.Stop()
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); <-poll.C {
		response, err := http.Get(p.metrics)
		if err != nil {
			continue // it does not listen yet
		}
		body, err := io.ReadAll(response.Body)
		_ = response.Body.Close()
		if err == nil && bytes.Contains(body, []byte("\nvault_k8s_auth_exporter_probe_duration_seconds_count 1")) {
			return
		}
	}
	b.Fatal("the first run did not end")
}
