package response_test

import (
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/internal/response"
)

func get(h http.Handler, path string, header ...string) *httptest.ResponseRecorder {
	request := httptest.NewRequest("GET", path, nil)
	for i := 0; i < len(header); i += 2 {
		request.Header.Set(header[i], header[i+1])
	}
	recorder := httptest.NewRecorder()
	h.ServeHTTP(recorder, request)
	return recorder
}

// Fifty requests at one time are two renderings: one that was going when the others
// arrived, and one that began after they did.
func TestRequestsThatWaitShareAResponse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var going, most, renderings atomic.Int32
		h := response.NewRenderer().Handler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			n := renderings.Add(1)
			most.Store(max(most.Load(), going.Add(1)))
			defer going.Add(-1)
			time.Sleep(time.Second)
			fmt.Fprint(w, n)
		}))
		var requests sync.WaitGroup
		requests.Go(func() {
			if got := get(h, "/").Body.String(); got != "1" {
				t.Errorf("the first request got rendering %s", got)
			}
		})
		synctest.Wait()
		time.Sleep(time.Millisecond)
		for range 49 {
			requests.Go(func() {
				if got := get(h, "/").Body.String(); got != "2" {
					t.Errorf("a request got rendering %s, want that which began after it", got)
				}
			})
		}
		requests.Wait()
		if renderings.Load() != 2 || most.Load() != 1 {
			t.Errorf("%d renderings, %d at one time, want 2 and 1", renderings.Load(), most.Load())
		}
		if got := get(h, "/").Body.String(); got != "3" {
			t.Errorf("a later request got rendering %s, want a new one", got)
		}
	})
}

func TestOnlyRequestsForTheSameShareAResponse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := response.NewRenderer().Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			time.Sleep(time.Second)
			fmt.Fprint(w, r.URL.RequestURI(), r.Header.Get("Accept"))
		}))
		var requests sync.WaitGroup
		for _, path := range []string{"/", "/?a", "/?b", "/a"} {
			for _, accept := range []string{"text/html", "application/json"} {
				requests.Go(func() {
					if got := get(h, path, "Accept", accept).Body.String(); got != path+accept {
						t.Errorf("%s for %s got %s", path, accept, got)
					}
				})
			}
		}
		requests.Wait()
	})
}

func TestRequestThatGetsNoTurnIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := response.NewRenderer().Handler(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { time.Sleep(time.Minute) }))
		var first sync.WaitGroup
		first.Go(func() { get(h, "/") })
		synctest.Wait()
		start, refused := time.Now(), get(h, "/")
		if took := time.Since(start); refused.Code != http.StatusServiceUnavailable || refused.Header().Get("Retry-After") == "" || took != 10*time.Second {
			t.Errorf("%d %v after %v, want 503 with Retry-After after 10 s", refused.Code, refused.Header(), took)
		}
		first.Wait()
	})
}

// stuck is a client that does not read, until it is released.
type stuck struct {
	http.ResponseWriter
	release chan struct{}
}

func (s stuck) Write(p []byte) (int, error) {
	<-s.release
	return len(p), nil
}

func TestClientThatDoesNotReadHoldsNoTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := response.NewRenderer().Handler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "text") }))
		release := make(chan struct{})
		var held sync.WaitGroup
		for range 50 {
			held.Go(func() { h.ServeHTTP(stuck{httptest.NewRecorder(), release}, httptest.NewRequest("GET", "/", nil)) })
		}
		synctest.Wait()
		if got := get(h, "/"); got.Body.String() != "text" {
			t.Errorf("%d %s", got.Code, got.Body)
		}
		close(release)
		held.Wait()
	})
}

func TestPanicGivesUpTheTurn(t *testing.T) {
	panics := true
	h := response.NewRenderer().Handler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if panics {
			panic(http.ErrAbortHandler)
		}
		fmt.Fprint(w, "text")
	}))
	func() {
		defer func() { _ = recover() }()
		get(h, "/")
	}()
	panics = false
	if got := get(h, "/").Body.String(); got != "text" {
		t.Errorf("got %q", got)
	}
}

func TestEncodings(t *testing.T) {
	text := strings.Repeat("a line\n", 1000)
	h := response.NewRenderer().Handler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain")
		w.WriteHeader(http.StatusTeapot)
		_, _ = io.WriteString(w, text)
	}))
	for accepts, want := range map[string]string{
		"": "", "identity": "", "br": "", "gzip": "gzip", "deflate, gzip;q=0.5": "gzip", "br, gzip": "gzip", "gzip;q=0": "", "gzip; q=0.0, identity": "",
	} {
		got := get(h, "/", "Accept-Encoding", accepts)
		var body io.Reader = got.Body
		length := got.Body.Len()
		if want == "gzip" {
			var err error
			if body, err = gzip.NewReader(got.Body); err != nil {
				t.Fatal(err)
			}
		}
		read, err := io.ReadAll(body)
		if err != nil || string(read) != text || got.Code != http.StatusTeapot {
			t.Errorf("%q: %d, %d bytes, %v", accepts, got.Code, len(read), err)
		}
		h := got.Header()
		if h.Get("Content-Encoding") != want || h.Get("Content-Length") != fmt.Sprint(length) || h.Get("Vary") != "Accept-Encoding" || h.Get("Content-Type") != "text/plain" || h.Get("ETag") != "" {
			t.Errorf("%q: %v", accepts, h)
		}
	}
}

func TestRevalidation(t *testing.T) {
	text := "text"
	h := response.NewRenderer().Handler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Cache-Control", "no-cache")
		fmt.Fprint(w, text)
	}))
	tag := get(h, "/").Header().Get("ETag")
	for _, header := range []string{tag, `"other", ` + tag} {
		if got := get(h, "/", "If-None-Match", header, "Accept-Encoding", "gzip"); got.Code != http.StatusNotModified || got.Body.Len() > 0 || got.Header().Get("ETag") != tag {
			t.Errorf("%s: %d %v", header, got.Code, got.Header())
		}
	}
	text = "other"
	if got := get(h, "/", "If-None-Match", tag); got.Code != 200 || got.Body.String() != text {
		t.Errorf("after a change: %d %s", got.Code, got.Body)
	}
}
