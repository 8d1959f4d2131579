package bench

import (
	"bytes"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// BenchmarkProcess runs the exporter's own process with a number of targets, which take up to 17
// runs a second together. After every target was probed once, it measures CPU and memory over a
// period with a scrape every 15 s, and then scrapes without a pause. It measures once, and with
// -curve writes the file that docs/performance.md shows.
func BenchmarkProcess(b *testing.B) {
	binary := build(b)
	var curve strings.Builder
	curve.WriteString("targets,cpu_ms_per_run,resident_mib,scrape_cpu_ms,scrape_ms,scrape_kib\n")
	for _, targets := range []int{1, 100, 1000, 2000, 5000} {
		b.Run(fmt.Sprintf("targets=%d", targets), func(b *testing.B) {
			interval := max(scrapeInterval, time.Duration(targets)*60*time.Millisecond)
			p := start(b, binary, startServers(b), targets, "EXPORTER_INTERVAL="+interval.String(), "EXPORTER_TIMEOUT=5s")
			p.untilProbed(b, targets)
			cpu, runs := p.usage(b)
			p.scrapeFor(b, period)
			cpuAfter, runsAfter := p.usage(b)
			perRun, resident := 1000*(cpuAfter-cpu)/(runsAfter-runs), p.resident(b)
			scrape := p.scrapes(b, perRun)
			for b.Loop() {
			}
			b.ReportMetric(perRun, "cpu-ms/run")
			b.ReportMetric(resident, "resident-MiB")
			b.ReportMetric(scrape.cpu, "scrape-cpu-ms")
			b.ReportMetric(scrape.median, "scrape-ms")
			b.ReportMetric(scrape.size, "scrape-KiB")
			fmt.Fprintf(&curve, "%d,%.1f,%.0f,%.1f,%.1f,%.0f\n", targets, perRun, resident, scrape.cpu, scrape.median, scrape.size)
		})
	}
	if *curveFile != "" && !b.Failed() {
		if err := os.WriteFile(*curveFile, []byte(curve.String()), 0o644); err != nil {
			b.Fatal(err)
		}
	}
}

var curveFile = flag.String("curve", "", "write the results of BenchmarkProcess to this file")

const (
	period         = 2 * time.Minute
	scrapeInterval = 15 * time.Second
)

// scrapeFor scrapes on the interval of a Prometheus.
func (p process) scrapeFor(b *testing.B, period time.Duration) {
	b.Helper()
	tick := time.NewTicker(scrapeInterval)
	defer tick.Stop()
	for range int(period / scrapeInterval) {
		<-tick.C
		p.scrape(b)
	}
}

// scraped is the cost of a scrape: milliseconds of the exporter's CPU, the median time in
// milliseconds, and the size in KiB.
type scraped struct{ cpu, median, size float64 }

// scrapes measures 20 scrapes, one after another, less the CPU of the runs meanwhile.
func (p process) scrapes(b *testing.B, perRun float64) scraped {
	b.Helper()
	const n = 20
	var size int
	took := make([]float64, n)
	cpu, runs := p.usage(b)
	for i := range took {
		began := time.Now()
		size = len(p.scrape(b))
		took[i] = time.Since(began).Seconds() * 1000
	}
	cpuAfter, runsAfter := p.usage(b)
	slices.Sort(took)
	return scraped{max(0, (1000*(cpuAfter-cpu)-perRun*(runsAfter-runs))/(n+1)), took[n/2], float64(size) / 1024}
}

func build(b *testing.B) string {
	b.Helper()
	binary := filepath.Join(b.TempDir(), "exporter")
	cmd := exec.Command("go", "build", "-trimpath", "-o", binary, "../cmd/exporter")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		b.Fatalf("building the exporter: %v\n%s", err, out)
	}
	return binary
}

// A process is a running exporter.
type process struct {
	pid     int
	metrics string
}

func start(b *testing.B, binary string, s servers, targets int, env ...string) process {
	b.Helper()
	ca := file(b, "ca.crt", s.CA)
	return startExporter(b, binary, targets, append(env,
		"EXPORTER_VAULT_ADDR="+s.Vault, "EXPORTER_VAULT_CACERT="+ca, "EXPORTER_VAULT_ROLE=canary",
		"EXPORTER_KUBERNETES_HOST="+s.Kubernetes, "EXPORTER_KUBERNETES_CACERT="+ca,
		"EXPORTER_REVIEWER_TOKEN_FILE="+file(b, "reviewer", token("vault-auth")),
		"EXPORTER_CANARY_TOKEN_FILE="+file(b, "canary", token("canary")),
	))
}

// startExporter starts an exporter whose targets differ only in their names.
func startExporter(b *testing.B, binary string, targets int, env []string) process {
	b.Helper()
	var list strings.Builder
	for i := range targets {
		fmt.Fprintf(&list, "- name: target-%04d\n", i)
	}
	web, health := freeAddress(b), freeAddress(b)
	cmd := exec.Command(binary, "serve", "--web.listen-address="+web, "--health.listen-address="+health, "--log.level=warn")
	cmd.Env = append(env, "EXPORTER_TARGETS_FILE="+file(b, "targets.yaml", list.String()))
	return process{run(b, cmd), "http://" + web + "/metrics"}
}

// run starts a command that ends with the benchmark, and returns its process ID.
func run(b *testing.B, cmd *exec.Cmd) (pid int) {
	b.Helper()
	var log bytes.Buffer
	cmd.Stderr = &log
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		_ = cmd.Process.Signal(os.Interrupt)
		_ = cmd.Wait()
		if b.Failed() {
			b.Logf("the log of %s:\n%s", cmd.Path, &log)
		}
	})
	return cmd.Process.Pid
}

func freeAddress(b *testing.B) string {
	b.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().String()
}

// untilProbed waits until this many runs have completed, all of them healthy. The first runs of n
// targets begin within n times 100 ms.
func (p process) untilProbed(b *testing.B, runs int) {
	b.Helper()
	tick := time.NewTicker(scrapeInterval)
	defer tick.Stop()
	for deadline := time.Now().Add(3*time.Minute + time.Duration(runs)*100*time.Millisecond); time.Now().Before(deadline); {
		<-tick.C
		if done := p.value(b, `vault_k8s_auth_exporter_verdicts_total{reason="none"}`); done >= float64(runs) {
			return
		}
	}
	b.Fatalf("%d healthy runs did not complete", runs)
}

// usage returns the CPU seconds and the number of runs since the process started.
func (p process) usage(b *testing.B) (cpu, runs float64) {
	b.Helper()
	return p.value(b, "process_cpu_seconds_total"), p.value(b, "vault_k8s_auth_exporter_probe_duration_seconds_count")
}

func (p process) scrape(b *testing.B) []byte {
	b.Helper()
	response, err := http.Get(p.metrics)
	if err != nil {
		b.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		b.Fatalf("scraping: %d, %v", response.StatusCode, err)
	}
	return body
}

// value returns one sample of a scrape.
func (p process) value(b *testing.B, sample string) float64 {
	b.Helper()
	for line := range strings.Lines(string(p.scrape(b))) {
		if text, ok := strings.CutPrefix(line, sample+" "); ok {
			value, err := strconv.ParseFloat(strings.TrimSpace(text), 64)
			if err != nil {
				b.Fatal(err)
			}
			return value
		}
	}
	b.Fatalf("there is no sample %s", sample)
	return 0
}

var residentLine = regexp.MustCompile(`VmRSS:\s+(\d+) kB`)

// resident is the resident memory of the process in MiB, from /proc.
func (p process) resident(b *testing.B) float64 {
	b.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.pid))
	if err != nil {
		b.Fatal(err)
	}
	match := residentLine.FindSubmatch(status)
	if match == nil {
		b.Fatal("/proc has no VmRSS for the process")
	}
	kilobytes, err := strconv.ParseFloat(string(match[1]), 64)
	if err != nil {
		b.Fatal(err)
	}
	return kilobytes / 1024
}
