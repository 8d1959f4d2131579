package browser

import (
	"io"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe"
)

// load requests a page and returns its text, and how many bytes it takes compressed.
func load(t testing.TB, url string) (body string, compressed int) {
	t.Helper()
	_, _, body = get(t, url)
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Accept-Encoding", "gzip") // so that the client leaves it compressed
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	data, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return body, len(data)
}

var pageVersion = regexp.MustCompile(`<meta name="version" content="([^"]+)">`)

// changed is how much of a page is sent after some of its targets ran.
var changed = []struct {
	name  string
	n     int
	run   func(*probe.Result)
	limit int // bytes, not compressed
}{
	{"one target ran and stays healthy", 1, healthy, 5_000},
	{"sixty targets ran and stay healthy", 60, healthy, 100_000},
	{"one target fails", 1, forbidden, 40_000},
	{"sixty targets fail behind one Vault", 60, sealed, 150_000},
}

// An update takes bytes in proportion to what changed.
func TestUpdateSize(t *testing.T) {
	s := serve(t, "", many(1000)...)
	page, compressed := load(t, s.url)
	t.Logf("the page: %d bytes, %d compressed", len(page), compressed)
	for _, test := range changed {
		version := pageVersion.FindStringSubmatch(page)
		for i := range test.n {
			s.run(100+i, test.run)
		}
		update, compressed := load(t, s.url+"/?since="+version[1])
		t.Logf("%s: %d bytes, %d compressed", test.name, len(update), compressed)
		if len(update) > test.limit {
			t.Errorf("%s: the update has %d bytes, want at most %d", test.name, len(update), test.limit)
		}
		page, _ = load(t, s.url)
	}
	for _, since := range []string{"", "x", "0123456789-1"} {
		if body, _ := load(t, s.url+"/?since="+since); strings.Contains(body, "<template") || strings.Count(body, "<li class=\"row") != strings.Count(page, "<li class=\"row") {
			t.Errorf("a reader with the version %q does not get the whole page", since)
		}
	}
}

// BenchmarkPage measures the overview of 1 000 targets: rendered for the first time, again, as an
// update after one run, and as updates of 64 readers after one run. cpu-ms is what server and
// client used, which other processes of the machine change less than the time that it took.
func BenchmarkPage(b *testing.B) {
	states := many(1000)
	body := func(url string) string {
		_, _, text := get(b, url)
		return text
	}
	since := func(page, url string) string { return url + "/?since=" + pageVersion.FindStringSubmatch(page)[1] }
	var s *site
	var page string
	restart := func(int) { s = serve(b, "", states...) }
	run := func(i int) { s.run(100+i%800, healthy) }
	for _, one := range []struct {
		name    string
		prepare func(i int)
		measure func()
	}{
		{"first", restart, func() { page = body(s.url) }},
		{"again", func(int) {}, func() { page = body(s.url) }},
		{"update", run, func() { page = body(since(page, s.url)) }},
		{"readers=64", run, func() {
			next := make([]string, 64)
			var readers sync.WaitGroup
			for n := range next {
				readers.Go(func() { next[n] = body(since(page, s.url)) })
			}
			readers.Wait()
			page = next[0]
		}},
	} {
		b.Run(one.name, func(b *testing.B) {
			var used time.Duration
			n := 0
			for ; b.Loop(); n++ {
				b.StopTimer()
				one.prepare(n)
				before := cpu(b)
				b.StartTimer()
				one.measure()
				used += cpu(b) - before
			}
			b.ReportMetric(float64(used.Microseconds())/1000/float64(n), "cpu-ms/op")
		})
	}
}

// cpu returns the CPU time of this process.
func cpu(b *testing.B) time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		b.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
