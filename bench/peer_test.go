package bench

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/lab"
)

// The exporter runs peerTargets targets in every interval, and its peer is asked for as many pairs in the same seconds, at
// the same pace.
const (
	peerRounds   = 6
	peerTargets  = 50
	peerInterval = 10 * time.Second
)

var exporterBinary = flag.String("exporter", "", "binary to compare with blackbox_exporter, instead of one that is compiled from this checkout")

// BenchmarkPeer compares a run of the exporter with what one would configure in blackbox_exporter instead: two modules, of
// which one sends a TokenReview and one logs in. Both probe the servers of a lab.
func BenchmarkPeer(b *testing.B) {
	blackbox := findBlackbox(b)
	l, err := lab.Start(b.Context(), lab.Options{Log: os.Stderr})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = l.Close() })
	binary := *exporterBinary
	if binary == "" {
		binary = build(b)
	}
	env := append(l.Env(), "EXPORTER_INTERVAL="+peerInterval.String(), "EXPORTER_TIMEOUT=3s")
	one := startExporter(b, binary, 1, slices.Clone(env)) // only for its memory
	ours := startExporter(b, binary, peerTargets, env)
	theirs := startPeer(b, blackbox, l)
	ours.untilProbed(b, peerTargets)
	theirs.pairs(b, peerTargets)

	var runs, pairs, ratios []float64
	for range peerRounds {
		_, before := ours.usage(b)
		ourStart, theirStart := cpuSeconds(b, ours.pid), cpuSeconds(b, theirs.pid)
		theirs.pairs(b, peerTargets)
		ourCPU, theirCPU := cpuSeconds(b, ours.pid)-ourStart, cpuSeconds(b, theirs.pid)-theirStart
		_, after := ours.usage(b)
		runs, pairs = append(runs, ourCPU/(after-before)), append(pairs, theirCPU/peerTargets)
		ratios = append(ratios, runs[len(runs)-1]/pairs[len(pairs)-1])
	}
	b.Logf("ratio in each round: %.2f", ratios)
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(median(runs)*1e6, "cpu-µs/run")
	b.ReportMetric(median(pairs)*1e6, "cpu-µs/pair")
	b.ReportMetric(median(ratios), "ratio")
	b.ReportMetric(one.resident(b), "resident-MiB")
	b.ReportMetric(process{pid: theirs.pid}.resident(b), "peer-resident-MiB")
}

// findBlackbox skips the benchmark if there is no blackbox_exporter.
func findBlackbox(b *testing.B) string {
	b.Helper()
	for _, name := range []string{"prometheus-blackbox-exporter", "blackbox_exporter"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	b.Skip("left out, since blackbox_exporter is not installed: apt-get install prometheus-blackbox-exporter")
	return ""
}

// A peer is a running blackbox_exporter with its two probes.
type peer struct {
	pid    int
	probes [2]string // URLs
}

func startPeer(b *testing.B, binary string, l *lab.Lab) peer {
	b.Helper()
	env := map[string]string{}
	for _, variable := range l.Env() {
		name, value, _ := strings.Cut(variable, "=")
		env[strings.TrimPrefix(name, "EXPORTER_")] = value
	}
	jwt, err := os.ReadFile(env["CANARY_TOKEN_FILE"])
	if err != nil {
		b.Fatal(err)
	}
	canary := strings.TrimSpace(string(jwt))
	review := map[string]any{
		"kind": "TokenReview", "apiVersion": "authentication.k8s.io/v1",
		"spec": map[string]any{"token": canary, "audiences": []string{"vault"}},
	}
	login := map[string]any{"role": env["VAULT_ROLE"], "jwt": canary}
	modules := map[string]any{
		"review": module(b, review, http.StatusCreated, `"authenticated":true`, env["KUBERNETES_CACERT"], env["REVIEWER_TOKEN_FILE"]),
		"login":  module(b, login, http.StatusOK, `"client_token"`, env["VAULT_CACERT"], ""),
	}
	address := freeAddress(b)
	config := file(b, "blackbox.yaml", toJSON(b, map[string]any{"modules": modules})) // JSON is YAML
	pid := run(b, exec.Command(binary, "--config.file="+config, "--web.listen-address="+address, "--log.level=error"))
	probe := func(module, target string) string {
		return "http://" + address + "/probe?" + url.Values{"module": {module}, "target": {target}}.Encode()
	}
	p := peer{pid: pid, probes: [2]string{
		probe("review", env["KUBERNETES_HOST"]+reviewPath), probe("login", env["VAULT_ADDR"]+"/v1/auth/"+env["VAULT_MOUNT"]+"/login"),
	}}
	untilResponds(b, "http://"+address+"/-/healthy")
	return p
}

// module is the configuration of one POST request and the response that it needs.
func module(b *testing.B, body map[string]any, status int, response, ca, bearerFile string) map[string]any {
	b.Helper()
	probe := map[string]any{
		"method": http.MethodPost, "headers": map[string]string{"Content-Type": "application/json"}, "body": toJSON(b, body),
		"valid_status_codes": []int{status}, "fail_if_body_not_matches_regexp": []string{response},
		"preferred_ip_protocol": "ip4", "tls_config": map[string]string{"ca_file": ca},
	}
	if bearerFile != "" {
		probe["bearer_token_file"] = bearerFile
	}
	return map[string]any{"prober": "http", "timeout": "3s", "http": probe}
}

func toJSON(b *testing.B, value any) string {
	b.Helper()
	text, err := json.Marshal(value)
	if err != nil {
		b.Fatal(err)
	}
	return string(text)
}

func untilResponds(b *testing.B, url string) {
	b.Helper()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); <-tick.C {
		if response, err := http.Get(url); err == nil {
			_ = response.Body.Close()
			return
		}
	}
	b.Fatalf("%s does not respond", url)
}

// pairs makes both probes this many times within one interval, and requires all of them to succeed.
func (p peer) pairs(b *testing.B, count int) {
	b.Helper()
	tick := time.NewTicker(peerInterval / time.Duration(count))
	defer tick.Stop()
	for range count {
		<-tick.C
		for _, probe := range p.probes {
			response, err := http.Get(probe)
			if err != nil {
				b.Fatal(err)
			}
			metrics, err := io.ReadAll(response.Body)
			_ = response.Body.Close()
			if err != nil || !bytes.Contains(metrics, []byte("\nprobe_success 1\n")) {
				b.Fatalf("blackbox_exporter's probe failed: %v\n%s", err, metrics)
			}
		}
	}
}

// cpuSeconds is the CPU time of a process, from /proc: user and system time in hundredths of a second.
func cpuSeconds(b *testing.B, pid int) float64 {
	b.Helper()
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		b.Fatal(err)
	}
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	var ticks float64
	for _, field := range fields[11:13] {
		n, err := strconv.ParseFloat(field, 64)
		if err != nil {
			b.Fatal(err)
		}
		ticks += n
	}
	return ticks / 100
}

func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[len(sorted)/2]
}
