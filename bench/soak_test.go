package bench

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

const (
	soakTargets = 1000
	soakPhase   = 5 * time.Minute
	// The exporter's default interval, and its longest run: the default timeout plus 7 s.
	soakInterval   = 60 * time.Second
	soakLongestRun = 22 * time.Second
)

// BenchmarkSoak runs the exporter with 1 000 targets and default settings: five minutes with
// healthy servers, and five with a Vault that does not respond. No tick may be skipped, no run
// late, and no verdict
// wrong or missing.
func BenchmarkSoak(b *testing.B) {
	s := startServers(b)
	p := start(b, build(b), s, soakTargets)
	p.untilProbed(b, soakTargets)
	first := p.resident(b)
	late := p.watch(b, soakPhase, "none")
	b.ReportMetric(first, "first-MiB")
	b.ReportMetric(p.resident(b), "healthy-MiB")
	b.ReportMetric(late.Seconds(), "healthy-late-s")

	s.hang(b)
	settle := time.NewTimer(soakInterval + soakLongestRun)
	<-settle.C
	late = p.watch(b, soakPhase, "vault_timeout")
	b.ReportMetric(p.resident(b), "hanging-MiB")
	b.ReportMetric(late.Seconds(), "hanging-late-s")
	if skipped := p.sum(b, "vault_k8s_auth_exporter_probes_skipped_total"); skipped > 0 {
		b.Errorf("%v ticks were skipped", skipped)
	}
}

// hang makes Vault stop responding.
func (s servers) hang(b *testing.B) {
	b.Helper()
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM([]byte(s.CA))
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}, DisableKeepAlives: true}}
	response, err := client.Get(s.Vault + hangPath)
	if err != nil {
		b.Fatal(err)
	}
	_ = response.Body.Close()
}

// watch scrapes every ten seconds, requires this verdict of every target, and returns the largest
// delay of a run.
func (p process) watch(b *testing.B, phase time.Duration, reason string) (late time.Duration) {
	b.Helper()
	tick := time.NewTicker(10 * time.Second)
	defer tick.Stop()
	for end := time.Now().Add(phase); time.Now().Before(end); <-tick.C {
		families := p.parse(b)
		verdicts := families["vault_k8s_auth_verdict_info"].GetMetric()
		if len(verdicts) != soakTargets {
			b.Fatalf("%d verdicts in the metrics, want %d", len(verdicts), soakTargets)
		}
		for _, m := range verdicts {
			if got := label(m, "reason"); got != reason {
				b.Fatalf("%s: %s, want %s", label(m, "target"), got, reason)
			}
		}
		for _, m := range families["vault_k8s_auth_last_probe_timestamp_seconds"].GetMetric() {
			began := time.UnixMilli(int64(m.GetGauge().GetValue() * 1000))
			late = max(late, time.Since(began)-soakInterval-soakLongestRun)
		}
	}
	return late
}

func (p process) sum(b *testing.B, name string) (sum float64) {
	b.Helper()
	for _, m := range p.parse(b)[name].GetMetric() {
		sum += m.GetCounter().GetValue()
	}
	return sum
}

func (p process) parse(b *testing.B) map[string]*dto.MetricFamily {
	b.Helper()
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(bytes.NewReader(p.scrape(b)))
	if err != nil {
		b.Fatal(err)
	}
	return families
}

func label(m *dto.Metric, name string) string {
	for _, pair := range m.GetLabel() {
		if pair.GetName() == name {
			return pair.GetValue()
		}
	}
	return ""
}
