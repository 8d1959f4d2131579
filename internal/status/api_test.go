package status_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"go.uber.org/goleak"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/internal/schedule"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/internal/status"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/diagnose"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fixture is a page on a server of its own, and the states that it shows.
type fixture struct {
	t    *testing.T
	page *status.Server
	url  string
	http *http.Client

	mu     sync.Mutex // guards states
	states []probe.TargetState
}

func open(t *testing.T, o status.Options, targets ...string) *fixture {
	f := &fixture{t: t, http: &http.Client{Transport: &http.Transport{}}}
	for _, name := range targets {
		f.states = append(f.states, probe.TargetState{Target: evidence.Target{Name: name, Interval: time.Minute, Timeout: time.Second}})
	}
	o.TargetStates = func() []probe.TargetState {
		f.mu.Lock()
		defer f.mu.Unlock()
		return append([]probe.TargetState(nil), f.states...)
	}
	f.page = status.New(o)
	server := httptest.NewServer(f.page)
	f.url = server.URL
	t.Cleanup(func() {
		f.page.Close()
		f.http.CloseIdleConnections()
		server.Close()
	})
	return f
}

// ran records and publishes a completed run of a target.
func (f *fixture) ran(name string, start time.Time, reason diagnose.Reason) {
	f.mu.Lock()
	var latest probe.Result
	for i, k := range f.states {
		if k.Target.Name == name {
			latest = probe.Result{Target: k.Target, Start: start, Since: start, Diagnosis: diagnose.Diagnosis{Verdict: diagnose.Verdict{Reason: reason}}}
			f.states[i] = k.After(&latest)
		}
	}
	f.mu.Unlock()
	f.page.Publish(latest)
}

func (f *fixture) do(method, path string, header ...string) (*http.Response, string) {
	f.t.Helper()
	request, err := http.NewRequestWithContext(f.t.Context(), method, f.url+path, nil)
	if err != nil {
		f.t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		request.Header.Set(header[i], header[i+1])
	}
	response, err := f.http.Do(request)
	if err != nil {
		f.t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		f.t.Fatal(err)
	}
	return response, string(body)
}

func (f *fixture) summary() string {
	_, body := f.do("GET", "/api/v1/status")
	var all struct {
		Targets []struct {
			Target, State string
			Healthy       *bool
		}
	}
	if err := json.Unmarshal([]byte(body), &all); err != nil {
		f.t.Fatal(err)
	}
	var text []string
	for _, one := range all.Targets {
		healthy := "none"
		if one.Healthy != nil {
			healthy = fmt.Sprint(*one.Healthy)
		}
		text = append(text, one.Target+" "+one.State+" "+healthy)
	}
	return strings.Join(text, ", ")
}

// The most urgent targets come first, and a healthy result that is stale is not shown.
func TestStates(t *testing.T) {
	f := open(t, status.Options{}, "a", "b", "c", "d", "e", "f")
	now := time.Now()
	f.ran("b", now, diagnose.None)
	f.ran("c", now, diagnose.CanaryTokenMissing)
	f.ran("d", now.Add(-time.Hour), diagnose.None)
	f.ran("e", now.Add(-time.Hour), diagnose.VaultSealed)
	f.ran("f", now, diagnose.VaultSealed)
	const want = "e unhealthy false, f unhealthy false, c unclear false, d stale none, a waiting none, b healthy true"
	if got := f.summary(); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// The status is indented as one document, though its targets are encoded one by one.
func TestIncidents(t *testing.T) {
	f := open(t, status.Options{}, "b", "a", "c", "d")
	if _, body := f.do("GET", "/api/v1/incidents"); body != "{\n  \"incidents\": [],\n  \"past\": []\n}\n" {
		t.Errorf("before the first run: %s", body)
	}
	start := time.Now().UTC().Truncate(time.Second)
	f.ran("b", start, diagnose.VaultSealed)
	f.ran("a", start.Add(time.Second), diagnose.VaultSealed)
	f.ran("c", start, diagnose.None)
	f.ran("d", start, diagnose.CanaryExpired)
	_, body := f.do("GET", "/api/v1/incidents")
	var got struct{ Incidents []status.Incident }
	if err := json.Unmarshal([]byte(body), &got); err != nil {
		t.Fatal(err)
	}
	want := []status.Incident{
		{Reason: diagnose.VaultSealed, Component: diagnose.ComponentVault, Since: start, Targets: []string{"a", "b"}},
		{Reason: diagnose.CanaryExpired, Component: diagnose.ComponentCanary, Since: start, Targets: []string{"d"}},
	}
	if diff := cmp.Diff(want, got.Incidents, cmpopts.IgnoreFields(status.Incident{}, "Object")); diff != "" {
		t.Errorf("incidents (-want +got):\n%s", diff)
	}
	_, page := f.do("GET", "/")
	if cards := strings.Count(page, "<article"); cards != 2 || !strings.Contains(page, "2 targets") {
		t.Errorf("the page has %d cards, want 2:\n%s", cards, page)
	}
}

func TestRunbooks(t *testing.T) {
	const reasons = `<h1>Reasons</h1>
<p>Introduction</p>
<h2>vault_sealed</h2>
<p>see <a href="#role_missing">the other</a>, <a href="versions.md">versions</a>, <a href="warnings.md#mount_drift">drift</a>,
<a href="warnings.md">warnings</a> and <a href="https://example.com/x?a=1&amp;b=2">a site</a></p>
<h3>Fix</h3>
<h2>role_missing</h2>
<p>Text</p>
`
	const warnings = `<h1>Warnings</h1>
<h2>mount_drift</h2>
<p>Drifted, see <a href="reasons.md#role_missing">a reason</a></p>
`
	f := open(t, status.Options{Reasons: reasons, Warnings: warnings}, "prod/a")
	f.ran("prod/a", time.Now(), diagnose.RoleMissing)
	_, page := f.do("GET", "/runbooks/vault_sealed")
	for _, part := range []string{
		"<p>see <a", "<h3>Fix</h3>", `href="/runbooks/role_missing"`, `href="/runbooks/mount_drift"`, `href="/docs/warnings.md"`, "blob/main/docs/versions.md", `href="https://example.com/x?a=1&amp;b=2"`, `href="/"`,
	} {
		if !strings.Contains(page, part) {
			t.Errorf("the page lacks %s:\n%s", part, page)
		}
	}
	if strings.Contains(page, "<p>Text") {
		t.Errorf("the page has another section:\n%s", page)
	}
	if _, page := f.do("GET", "/runbooks/mount_drift"); !strings.Contains(page, "Drifted") || !strings.Contains(page, `href="/runbooks/role_missing"`) {
		t.Errorf("the page lacks the warning:\n%s", page)
	}
	if _, page := f.do("GET", "/docs/warnings.md"); !strings.Contains(page, `id="mount_drift"`) || strings.Contains(page, `id="role_missing"`) {
		t.Errorf("the page lacks the warnings, or has the reasons:\n%s", page)
	}
	if _, page := f.do("GET", "/runbooks/role_missing?target=prod%2Fa"); !strings.Contains(page, "At prod/a") || !strings.Contains(page, "auth/") {
		t.Errorf("the page has no commands for the target:\n%s", page)
	}
	if _, page := f.do("GET", "/runbooks/role_missing?target=other"); strings.Contains(page, "At ") {
		t.Errorf("the page has commands for a target that is not there:\n%s", page)
	}
	if response, _ := f.do("GET", "/runbooks/nonsense"); response.StatusCode != http.StatusNotFound {
		t.Errorf("an unknown reason: %s", response.Status)
	}
}

func TestStatusIsIndented(t *testing.T) {
	for _, names := range [][]string{nil, {"a"}, {"a", "b", "c"}} {
		f := open(t, status.Options{Standby: func() string { return `a "holder"` }}, names...)
		for _, name := range names {
			f.ran(name, time.Now(), diagnose.VaultSealed)
		}
		_, got := f.do("GET", "/api/v1/status")
		var want bytes.Buffer
		if err := json.Indent(&want, []byte(got), "", "  "); err != nil || want.String() != got {
			t.Errorf("%v\ngot  %s\nwant %s", err, got, &want)
		}
	}
}

func TestETag(t *testing.T) {
	f := open(t, status.Options{}, "a/b")
	f.ran("a/b", time.Now(), diagnose.VaultSealed)
	for _, path := range []string{"/api/v1/status", "/api/v1/status/a/b", "/static/style.css", "/static/script.js"} {
		first, _ := f.do("GET", path)
		tag := first.Header.Get("ETag")
		second, body := f.do("GET", path, "If-None-Match", tag)
		if first.StatusCode != 200 || len(tag) < 10 || second.StatusCode != http.StatusNotModified || body != "" {
			t.Errorf("%s: %d with ETag %s, then %d %q", path, first.StatusCode, tag, second.StatusCode, body)
		}
		f.ran("a/b", time.Now(), diagnose.None)
		if third, _ := f.do("GET", path, "If-None-Match", tag); strings.HasPrefix(path, "/api") && third.StatusCode != 200 {
			t.Errorf("%s: %d after a change, want 200", path, third.StatusCode)
		}
	}
}

func TestRefusals(t *testing.T) {
	notHere := func(string) (<-chan struct{}, bool) { return nil, false }
	f := open(t, status.Options{RunNow: notHere}, "a")
	off := open(t, status.Options{}, "a")
	standby := open(t, status.Options{RunNow: notHere, Standby: func() string { return "exporter-0" }})
	for _, test := range []struct {
		fixture      *fixture
		method, path string
		header       []string
		want         int
	}{
		{f, "GET", "/nonsense", nil, 404},
		{f, "GET", "/targets/b", nil, 404},
		{f, "GET", "/api/v1/status/b", nil, 404},
		{f, "POST", "/api/v1/status", nil, 405},
		{f, "GET", "/api/v1/probe/a", nil, 405},
		{f, "POST", "/api/v1/probe/b", nil, 404},
		{f, "POST", "/api/v1/probe/a", []string{"Sec-Fetch-Site", "cross-site"}, 403},
		{f, "POST", "/api/v1/probe/a", []string{"Origin", "https://elsewhere.example"}, 403},
		{f, "POST", "/api/v1/probe/a", nil, 409},
		{f, "POST", "/api/v1/probe/a", nil, 429},
		{off, "POST", "/api/v1/probe/a", nil, 403},
		{standby, "POST", "/api/v1/probe/a", nil, 409},
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

// A run that is going when the request arrives is not the answer to it.
func TestProbeWaitsForARunThatBeganAfterTheRequest(t *testing.T) {
	var f *fixture
	var runs sync.WaitGroup
	going := time.Now()
	f = open(t, status.Options{RunNow: func(target string) (<-chan struct{}, bool) {
		done := make(chan struct{})
		runs.Go(func() {
			defer close(done)
			f.ran(target, going, diagnose.CanaryExpired)
			f.ran("other", time.Now(), diagnose.None)
			f.ran(target, time.Now(), diagnose.VaultSealed)
		})
		return done, true
	}}, "a", "other")
	response, body := f.do("POST", "/api/v1/probe/a")
	runs.Wait()
	if response.StatusCode != 200 || !strings.Contains(body, `"reason": "vault_sealed"`) {
		t.Errorf("%d %s", response.StatusCode, body)
	}
}

// A run without a result, since its job ended meanwhile, is requested again.
func TestProbeOfATargetThatChanges(t *testing.T) {
	for name, test := range map[string]struct {
		first, second func(f *fixture) bool // what the requests of runs do
		code          int
		body          string
	}{
		"changed": {
			func(*fixture) bool { return true },
			func(f *fixture) bool { f.ran("a", time.Now(), diagnose.None); return true },
			200, `"state": "healthy"`,
		},
		"removed": {
			func(f *fixture) bool {
				f.mu.Lock()
				defer f.mu.Unlock()
				f.states = nil
				return true
			},
			nil, 404, "no such target",
		},
		"stopped": {func(*fixture) bool { return true }, func(*fixture) bool { return false }, 409, "does not probe"},
	} {
		t.Run(name, func(t *testing.T) {
			var f *fixture
			requests := 0
			f = open(t, status.Options{RunNow: func(string) (<-chan struct{}, bool) {
				done := make(chan struct{})
				close(done)
				if requests++; requests == 1 {
					return done, test.first(f)
				}
				return done, test.second(f)
			}}, "a")
			f.ran("a", time.Now(), diagnose.VaultSealed)
			response, body := f.do("POST", "/api/v1/probe/a")
			if response.StatusCode != test.code || !strings.Contains(body, test.body) {
				t.Errorf("%d %s, want %d %s", response.StatusCode, body, test.code, test.body)
			}
		})
	}
}

func TestProbeGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		target := probe.TargetState{Target: evidence.Target{Name: "a", Timeout: 15 * time.Second}}
		page := status.New(status.Options{
			TargetStates: func() []probe.TargetState { return []probe.TargetState{target} },
			RunNow:       func(string) (<-chan struct{}, bool) { return nil, true },
		})
		start, response := time.Now(), httptest.NewRecorder()
		page.ServeHTTP(response, httptest.NewRequest("POST", "/api/v1/probe/a", nil))
		if elapsed := time.Since(start); response.Code != http.StatusGatewayTimeout || elapsed != 44*time.Second {
			t.Errorf("%d after %v, want 504 after two longest runs", response.Code, elapsed)
		}
	})
}

// With the scheduler itself: a request in the last instant of a run gets the next one.
func TestProbeWhileARunIsEnding(t *testing.T) {
	var f *fixture
	begun, end := make(chan struct{}, 10), make(chan struct{})
	reason := diagnose.VaultSealed
	scheduler := schedule.New()
	scheduler.Set([]schedule.Job{{
		Name: "a", Interval: time.Hour, Recheck: time.Hour, Longest: time.Minute,
		Run: func(context.Context) schedule.Outcome {
			start, found := time.Now(), reason
			reason = diagnose.None
			begun <- struct{}{}
			<-end
			f.ran("a", start, found)
			return schedule.Outcome{Verdict: string(found)}
		},
	}}, 1)
	f = open(t, status.Options{RunNow: func(target string) (<-chan struct{}, bool) {
		done, ok := scheduler.RunNow(target)
		close(end) // lets the run that is going end, right after the request
		return done, ok
	}}, "a")
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { scheduler.Run(ctx) })
	<-begun
	response, body := f.do("POST", "/api/v1/probe/a")
	if response.StatusCode != 200 || !strings.Contains(body, `"state": "healthy"`) {
		t.Errorf("%d %s", response.StatusCode, body)
	}
	cancel()
	running.Wait()
}

// stream opens a stream and returns its lines.
func (f *fixture) stream(ctx context.Context) (int, *bufio.Scanner, io.Closer) {
	request, err := http.NewRequestWithContext(ctx, "GET", f.url+"/api/v1/events", nil)
	if err != nil {
		f.t.Fatal(err)
	}
	response, err := f.http.Do(request)
	if err != nil {
		f.t.Fatal(err)
	}
	return response.StatusCode, bufio.NewScanner(response.Body), response.Body
}

func TestEvents(t *testing.T) {
	f := open(t, status.Options{}, "a")
	_, lines, body := f.stream(t.Context())
	defer body.Close()
	lines.Scan() // retry: the stream is open
	start := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	f.ran("a", start, diagnose.VaultSealed)
	for lines.Scan() && !strings.HasPrefix(lines.Text(), "data: ") {
	}
	const want = `data: {"target":"a","started":"2026-01-02T03:04:05Z","healthy":false,"reason":"vault_sealed","component":"vault","duration_seconds":0}`
	if lines.Text() != want {
		t.Errorf("got  %s\nwant %s", lines.Text(), want)
	}
	f.page.Close()
	for lines.Scan() {
	}
	if err := lines.Err(); err != nil {
		t.Errorf("the stream did not end in order: %v", err)
	}
}

// TestLoad: clients delay no run, however many or slow they are.
func TestLoad(t *testing.T) {
	f := open(t, status.Options{}, "a")
	ctx, cancel := context.WithCancel(t.Context())
	var readers sync.WaitGroup
	for i := range 64 {
		code, lines, body := f.stream(ctx)
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
	if code, _, body := f.stream(ctx); code != http.StatusServiceUnavailable {
		t.Errorf("one stream too many is answered with %d", code)
	} else {
		body.Close()
	}
	for range 4 {
		readers.Go(func() {
			for range 50 {
				if response, _ := f.do("GET", "/"); response.StatusCode != 200 {
					t.Errorf("the page is answered with %d", response.StatusCode)
				}
			}
		})
	}
	for range 2000 {
		f.ran("a", time.Now(), diagnose.VaultSealed) // hangs if it waits for a reader
	}
	cancel()
	readers.Wait()
}
