package bench

import (
	"encoding/pem"
	"fmt"
	"maps"
	"net/http"
	"sync"
	"testing"
)

// The three programs that are compared make the same requests, which get the same answers.
func TestSameRequests(t *testing.T) {
	asked := &requests{counts: map[string]int{}}
	vault := newServer(asked.counted(answers(vaultAnswers(), vaultRefusal)))
	defer vault.Close()
	kubernetes := newServer(asked.counted(answers(kubernetesAnswers(), kubernetesRefusal)))
	defer kubernetes.Close()
	s := servers{vault.URL, kubernetes.URL, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: vault.Certificate().Raw}))}
	made := map[string]map[string]int{}
	for name, once := range map[string]func() error{"exporter": s.prober(t), "client libraries": s.withLibraries(), "bare": s.bare(t)} {
		asked.take()
		for range 2 * everyRuns {
			if err := once(); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
		}
		made[name] = asked.take()
	}
	if len(made["bare"]) != 10 {
		t.Errorf("the bare program makes %d kinds of requests, want 10: %v", len(made["bare"]), made["bare"])
	}
	for name, requests := range made {
		if !maps.Equal(requests, made["bare"]) {
			t.Errorf("%s made  %v\nbare made %v", name, requests, made["bare"])
		}
	}
}

// requests counts requests by their method, path and the status of the answer.
type requests struct {
	mu     sync.Mutex
	counts map[string]int
}

func (r *requests) counted(handler http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		answer := &statusWriter{ResponseWriter: w}
		handler.ServeHTTP(answer, request)
		r.mu.Lock()
		defer r.mu.Unlock()
		r.counts[fmt.Sprintf("%s %s: %d", request.Method, request.URL.Path, answer.status)]++
	})
}

// take returns the counts since the last call.
func (r *requests) take() map[string]int {
	r.mu.Lock()
	defer r.mu.Unlock()
	counts := r.counts
	r.counts = map[string]int{}
	return counts
}

type statusWriter struct {
	http.ResponseWriter
	status int
}

func (w *statusWriter) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}
