package metrics

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"google.golang.org/protobuf/encoding/protodelim"
	"google.golang.org/protobuf/proto"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/diagnose"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
)

// plain hands the samples of a Recorder to a registry as const metrics, which client_golang
// checks, sorts and encodes.
type plain struct{ *Recorder }

func (plain) Describe(chan<- *prometheus.Desc) {}

func (p plain) Collect(metrics chan<- prometheus.Metric) {
	for name, t := range p.targets {
		emit := func(s sample, since time.Time) {
			desc, values := prometheus.NewDesc(s.name, s.help, s.labels, nil), append([]string{name}, s.labelValues...)
			m, err := prometheus.NewConstMetric(desc, prometheus.GaugeValue, s.value, values...)
			if s.kind == dto.MetricType_COUNTER {
				m, err = prometheus.NewConstMetricWithCreatedTimestamp(desc, prometheus.CounterValue, s.value, since, values...)
			}
			if err != nil {
				m = prometheus.NewInvalidMetric(desc, err)
			}
			metrics <- m
		}
		for _, s := range append(samplesOf(t.TargetState), labelsOf(t.Target, p.labels)) {
			if !s.dropWhenStale || !t.Stale(time.Now()) {
				emit(s, time.Time{})
			}
		}
		for _, c := range t.counts {
			emit(c.sample, c.since)
		}
	}
}

// acceptProtobuf is sent by a Prometheus that scrapes native histograms.
const acceptProtobuf = "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited"

// A scrape serves what a registry of const metrics would, whatever the states are.
func TestScrapeEqualsARegistry(t *testing.T) {
	for seed := range uint64(100) {
		synctest.Test(t, func(t *testing.T) {
			rec := random{rand.New(rand.NewPCG(seed, 0))}.recorder()
			registry := prometheus.NewRegistry()
			registry.MustRegister(plain{rec})
			want, wantErr := registry.Gather()
			got, gotErr := rec.Gather()
			if (gotErr == nil) != (wantErr == nil) {
				t.Errorf("seed %d: the error is %v, the registry's %v", seed, gotErr, wantErr)
			}
			compare(t, want, got)
			compare(t, want, decode(t, serve(t, rec, acceptProtobuf)))
			for _, accept := range []string{"", "*/*", "text/plain;version=0.0.4", "text/plain;version=1.0.0;escaping=allow-utf-8"} {
				if diff := cmp.Diff(blocks(encode(t, want)), blocks(serve(t, rec, accept))); diff != "" {
					t.Errorf("Accept %q (-registry +got):\n%s", accept, diff)
				}
			}
			if t.Failed() {
				t.Fatalf("with seed %d", seed)
			}
		})
	}
}

func serve(t *testing.T, rec *Recorder, accept string) string {
	t.Helper()
	request, response := httptest.NewRequest(http.MethodGet, "/metrics", nil), httptest.NewRecorder()
	request.Header.Set("Accept", accept)
	rec.Handler().ServeHTTP(response, request)
	wantType := "text/plain"
	if accept == acceptProtobuf {
		wantType = "application/vnd.google.protobuf"
	}
	if contentType := response.Header().Get("Content-Type"); response.Code != http.StatusOK || !strings.HasPrefix(contentType, wantType+"; ") {
		t.Fatalf("Accept %q got %d %s", accept, response.Code, contentType)
	}
	return response.Body.String()
}

func decode(t *testing.T, body string) (families []*dto.MetricFamily) {
	t.Helper()
	reader := bufio.NewReader(strings.NewReader(body))
	for {
		f := &dto.MetricFamily{}
		switch err := protodelim.UnmarshalFrom(reader, f); {
		case errors.Is(err, io.EOF):
			return families
		case err != nil:
			t.Fatal(err)
		}
		families = append(families, f)
	}
}

func encode(t *testing.T, families []*dto.MetricFamily) string {
	t.Helper()
	var text strings.Builder
	for _, f := range families {
		if _, err := expfmt.MetricFamilyToText(&text, f); err != nil {
			t.Fatal(err)
		}
	}
	return text.String()
}

// ofNoTarget reports whether plain does not have a family.
func ofNoTarget(name string) bool {
	return name != "vault_k8s_auth_target_labels" && !slices.ContainsFunc(ofTargets, func(f *family) bool { return f.name == name })
}

// compare ignores the order of samples in a family.
func compare(t *testing.T, want, got []*dto.MetricFamily) {
	t.Helper()
	got = slices.DeleteFunc(got, func(f *dto.MetricFamily) bool { return ofNoTarget(f.GetName()) })
	for _, f := range got {
		slices.SortFunc(f.Metric, byLabels)
	}
	if !slices.EqualFunc(want, got, func(a, b *dto.MetricFamily) bool { return proto.Equal(a, b) }) {
		t.Errorf("families (-registry +got):\n%s", cmp.Diff(encode(t, want), encode(t, got)))
	}
}

// blocks returns the lines of every family with a target: HELP, TYPE and the samples, sorted.
func blocks(text string) (families [][]string) {
	const help = "# HELP "
	for block := range strings.SplitSeq(strings.TrimPrefix(text, help), help) {
		lines := strings.Split(block, "\n")
		if name, _, _ := strings.Cut(block, " "); ofNoTarget(name) {
			continue
		}
		slices.Sort(lines[2:])
		families = append(families, lines)
	}
	return families
}

// random makes states that need not be possible.
type random struct{ *rand.Rand }

func (r random) recorder() *Recorder {
	var targets []evidence.Target
	for i := range r.IntN(5) {
		targets = append(targets, r.target(fmt.Sprint(i, r.text())))
	}
	rec := New(targets)
	for range r.IntN(20) {
		if len(targets) > 0 {
			t := targets[r.IntN(len(targets))]
			rec.Record(new(r.result(t)))
			rec.CountToken(t.Name, []evidence.TokenEvent{evidence.IssuedBatch, evidence.Revoked, evidence.RevokeFailed, evidence.Unaccounted}[r.IntN(4)])
			rec.Skipped(t.Name)
		}
		time.Sleep(time.Duration(r.IntN(100)) * time.Second) // after three minutes a result is stale
	}
	return rec
}

func (r random) target(name string) evidence.Target {
	t := evidence.Target{Name: name, Interval: time.Minute, Labels: map[string]string{}}
	t.Vault = evidence.Vault{Addr: r.text(), Namespace: r.text(), Mount: r.text(), Role: r.text()}
	if r.IntN(20) == 0 {
		t.Vault.Role = "not UTF-8 \xff"
	}
	for _, name := range []string{"team", "tier"} {
		if r.IntN(2) == 0 {
			t.Labels[name] = r.text()
		}
	}
	return t
}

func (r random) text() string {
	return []string{"", "plain", `back\slash`, "new\nline", `"quoted"`, "Ümläut", "a b,c}{="}[r.IntN(7)]
}

func (r random) result(t evidence.Target) probe.Result {
	result := probe.Result{Target: t, Start: time.Now(), Duration: r.duration(), ConsecutiveFailures: r.IntN(2_000_000)}
	all := append(diagnose.Reasons(), diagnose.None, "")
	result.Diagnosis.Verdict = diagnose.Verdict{Reason: all[r.IntN(len(all))], Certainty: diagnose.Proven}
	result.Diagnosis.Reviewer.Reason = all[r.IntN(len(all))]
	if r.IntN(2) == 0 {
		result.Since = result.Start.Add(-r.duration())
	}
	for _, code := range diagnose.WarningCodes() {
		if r.IntN(2) == 0 {
			result.Warnings = append(result.Warnings, diagnose.Warning{Code: code, Raised: r.IntN(2) == 0})
		}
	}
	e := &result.Evidence
	e.Login, e.Health, e.Review = fact[evidence.Login](r), fact[evidence.Health](r), fact[evidence.Review](r)
	e.Login.Value.TTL, e.Health.Value.Version = r.duration(), "1.21.4"
	e.CanaryToken, e.FollowUps.Asked = fact[evidence.Claims](r), evidence.FollowUpKinds[:r.IntN(len(evidence.FollowUpKinds))]
	e.VaultCertificate = evidence.Certificate{Verified: r.IntN(2) == 0, NotBefore: result.Start.Add(-r.duration()), NotAfter: result.Start.Add(r.duration())}
	return result
}

func fact[T any](r random) evidence.Fact[T] {
	return evidence.Fact[T]{State: []evidence.State{evidence.NotAsked, evidence.Answered, evidence.Failed}[r.IntN(3)], Elapsed: r.duration()}
}

// duration is of any magnitude, from 1 ns to 30 years.
func (r random) duration() time.Duration {
	return time.Duration(math.Exp(r.Float64() * math.Log(1e18)))
}
