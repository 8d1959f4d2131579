package events

import (
	"context"
	"log/slog"
	"maps"
	"net/http"
	"sync/atomic"
	"time"
)

const (
	// maxWaiting is how many Events wait.
	maxWaiting = 64
	// burst is how many are written at once, and refill how soon another one may be.
	burst  = 10
	refill = 30 * time.Second
	// repeatsFor is for how long a repetition belongs to the same Event. The API server deletes an
	// Event an hour after its last change, unless it is configured otherwise.
	repeatsFor = 30 * time.Minute
)

// pauses are those before further attempts to write one Event. Others wait meanwhile.
var pauses = []time.Duration{5 * time.Second, 30 * time.Second, 2 * time.Minute}

// Writer writes Events about one object. Write is safe for concurrent use.
type Writer struct {
	about    Object
	instance string
	send     func(ctx context.Context, method, path, contentType string, body []byte) (status int, err error)
	logger   *slog.Logger

	waiting chan Event
	left    atomic.Int64 // how many were left out since that was logged

	// What follows is used by Run alone.
	tokens  float64 // of the rate limit
	filled  time.Time
	written map[string]written // by key
	failing bool
}

// written is an Event that was written.
type written struct {
	count int
	last  time.Time
}

// New returns a Writer of Events about an object, which an instance of the exporter reports.
func New(server Server, about Object, instance string, logger *slog.Logger) *Writer {
	return &Writer{
		about: about, instance: instance, send: server.send, logger: logger.With("object", about.Kind+" "+about.Namespace+"/"+about.Name),
		waiting: make(chan Event, maxWaiting), tokens: burst, written: map[string]written{},
	}
}

// Write enqueues an Event. It never blocks.
func (w *Writer) Write(e Event) {
	select {
	case w.waiting <- e:
	default:
		w.left.Add(1)
	}
}

// Run writes Events until the context ends.
func (w *Writer) Run(ctx context.Context) {
	w.filled = time.Now()
	for {
		select {
		case <-ctx.Done():
			return
		case e := <-w.waiting:
			w.write(ctx, e)
		}
	}
}

func (w *Writer) write(ctx context.Context, e Event) {
	now := time.Now()
	if !w.allow(now) {
		w.left.Add(1)
		return
	}
	if n := w.left.Swap(0); n > 0 {
		w.logger.Warn("Kubernetes Events were left out, since there were too many", "events", n)
	}
	status, err := w.attempt(ctx, e, now)
	for _, pause := range pauses {
		if !again(status, err) {
			break
		}
		w.fail(status, err)
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
		}
		status, err = w.attempt(ctx, e, now)
	}
	if ctx.Err() != nil {
		return
	}
	if err != nil || status >= http.StatusMultipleChoices {
		w.fail(status, err)
		return
	}
	if w.failing {
		w.failing = false
		w.logger.Info("Kubernetes Events are written again")
	}
}

// allow takes a token of the rate limit.
func (w *Writer) allow(now time.Time) bool {
	w.tokens = min(burst, w.tokens+float64(now.Sub(w.filled))/float64(refill))
	w.filled = now
	if w.tokens < 1 {
		return false
	}
	w.tokens--
	return true
}

// attempt creates an Event, or counts a repetition of one that was written a short time ago.
func (w *Writer) attempt(ctx context.Context, e Event, at time.Time) (status int, err error) {
	maps.DeleteFunc(w.written, func(_ string, before written) bool { return at.Sub(before.last) > repeatsFor })
	path := group + w.about.Namespace + "/events"
	before, known := w.written[e.Key]
	if known {
		status, err = w.repeat(ctx, path, e, written{before.count + 1, at})
		if err != nil || status != http.StatusNotFound {
			return status, err
		}
	}
	body, err := created(w.about, w.instance, e, at)
	if err != nil {
		return 0, err
	}
	status, err = w.send(ctx, http.MethodPost, path, "application/json", body)
	switch {
	case err != nil:
	case status < http.StatusMultipleChoices:
		w.written[e.Key] = written{1, at}
	case status == http.StatusConflict: // another process wrote it, or an attempt that had no response
		return w.repeat(ctx, path, e, written{2, at})
	}
	return status, err
}

func (w *Writer) repeat(ctx context.Context, path string, e Event, next written) (status int, err error) {
	body, err := repeated(next.count, next.last)
	if err != nil {
		return 0, err
	}
	status, err = w.send(ctx, http.MethodPatch, path+"/"+nameOf(w.about, e.Key), "application/merge-patch+json", body)
	if err == nil && status < http.StatusMultipleChoices {
		w.written[e.Key] = next
	}
	return status, err
}

// again reports whether another attempt may succeed.
func again(status int, err error) bool {
	return err != nil || status == http.StatusTooManyRequests || status >= http.StatusInternalServerError
}

// fail logs the first of several failures.
func (w *Writer) fail(status int, err error) {
	if w.failing {
		return
	}
	w.failing = true
	attributes := []any{"status", status}
	if err != nil {
		attributes = []any{"err", err}
	}
	if status == http.StatusForbidden || status == http.StatusNotFound {
		attributes = append(attributes, "do", "allow the exporter's service account to create and patch events.events.k8s.io in the namespace "+w.about.Namespace)
	}
	w.logger.Warn("Writing a Kubernetes Event failed, probing is not affected", attributes...)
}
