package status

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
)

// serveProbe requests a run of a target, waits for it, and responds with the target's
// status: that of a run which began after the request.
func (s *Server) serveProbe(w http.ResponseWriter, r *http.Request) {
	if s.options.RunNow == nil {
		http.Error(w, "probe now is off: "+s.options.ProbeOff, http.StatusForbidden)
		return
	}
	t, ok := s.find(r.PathValue("target"))
	if !ok && s.options.Standby() != "" { // a standby has no targets
		http.Error(w, errNotProbedHere.Error(), http.StatusConflict)
		return
	}
	if !ok {
		http.Error(w, errNoTarget.Error(), http.StatusNotFound)
		return
	}
	if wait := s.requests.reserve(t.Target.Name, time.Now()); wait > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(wait.Seconds())+1))
		http.Error(w, "runs are requested too often", http.StatusTooManyRequests)
		return
	}
	// A run that is going may last as long as it may, and so may the one after it.
	wait := 2 * (t.Target.Timeout + evidence.Overrun)
	ctx, cancel := context.WithTimeout(r.Context(), wait)
	defer cancel()
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(wait + writeTimeout)) // the server's own may be shorter
	switch t, err := s.probeNow(ctx, t.Target.Name); {
	case err == nil:
		s.serveTargetJSON(w, t)
	case errors.Is(err, errNoTarget):
		http.Error(w, err.Error(), http.StatusNotFound)
	case errors.Is(err, errNotProbedHere):
		http.Error(w, err.Error(), http.StatusConflict)
	default:
		http.Error(w, "no run completed in time", http.StatusGatewayTimeout)
	}
}

var (
	errNoTarget      = errors.New("no such target")
	errNotProbedHere = errors.New("this process does not probe the target")
)

// probeNow returns the state of a target after a run that began after the call. A run
// without a result, since the target changed meanwhile, is requested again.
func (s *Server) probeNow(ctx context.Context, name string) (probe.TargetState, error) {
	for requested := time.Now(); ; {
		done, ok := s.options.RunNow(name)
		if !ok {
			return probe.TargetState{}, errNotProbedHere
		}
		select {
		case <-done:
		case <-ctx.Done():
			return probe.TargetState{}, ctx.Err()
		}
		t, ok := s.find(name)
		if !ok {
			return probe.TargetState{}, errNoTarget
		}
		if t.Latest != nil && !t.Latest.Start.Before(requested) {
			return t, nil
		}
	}
}
