package bench

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
)

// BenchmarkProbe measures one healthy run of the exporter.
func BenchmarkProbe(b *testing.B) {
	measure(b, startServers(b).prober(b))
}

// prober returns a function that makes one healthy run. The first run is made here: it reads
// more than later ones.
func (s servers) prober(b testing.TB) func() error {
	b.Helper()
	target, prober := s.target(b), probe.NewProber("bench", func(string, evidence.TokenEvent) {})
	var memory probe.Memory
	once := func() error {
		var result probe.Result
		if result, memory = prober.Probe(b.Context(), target, memory); !result.Healthy() {
			return fmt.Errorf("the probe found %s: %s", result.Diagnosis.Reason, result.Diagnosis.Detail)
		}
		return nil
	}
	if err := once(); err != nil {
		b.Fatal(err)
	}
	return once
}

// roundOfPairs is how many runs one round makes of each.
const roundOfPairs = 20

// BenchmarkRatio alternates rounds of the exporter's runs with rounds of two programs that make the
// same requests: one with net/http alone, one with client-go and vault/api. It reports the medians of
// the ratios of CPU times to that of net/http. One operation is a round of each.
func BenchmarkRatio(b *testing.B) {
	s := startServers(b)
	probing, libraries, bare := s.prober(b), s.withLibraries(), s.bare(b)
	var ratios, ofLibraries []float64
	for b.Loop() {
		own, clients, least := cpuOf(b, probing), cpuOf(b, libraries), float64(cpuOf(b, bare))
		ratios, ofLibraries = append(ratios, float64(own)/least), append(ofLibraries, float64(clients)/least)
	}
	slices.Sort(ratios)
	slices.Sort(ofLibraries)
	b.ReportMetric(ratios[len(ratios)/2], "probe/bare")
	b.ReportMetric(ratios[len(ratios)/10], "p10")
	b.ReportMetric(ratios[len(ratios)*9/10], "p90")
	b.ReportMetric(ofLibraries[len(ofLibraries)/2], "libraries/bare")
}

func cpuOf(b *testing.B, once func() error) time.Duration {
	b.Helper()
	before := cpuTime(b)
	for range roundOfPairs {
		if err := once(); err != nil {
			b.Fatal(err)
		}
	}
	return cpuTime(b) - before
}

// BenchmarkSustained makes healthy runs in parallel, on cores that it shares with the servers.
func BenchmarkSustained(b *testing.B) {
	s := startServers(b)
	target := s.target(b)
	prober := probe.NewProber("bench", func(string, evidence.TokenEvent) {})
	_, memory := prober.Probe(b.Context(), target, probe.Memory{})
	b.SetParallelism(8)
	b.RunParallel(func(more *testing.PB) {
		memory := memory
		for more.Next() {
			var result probe.Result
			if result, memory = prober.Probe(b.Context(), target, memory); !result.Healthy() {
				b.Errorf("the probe found %s: %s", result.Diagnosis.Reason, result.Diagnosis.Detail)
			}
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "runs/s")
}

// BenchmarkBare makes the same requests over as many connections with net/http alone.
func BenchmarkBare(b *testing.B) {
	measure(b, startServers(b).bare(b))
}

// BenchmarkLibraries makes the same requests over as many connections with client-go and vault/api.
func BenchmarkLibraries(b *testing.B) {
	measure(b, startServers(b).withLibraries())
}

func (s servers) bare(b testing.TB) func() error {
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM([]byte(s.CA))
	runs := 0
	return func() error {
		runs++
		return s.probeWithNetHTTP(b.Context(), roots, runs%everyRuns == 0)
	}
}

// probeWithNetHTTP makes the requests of a run, those of every tenth one as well if more is true.
func (s servers) probeWithNetHTTP(ctx context.Context, roots *x509.CertPool, more bool) error {
	vault, kubernetes := newHTTPClient(roots), newHTTPClient(roots)
	defer vault.CloseIdleConnections()
	defer kubernetes.CloseIdleConnections()
	review := fmt.Sprintf(`{"kind":"TokenReview","apiVersion":"authentication.k8s.io/v1","spec":{"token":%q,"audiences":["vault"]}}`, token("canary"))
	access := `{"kind":"SelfSubjectAccessReview","apiVersion":"authorization.k8s.io/v1","spec":{"resourceAttributes":{"verb":"create","group":"authentication.k8s.io","resource":"tokenreviews"}}}`
	login := fmt.Sprintf(`{"role":"canary","jwt":%q}`, token("canary"))
	all := func(ctx context.Context, client *http.Client, questions ...question) error {
		for _, q := range questions {
			if err := ask(ctx, client, q); err != nil {
				return err
			}
		}
		return nil
	}
	ofKubernetes := []question{{"POST", s.Kubernetes + selfReviewPath, `{}`}, {"POST", s.Kubernetes + accessPath, access}}
	ofVault := []question{{"PUT", s.Vault + loginPath, login}}
	if more {
		ofKubernetes = append(ofKubernetes, question{"POST", s.Kubernetes + rulesPath, `{"spec":{"namespace":"vault"}}`})
		paths, err := json.Marshal(map[string][]string{"paths": guarded()})
		if err != nil {
			return err
		}
		ofVault = append(ofVault, question{"GET", s.Vault + mountPath, ""}, question{"GET", s.Vault + configPath, ""}, question{"PUT", s.Vault + capabilitiesPath, string(paths)})
	}
	var requests sync.WaitGroup
	errs := make([]error, 4)
	toKubernetes, kubernetesConnected := connecting(ctx)
	toVault, vaultConnected := connecting(ctx)
	requests.Go(func() { errs[0] = ask(toKubernetes, kubernetes, question{"POST", s.Kubernetes + reviewPath, review}) })
	requests.Go(func() {
		<-kubernetesConnected
		errs[1] = all(ctx, kubernetes, ofKubernetes...)
	})
	requests.Go(func() { errs[2] = ask(toVault, vault, question{"GET", s.Vault + healthPath, ""}) })
	requests.Go(func() {
		<-vaultConnected
		errs[3] = all(ctx, vault, ofVault...)
	})
	requests.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return ask(ctx, vault, question{"PUT", s.Vault + revokePath, ""})
}

// connecting returns a context for the first request to a server, and a channel that is closed
// once that has a connection: over HTTP/2, later requests share it.
func connecting(ctx context.Context) (context.Context, <-chan struct{}) {
	connected := make(chan struct{})
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { close(connected) }}), connected
}

func newHTTPClient(roots *x509.CertPool) *http.Client {
	return &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}, ForceAttemptHTTP2: true}}
}

// question is a request without its credentials.
type question struct{ method, url, body string }

func ask(ctx context.Context, client *http.Client, q question) error {
	request, err := http.NewRequestWithContext(ctx, q.method, q.url, strings.NewReader(q.body))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Authorization", "Bearer "+token("vault-auth"))
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	if err != nil || len(content) == 0 {
		return err
	}
	return json.NewDecoder(bytes.NewReader(content)).Decode(&map[string]any{})
}

// measure reports CPU time in addition to elapsed time and allocations.
func measure(b *testing.B, once func() error) {
	b.Helper()
	b.ReportAllocs()
	before := cpuTime(b)
	for b.Loop() {
		if err := once(); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64((cpuTime(b)-before).Microseconds())/float64(b.N), "cpu-µs/op")
}

func cpuTime(b *testing.B) time.Duration {
	b.Helper()
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		b.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

func (s servers) target(b testing.TB) evidence.Target {
	b.Helper()
	ca := file(b, "ca.crt", s.CA)
	return evidence.Target{
		Name:       "bench",
		Vault:      evidence.Vault{Addr: s.Vault, CACert: ca, Mount: "kubernetes", Role: "canary"},
		Kubernetes: evidence.Kubernetes{Host: s.Kubernetes, CACert: ca},
		Reviewer:   evidence.Origin{Source: evidence.SourceFile, TokenFile: file(b, "reviewer", token("vault-auth"))},
		Canary:     evidence.Origin{Source: evidence.SourceFile, TokenFile: file(b, "canary", token("canary"))},
		Interval:   time.Minute, Timeout: 10 * time.Second, Recheck: 10 * time.Second,
	}
}

var uidOf = map[string]string{"canary": "3b241101-e2bb-4255-8caf-4136c566a962", "vault-auth": "7d444840-9dc0-11d1-b245-5ffdce74fad2"}

// token is a JWT of typical size with an invalid signature.
func token(name string) string {
	namespace := map[string]string{"canary": "monitoring", "vault-auth": "vault"}[name]
	claims := fmt.Sprintf(`{"iss":"https://kubernetes.default.svc","sub":"system:serviceaccount:%[1]s:%[2]s","aud":["vault"],"iat":1,"nbf":1,"exp":9999999999,`+
		`"kubernetes.io":{"namespace":%[1]q,"serviceaccount":{"name":%[2]q,"uid":%[3]q}}}`, namespace, name, uidOf[name])
	encode := base64.RawURLEncoding.EncodeToString
	return encode([]byte(`{"alg":"RS256","kid":"9jzS4mHqQ0pVbXc2T7wLr1kYdNfE6uAoGx3ZhJtBvIM"}`)) + "." + encode([]byte(claims)) + "." + encode(make([]byte, 256))
}
