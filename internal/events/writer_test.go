package events

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

var about = Object{"v1", "Pod", "monitoring", "exporter-1", "uid-1"}

// apiServer answers with these statuses, then with 201.
type apiServer struct {
	statuses []int
	errs     []error
	got      []string
	bodies   []string
}

func (s *apiServer) send(_ context.Context, method, path, contentType string, body []byte) (int, error) {
	s.got = append(s.got, method+" "+strings.TrimPrefix(path, group+"monitoring/events"))
	s.bodies = append(s.bodies, string(body))
	n := len(s.got) - 1
	if n < len(s.errs) && s.errs[n] != nil {
		return 0, s.errs[n]
	}
	if n < len(s.statuses) && s.statuses[n] != 0 {
		return s.statuses[n], nil
	}
	return http.StatusCreated, nil
}

// playing runs a Writer in a bubble, in which time passes at once.
func playing(t *testing.T, server *apiServer, play func(w *Writer)) (log string) {
	t.Helper()
	var out bytes.Buffer
	synctest.Test(t, func(t *testing.T) {
		w := New(Server{}, about, "exporter-1", slog.New(slog.NewTextHandler(&out, nil)))
		w.send = server.send
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { w.Run(ctx); close(done) }()
		play(w)
		synctest.Wait()
		stop()
		<-done
	})
	return out.String()
}

func sealed(n int) Event {
	return Event{Key: fmt.Sprintf("%016x", n), Warning: true, Reason: "VaultSealed", Note: "Vault is sealed"}
}

func TestOneEventWithASeries(t *testing.T) {
	server := &apiServer{}
	playing(t, server, func(w *Writer) {
		w.Write(sealed(1))
		time.Sleep(5 * time.Minute)
		w.Write(sealed(1))
		time.Sleep(5 * time.Minute)
		w.Write(sealed(1))
		time.Sleep(time.Hour)
		w.Write(sealed(1))
	})
	const name = "exporter-1.0000000000000001"
	if diff := cmp.Diff([]string{"POST ", "PATCH /" + name, "PATCH /" + name, "POST "}, server.got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	var event map[string]any
	if err := json.Unmarshal([]byte(server.bodies[0]), &event); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"apiVersion": "events.k8s.io/v1", "kind": "Event", "metadata": map[string]any{"name": name, "namespace": "monitoring"}, "eventTime": event["eventTime"],
		"reportingController": "vault-k8s-auth-exporter", "reportingInstance": "exporter-1", "action": "Login", "reason": "VaultSealed", "type": "Warning", "note": "Vault is sealed",
		"regarding": map[string]any{"apiVersion": "v1", "kind": "Pod", "namespace": "monitoring", "name": "exporter-1", "uid": "uid-1"},
	}
	if diff := cmp.Diff(want, event); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if !strings.Contains(server.bodies[2], `"series":{"count":3,`) {
		t.Errorf("the second repetition is %s", server.bodies[2])
	}
}

// An Event that the API server has deleted is created again, and one that is there already counts.
func TestGoneAndTaken(t *testing.T) {
	server := &apiServer{statuses: []int{0, http.StatusNotFound, 0, http.StatusConflict}}
	playing(t, server, func(w *Writer) {
		w.Write(sealed(1))
		time.Sleep(time.Minute)
		w.Write(sealed(1))
		time.Sleep(time.Minute)
		w.Write(sealed(2))
	})
	if diff := cmp.Diff([]string{"POST ", "PATCH /exporter-1.0000000000000001", "POST ", "POST ", "PATCH /exporter-1.0000000000000002"}, server.got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// A failure is said once, and that it is over; what may succeed later is tried again.
func TestFailures(t *testing.T) {
	hung := errors.New("i/o timeout")
	server := &apiServer{errs: []error{hung, hung, hung, hung, hung}}
	log := playing(t, server, func(w *Writer) {
		w.Write(sealed(1))
		w.Write(sealed(2))
		time.Sleep(time.Hour)
		w.Write(sealed(3))
	})
	if got := len(server.got); got != 7 { // four attempts, two, one
		t.Errorf("%d requests: %q", got, server.got)
	}
	if strings.Count(log, "level=WARN") != 1 || strings.Count(log, "written again") != 1 || !strings.Contains(log, "i/o timeout") {
		t.Errorf("the log is\n%s", log)
	}
}

func TestForbidden(t *testing.T) {
	server := &apiServer{statuses: []int{403, 403, 403}}
	log := playing(t, server, func(w *Writer) {
		for n := range 3 {
			w.Write(sealed(n))
		}
	})
	if len(server.got) != 3 {
		t.Errorf("%d requests", len(server.got))
	}
	if strings.Count(log, "level=WARN") != 1 || !strings.Contains(log, "create and patch events.events.k8s.io in the namespace monitoring") {
		t.Errorf("the log is\n%s", log)
	}
}

// However many there are, few are written, none blocks, and the log says how many were left out.
func TestRate(t *testing.T) {
	server := &apiServer{}
	log := playing(t, server, func(w *Writer) {
		for n := range 1000 {
			w.Write(sealed(n))
		}
		time.Sleep(10 * time.Minute)
		w.Write(sealed(5000))
	})
	if got := len(server.got); got != burst+1 {
		t.Errorf("%d requests, want %d", got, burst+1)
	}
	if !strings.Contains(log, "events=") {
		t.Errorf("the log is\n%s", log)
	}
}

func TestLongTexts(t *testing.T) {
	body, err := created(Object{Name: strings.Repeat("n", 253)}, strings.Repeat("i", 300), Event{Key: "key", Reason: strings.Repeat("R", 300), Note: strings.Repeat("ä", 600) + "\xff"}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	var m manifest
	if err := json.Unmarshal(body, &m); err != nil {
		t.Fatal(err)
	}
	if len(m.Metadata.Name) != maxName || !strings.HasSuffix(m.Metadata.Name, ".key") || len(m.Reason) > maxWord || len(m.ReportingInstance) > maxWord ||
		len(m.Note) > maxNote || !strings.HasSuffix(m.Note, "ä…") {
		t.Errorf("name of %d bytes, reason of %d, note of %d: …%s", len(m.Metadata.Name), len(m.Reason), len(m.Note), m.Note[len(m.Note)-10:])
	}
}
