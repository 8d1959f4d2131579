package metrics_test

import (
	"errors"
	"flag"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/prometheus/common/expfmt"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/metrics"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/diagnose"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/maintenance"
)

// full has a sample of every metric.
func full(t testing.TB) *metrics.Recorder {
	t.Helper()
	rec := metrics.New([]evidence.Target{target("prod"), target("failing")})
	rec.Record(new(forbidden(target("failing"))))
	well := healthy(target("prod"))
	well.Warnings = []diagnose.Warning{{Code: diagnose.ClockSkew}, {Code: diagnose.CertificateExpiring, Raised: true}}
	rec.Record(&well)
	rec.CountToken("prod", evidence.IssuedService)
	rec.CountToken("prod", evidence.Revoked)
	rec.Reloaded(3735928559)
	rec.Shard(0, 1)
	rec.Lease("monitoring/exporter", func() bool { return true })()
	rec.Workloads(workloadSnapshot)
	rec.SetMaintenance(map[string]maintenance.Windows{"failing": {{Begin: time.Now().Add(-time.Hour), End: time.Now().Add(time.Hour)}}})
	return rec
}

var update = flag.Bool("update", false, "write testdata anew")

// The whole exposition of one healthy and one failing target, HELP and TYPE
// included, less what changes with the build or with every new reason.
func TestWholeExposition(t *testing.T) {
	const golden = "testdata/exposition.txt"
	synctest.Test(t, func(t *testing.T) {
		rec := full(t)
		names := slices.DeleteFunc(ownNames(t, rec), func(name string) bool {
			return name == "vault_k8s_auth_exporter_build_info" || name == "vault_k8s_auth_exporter_verdicts_total"
		})
		if *update {
			text, err := testutil.GatherAndFormat(rec, expfmt.TypeTextPlain, names...)
			if err := errors.Join(err, os.WriteFile(golden, text, 0o644)); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.Open(golden)
		if err != nil {
			t.Fatal(err)
		}
		defer want.Close()
		if err := testutil.GatherAndCompare(rec, want, names...); err != nil {
			t.Error(err)
		}
	})
}

// Every reason is there from the start, so that its first increase is seen.
func TestVerdictsBeginAtZero(t *testing.T) {
	want := []string{`exporter_verdicts_total{reason="none"} 0`}
	for _, reason := range diagnose.Reasons() {
		want = append(want, fmt.Sprintf("exporter_verdicts_total{reason=%q} 0", reason))
	}
	slices.Sort(want)
	expect(t, metrics.New(nil), strings.Join(want, "\n"), "exporter_verdicts_total")
}

func TestLint(t *testing.T) {
	problems, err := testutil.GatherAndLint(full(t))
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
}

// Service discovery owns these labels; HELP says that a target's values come
// from a schedule, unless they come from the configuration.
func TestLabelsAndHelp(t *testing.T) {
	owned := []string{"namespace", "pod", "container", "endpoint", "service", "job", "instance", "node", "cluster", "env"}
	families, err := full(t).Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if !strings.HasPrefix(f.GetName(), "vault_k8s_auth_") {
			continue
		}
		perTarget := false
		for _, l := range f.GetMetric()[0].GetLabel() {
			perTarget = perTarget || l.GetName() == "target"
			if slices.Contains(owned, l.GetName()) {
				t.Errorf("%s has the label %s", f.GetName(), l.GetName())
			}
		}
		configured := strings.HasPrefix(f.GetName(), "vault_k8s_auth_target_")
		if perTarget && !configured && !strings.Contains(strings.ToLower(f.GetHelp()), "schedule") {
			t.Errorf("%s does not say that it comes from a schedule: %s", f.GetName(), f.GetHelp())
		}
	}
}

// No text that a server had a hand in becomes a label, and no detail does.
func TestHostileTexts(t *testing.T) {
	const jwt = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJtYXJrZWQifQ.bWFya2Vk"
	hostile := jwt + "\"}\n# TYPE marked counter\nmarked 1 \xff"
	r := forbidden(target("a"))
	claims := evidence.Claims{Issuer: hostile, Subject: hostile, Audiences: []string{hostile}, Pod: hostile, Namespace: hostile, ServiceAccount: hostile}
	e := &r.Evidence
	e.CanaryToken, e.ReviewerToken = answered(claims, 0), answered(claims, 0)
	e.Review = answered(evidence.Review{Username: hostile, Error: hostile, Audiences: []string{hostile}}, 0)
	e.Identity = answered(evidence.Identity{Username: hostile}, 0)
	e.Access = answered(evidence.Access{Why: hostile}, 0)
	e.Login = failed[evidence.Login](evidence.ClassRefused, 403, hostile)
	e.Health = answered(evidence.Health{Version: hostile}, 0)
	e.FollowUps.MountProbe = answered(evidence.Refusal{Text: hostile}, 0)
	e.VaultCertificate.Subject, e.Panic = hostile, hostile
	for _, v := range []*diagnose.Verdict{&r.Diagnosis.Verdict, &r.Diagnosis.Reviewer} {
		v.Detail, v.Because, v.Fix = hostile, []string{hostile}, []string{hostile}
		v.Check, v.Notes = []diagnose.Check{{Command: hostile, Shows: hostile}}, v.Fix
	}
	r.Warnings = []diagnose.Warning{{Code: diagnose.ClockSkew, Raised: true, Detail: hostile, Advice: diagnose.Advice{Fix: []string{hostile}}}}

	for _, version := range []string{hostile, jwt, "1." + strings.Repeat("0", 100), "1.0\n", "hvs.CAESIJ", ""} {
		rec := metrics.New([]evidence.Target{target("a")})
		e.Health.Value.Version = version
		rec.Record(&r)
		text := samples(t, rec)
		if strings.Contains(text, "marked") || strings.Contains(text, "eyJ") || strings.Contains(text, "bWFya2Vk") {
			t.Errorf("a hostile text got into the exposition:\n%s", text)
		}
		expect(t, rec, "", "server_info")
	}
}

// The text format does not show native buckets.
func TestDurationIsNativeToo(t *testing.T) {
	families, err := full(t).Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == "vault_k8s_auth_exporter_probe_duration_seconds" {
			h := f.GetMetric()[0].GetHistogram()
			if len(h.GetBucket()) != 11 || len(h.GetPositiveSpan()) == 0 {
				t.Errorf("%d classic buckets, %d native spans", len(h.GetBucket()), len(h.GetPositiveSpan()))
			}
			return
		}
	}
	t.Error("there is no histogram")
}

func TestHandler(t *testing.T) {
	rec := full(t)
	rec.Registry().MustRegister(brokenCollector{})
	request := httptest.NewRequest(http.MethodGet, "/metrics", nil)
	request.Header.Set("Accept", "application/openmetrics-text;version=1.0.0,text/plain;q=0.5")
	for range 2 {
		response := httptest.NewRecorder()
		rec.Handler().ServeHTTP(response, request)
		body := response.Body.String()
		if response.Code != http.StatusOK || !strings.HasPrefix(response.Header().Get("Content-Type"), "text/plain") {
			t.Errorf("%d %s", response.Code, response.Header().Get("Content-Type"))
		}
		for _, want := range []string{
			`vault_k8s_auth_up{target="prod"} 1`, "go_goroutines ", "process_start_time_seconds ", "vault_k8s_auth_exporter_build_info{",
			`vault_k8s_auth_exporter_probe_duration_seconds_bucket{le="10"} 2`, `promhttp_metric_handler_errors_total{cause="gathering"} `,
		} {
			if !strings.Contains(body, want) {
				t.Errorf("the answer lacks %s", want)
			}
		}
	}
}

// What cannot be served of one target is left out and counted at every scrape, in every format.
func TestUnservableSamples(t *testing.T) {
	bad := target("bad")
	bad.Vault.Role = "not UTF-8 \xff"
	rec := metrics.New([]evidence.Target{bad, target("good")})
	rec.Record(new(healthy(bad)))
	rec.Registry().MustRegister(undescribed{})
	request, handler := httptest.NewRequest(http.MethodGet, "/metrics", nil), rec.Handler()
	for i, query := range []string{"", "", "name[]=vault_k8s_auth_up&name[]=vault_k8s_auth_target_info&name[]=promhttp_metric_handler_errors_total"} {
		request.URL.RawQuery = query
		response := httptest.NewRecorder()
		handler.ServeHTTP(response, request)
		body := response.Body.String()
		if response.Code != http.StatusOK || strings.Contains(body, "UTF-8") || strings.Count(body, "# TYPE vault_k8s_auth_up ") != 1 {
			t.Errorf("%d\n%s", response.Code, body)
		}
		for _, want := range []string{
			`vault_k8s_auth_up{target="bad"} 1`, `mount="kubernetes",reviewer="file",role="canary",target="good"`,
			fmt.Sprintf(`promhttp_metric_handler_errors_total{cause="gathering"} %d`, i),
		} {
			if !strings.Contains(body, want) {
				t.Errorf("scrape %d lacks %s", i, want)
			}
		}
	}
}

// undescribed takes the name of a metric of targets.
type undescribed struct{ brokenCollector }

func (undescribed) Collect(collected chan<- prometheus.Metric) {
	collected <- prometheus.MustNewConstMetric(prometheus.NewDesc("vault_k8s_auth_up", "", nil, nil), prometheus.GaugeValue, 1)
}

func TestNamesOfTargetMetricsAreReserved(t *testing.T) {
	gauge := prometheus.NewGauge(prometheus.GaugeOpts{Name: "vault_k8s_auth_up", Help: "Another."})
	if err := metrics.New(nil).Registry().Register(gauge); err == nil {
		t.Error("a second vault_k8s_auth_up was registered")
	}
}

type brokenCollector struct{}

func (brokenCollector) Describe(chan<- *prometheus.Desc) {}
func (brokenCollector) Collect(collected chan<- prometheus.Metric) {
	collected <- prometheus.NewInvalidMetric(prometheus.NewDesc("broken", "", nil, nil), fmt.Errorf("broken"))
}

// BenchmarkScrape measures one scrape of 1 000 healthy targets, in the format of a Prometheus with
// default settings and in that which it asks for if it scrapes native histograms.
func BenchmarkScrape(b *testing.B) {
	const count = 1000
	var targets []evidence.Target
	for i := range count {
		targets = append(targets, target(fmt.Sprintf("target-%04d", i)))
	}
	rec := metrics.New(targets)
	for _, t := range targets {
		rec.Record(new(healthy(t)))
	}
	handler := rec.Handler()
	for name, accept := range map[string]string{
		"text":     "text/plain;version=0.0.4",
		"protobuf": "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited",
	} {
		b.Run(name, func(b *testing.B) {
			request := httptest.NewRequest(http.MethodGet, "/metrics", nil)
			request.Header.Set("Accept", accept)
			request.Header.Set("Accept-Encoding", "gzip")
			b.ReportAllocs()
			for b.Loop() {
				response := httptest.NewRecorder()
				handler.ServeHTTP(response, request)
				b.SetBytes(int64(response.Body.Len()))
			}
		})
	}
}

// BenchmarkRecord measures what a run adds.
func BenchmarkRecord(b *testing.B) {
	rec := metrics.New([]evidence.Target{target("a")})
	result := healthy(target("a"))
	b.ReportAllocs()
	for b.Loop() {
		rec.CountToken("a", evidence.IssuedService)
		rec.CountToken("a", evidence.Revoked)
		rec.Record(&result)
	}
}
