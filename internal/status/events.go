package status

import (
	"encoding/json"
	"fmt"
	"net/http"
	"sync"
	"time"
)

const (
	// maxStreams limits how many streams are open at one time, and maxStreamAge for how
	// long. Browsers reconnect by themselves.
	maxStreams   = 64
	maxStreamAge = 15 * time.Minute
	// streamBuffer is how many events a client may lag before its stream ends.
	streamBuffer = 256
	// heartbeat keeps proxies from closing a quiet stream.
	heartbeat = 20 * time.Second
	// writeTimeout is how long a client may take to read one event, or the status after a
	// requested run.
	writeTimeout = 10 * time.Second
)

// message is one event of a stream.
type message struct {
	name string // of the event
	data any    // its JSON
}

// stream carries events to one client. It is closed when the stream ends.
type stream chan message

// streams are the open streams.
type streams struct {
	mu     sync.Mutex // guards what follows
	open   map[stream]bool
	closed bool
}

func newStreams() streams { return streams{open: map[stream]bool{}} }

func (s *streams) subscribe() (stream, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || len(s.open) >= maxStreams {
		return nil, false
	}
	events := make(stream, streamBuffer)
	s.open[events] = true
	return events, true
}

func (s *streams) unsubscribe(events stream) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.end(events)
}

// end is called with the lock held.
func (s *streams) end(events stream) {
	if s.open[events] {
		delete(s.open, events)
		close(events)
	}
}

// publish sends an event to every stream, and ends those whose buffer is full.
func (s *streams) publish(e message) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for events := range s.open {
		select {
		case events <- e:
		default:
			s.end(events)
		}
	}
}

func (s *streams) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	for events := range s.open {
		s.end(events)
	}
}

// serveEvents sends one event for each completed run, and for each change of an incident.
func (s *Server) serveEvents(w http.ResponseWriter, r *http.Request) {
	events, ok := s.streams.subscribe()
	if !ok {
		w.Header().Set("Retry-After", "30")
		http.Error(w, "too many streams are open", http.StatusServiceUnavailable)
		return
	}
	defer s.streams.unsubscribe(events)
	// The deadline of the last event may have passed when the stream ends.
	defer func() { _ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(writeTimeout)) }()
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Accel-Buffering", "no")
	age, beat := time.NewTimer(maxStreamAge), time.NewTicker(heartbeat)
	defer age.Stop()
	defer beat.Stop()
	text := "retry: 3000\n\n"
	for {
		if send(w, text) != nil {
			return
		}
		select {
		case e, open := <-events:
			if !open {
				return
			}
			data, err := json.Marshal(e.data)
			if err != nil {
				return
			}
			text = fmt.Sprintf("event: %s\ndata: %s\n\n", e.name, data)
		case <-beat.C:
			text = ": heartbeat\n\n"
		case <-age.C:
			return
		case <-r.Context().Done():
			return
		}
	}
}

func send(w http.ResponseWriter, text string) error {
	control := http.NewResponseController(w)
	if err := control.SetWriteDeadline(time.Now().Add(writeTimeout)); err != nil {
		return err
	}
	if _, err := fmt.Fprint(w, text); err != nil {
		return err
	}
	return control.Flush()
}
