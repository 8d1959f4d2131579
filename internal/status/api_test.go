package status_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/internal/status"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/diagnose"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fixture is a board with what it reads, for tests to change.
type fixture struct {
	t     *testing.T
	board *status.Board
	url   string
	http  *http.Client

	mu    sync.Mutex // guards known
	known []probe.TargetState
}

func open(t *testing.T, o status.Options, targets ...string) *fixture {
	d := &fixture{t: t, http: &http.Client{Transport: &http.Transport{}}}
	for _, name := range targets {
		d.known = append(d.known, probe.TargetState{Target: evidence.Target{Name: name, Interval: time.Minute, Timeout: time.Second}})
	}
	o.TargetStates = func() []probe.TargetState {
		d.mu.Lock()
		defer d.mu.Unlock()
		return append([]probe.TargetState(nil), d.known...)
	}
	d.board = status.New(o)
	server := httptest.NewServer(d.board)
	d.url = server.URL
	t.Cleanup(func() {
		d.board.Close()
		d.http.CloseIdleConnections()
		server.Close()
	})
	return d
}

// ran completes a run of a target, as serve does.
func (d *fixture) ran(name string, start time.Time, reason diagnose.Reason) {
	d.mu.Lock()
	var latest probe.Result
	for i, k := range d.known {
		if k.Target.Name == name {
			latest = probe.Result{Target: k.Target, Start: start, Since: start, Diagnosis: diagnose.Diagnosis{Verdict: diagnose.Verdict{Reason: reason}}}
			d.known[i] = k.After(latest)
		}
	}
	d.mu.Unlock()
	d.board.Publish(latest)
}

func (d *fixture) do(method, path string, header ...string) (*http.Response, string) {
	d.t.Helper()
	request, err := http.NewRequestWithContext(d.t.Context(), method, d.url+path, nil)
	if err != nil {
		d.t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		request.Header.Set(header[i], header[i+1])
	}
	response, err := d.http.Do(request)
	if err != nil {
		d.t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		d.t.Fatal(err)
	}
	return response, string(body)
}

func (d *fixture) states() string {
	_, body := d.do("GET", "/api/v1/status")
	var all struct {
		Targets []struct {
			Target, State string
			Healthy       *bool
		}
	}
	if err := json.Unmarshal([]byte(body), &all); err != nil {
		d.t.Fatal(err)
	}
	var text []string
	for _, one := range all.Targets {
		healthy := "untold"
		if one.Healthy != nil {
			healthy = fmt.Sprint(*one.Healthy)
		}
		text = append(text, one.Target+" "+one.State+" "+healthy)
	}
	return strings.Join(text, ", ")
}

// The most urgent come first, and good news that is old is not told.
func TestStates(t *testing.T) {
	d := open(t, status.Options{}, "a", "b", "c", "d", "e", "f")
	now := time.Now()
	d.ran("b", now, diagnose.None)
	d.ran("c", now, diagnose.CanaryTokenMissing)
	d.ran("d", now.Add(-time.Hour), diagnose.None)
	d.ran("e", now.Add(-time.Hour), diagnose.VaultSealed)
	d.ran("f", now, diagnose.VaultSealed)
	const want = "e unhealthy false, f unhealthy false, c unclear false, d stale untold, a waiting untold, b healthy true"
	if got := d.states(); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestETag(t *testing.T) {
	d := open(t, status.Options{}, "a/b")
	d.ran("a/b", time.Now(), diagnose.VaultSealed)
	for _, path := range []string{"/api/v1/status", "/api/v1/status/a/b", "/static/style.css", "/static/script.js"} {
		first, _ := d.do("GET", path)
		tag := first.Header.Get("ETag")
		second, body := d.do("GET", path, "If-None-Match", tag)
		if first.StatusCode != 200 || len(tag) < 10 || second.StatusCode != http.StatusNotModified || body != "" {
			t.Errorf("%s: %d with ETag %s, then %d %q", path, first.StatusCode, tag, second.StatusCode, body)
		}
		d.ran("a/b", time.Now(), diagnose.None)
		if third, _ := d.do("GET", path, "If-None-Match", tag); strings.HasPrefix(path, "/api") && third.StatusCode != 200 {
			t.Errorf("%s: %d after a change, want 200", path, third.StatusCode)
		}
	}
}

func TestRefusals(t *testing.T) {
	d := open(t, status.Options{RunNow: func(string) bool { return false }}, "a")
	closed := open(t, status.Options{}, "a")
	for _, test := range []struct {
		fixture      *fixture
		method, path string
		header       []string
		want         int
	}{
		{d, "GET", "/nonsense", nil, 404},
		{d, "GET", "/targets/b", nil, 404},
		{d, "GET", "/api/v1/status/b", nil, 404},
		{d, "POST", "/api/v1/status", nil, 405},
		{d, "GET", "/api/v1/probe/a", nil, 405},
		{d, "POST", "/api/v1/probe/b", nil, 404},
		{d, "POST", "/api/v1/probe/a", []string{"Sec-Fetch-Site", "cross-site"}, 403},
		{d, "POST", "/api/v1/probe/a", []string{"Origin", "https://elsewhere.example"}, 403},
		{d, "POST", "/api/v1/probe/a", nil, 409},
		{d, "POST", "/api/v1/probe/a", nil, 429},
		{closed, "POST", "/api/v1/probe/a", nil, 404},
	} {
		response, body := test.fixture.do(test.method, test.path, test.header...)
		if response.StatusCode != test.want {
			t.Errorf("%s %s %q: %d %s, want %d", test.method, test.path, test.header, response.StatusCode, body, test.want)
		}
		if policy := response.Header.Get("Content-Security-Policy"); !strings.Contains(policy, "default-src 'none'") {
			t.Errorf("%s %s: Content-Security-Policy is %q", test.method, test.path, policy)
		}
	}
}

func TestProbeAnswersWithTheRun(t *testing.T) {
	var d *fixture
	var runs sync.WaitGroup
	d = open(t, status.Options{RunNow: func(target string) bool {
		runs.Go(func() {
			d.ran("other", time.Now(), diagnose.None)
			d.ran(target, time.Now(), diagnose.VaultSealed)
		})
		return true
	}}, "a", "other")
	response, body := d.do("POST", "/api/v1/probe/a")
	runs.Wait()
	if response.StatusCode != 200 || !strings.Contains(body, `"reason": "vault_sealed"`) {
		t.Errorf("%d %s", response.StatusCode, body)
	}
}

// stream opens a stream and returns its lines.
func (d *fixture) stream(ctx context.Context) (int, *bufio.Scanner, io.Closer) {
	request, err := http.NewRequestWithContext(ctx, "GET", d.url+"/api/v1/events", nil)
	if err != nil {
		d.t.Fatal(err)
	}
	response, err := d.http.Do(request)
	if err != nil {
		d.t.Fatal(err)
	}
	return response.StatusCode, bufio.NewScanner(response.Body), response.Body
}

func TestEvents(t *testing.T) {
	d := open(t, status.Options{}, "a")
	_, lines, body := d.stream(t.Context())
	defer body.Close()
	lines.Scan() // retry: the stream is open
	start := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	d.ran("a", start, diagnose.VaultSealed)
	for lines.Scan() && !strings.HasPrefix(lines.Text(), "data: ") {
	}
	const want = `data: {"target":"a","started":"2026-01-02T03:04:05Z","healthy":false,"reason":"vault_sealed","component":"vault","duration_seconds":0}`
	if lines.Text() != want {
		t.Errorf("got  %s\nwant %s", lines.Text(), want)
	}
	d.board.Close()
	for lines.Scan() {
	}
	if err := lines.Err(); err != nil {
		t.Errorf("the stream did not end in order: %v", err)
	}
}

// TestLoad: who looks at the page, many or slow, holds up no run.
func TestLoad(t *testing.T) {
	d := open(t, status.Options{}, "a")
	ctx, cancel := context.WithCancel(t.Context())
	var readers sync.WaitGroup
	for i := range 64 {
		code, lines, body := d.stream(ctx)
		if code != 200 {
			t.Fatalf("stream %d is refused with %d", i, code)
		}
		readers.Go(func() {
			defer body.Close()
			for i%2 == 0 && lines.Scan() { // every other reads nothing at all
			}
			<-ctx.Done()
		})
	}
	if code, _, body := d.stream(ctx); code != http.StatusServiceUnavailable {
		t.Errorf("one stream too many is answered with %d", code)
	} else {
		body.Close()
	}
	for range 4 {
		readers.Go(func() {
			for range 50 {
				if response, _ := d.do("GET", "/"); response.StatusCode != 200 {
					t.Errorf("the page is answered with %d", response.StatusCode)
				}
			}
		})
	}
	for range 2000 {
		d.ran("a", time.Now(), diagnose.VaultSealed) // hangs if it waits for a reader
	}
	cancel()
	readers.Wait()
}
