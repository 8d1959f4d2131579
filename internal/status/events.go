package status

import (
	"encoding/json"
	"fmt"
	"net/http"
	"sync"
	"time"
)

const (
	// maxStreams bounds who listens at one time, and streamLife for how long; a
	// browser comes back by itself.
	maxStreams = 64
	streamLife = 15 * time.Minute
	// streamBuffer is how far a client may lag before its stream ends.
	streamBuffer = 256
	// heartbeat keeps proxies from closing a quiet stream.
	heartbeat = 20 * time.Second
	// writeBudget is how long a client may take to read one event.
	writeBudget = 10 * time.Second
)

// stream is one listener. Its channel is closed when the stream ends.
type stream struct{ events chan event }

// streams are those that are open.
type streams struct {
	mu     sync.Mutex // guards what follows
	open   map[*stream]bool
	closed bool
}

func (s *streams) join() (*stream, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || len(s.open) >= maxStreams {
		return nil, false
	}
	one := &stream{make(chan event, streamBuffer)}
	s.open[one] = true
	return one, true
}

func (s *streams) leave(one *stream) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.end(one)
}

// end is called with the lock held.
func (s *streams) end(one *stream) {
	if s.open[one] {
		delete(s.open, one)
		close(one.events)
	}
}

func (s *streams) publish(e event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for one := range s.open {
		select {
		case one.events <- e:
		default:
			s.end(one)
		}
	}
}

func (s *streams) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	for one := range s.open {
		s.end(one)
	}
}

// serveEvents sends one event for each completed run.
func (b *Board) serveEvents(w http.ResponseWriter, r *http.Request) {
	s, ok := b.streams.join()
	if !ok {
		w.Header().Set("Retry-After", "30")
		http.Error(w, "too many streams are open", http.StatusServiceUnavailable)
		return
	}
	defer b.streams.leave(s)
	// The connection may serve another request, to which the last deadline does not apply.
	defer func() { _ = http.NewResponseController(w).SetWriteDeadline(time.Time{}) }()
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Accel-Buffering", "no")
	life, beat := time.NewTimer(streamLife), time.NewTicker(heartbeat)
	defer life.Stop()
	defer beat.Stop()
	text := "retry: 3000\n\n"
	for {
		if send(w, text) != nil {
			return
		}
		select {
		case e, open := <-s.events:
			if !open {
				return
			}
			data, err := json.Marshal(e)
			if err != nil {
				return
			}
			text = fmt.Sprintf("event: run\ndata: %s\n\n", data)
		case <-beat.C:
			text = ": still here\n\n"
		case <-life.C:
			return
		case <-r.Context().Done():
			return
		}
	}
}

func send(w http.ResponseWriter, text string) error {
	control := http.NewResponseController(w)
	if err := control.SetWriteDeadline(time.Now().Add(writeBudget)); err != nil {
		return err
	}
	if _, err := fmt.Fprint(w, text); err != nil {
		return err
	}
	return control.Flush()
}
