package httpclient

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// closing tells whether a body was closed, without which its connection is lost.
type closing struct {
	io.Reader
	closed bool
}

func (c *closing) Close() error {
	c.closed = true
	return nil
}

// TestAnswerToRequestGivenUp checks that the context's end is the error where a server sends nothing,
// as it sees that nobody waits any more.
func TestAnswerToRequestGivenUp(t *testing.T) {
	for name, want := range map[string]error{"the deadline": context.DeadlineExceeded, "the caller": context.Canceled, "a cause": io.ErrClosedPipe} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancelCause(t.Context())
				defer cancel(nil)
				body := &closing{Reader: strings.NewReader("")}
				late := roundTrip(func(r *http.Request) (*http.Response, error) {
					switch want {
					case context.Canceled:
						cancel(nil)
					case io.ErrClosedPipe:
						cancel(want)
					}
					<-r.Context().Done()
					return &http.Response{StatusCode: http.StatusOK, Body: body}, nil
				})
				ctx, stop := context.WithTimeout(ctx, time.Second)
				defer stop()
				request, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://vault", nil)
				if err != nil {
					t.Fatal(err)
				}
				response, err := Bounded{Base: late}.RoundTrip(request)
				if response != nil || !errors.Is(err, want) || !body.closed {
					t.Errorf("response %v, error %v, body closed: %t", response, err, body.closed)
				}
			})
		})
	}
}

// TestLateAnswerIsUsed checks that an answer which came just before the context's end is not lost: a
// token in it has to be revoked, and a 204 says that one was.
func TestLateAnswerIsUsed(t *testing.T) {
	for name, answer := range map[string]http.Response{
		"content": {StatusCode: http.StatusOK, ContentLength: 2}, "of unknown length": {StatusCode: http.StatusOK, ContentLength: -1},
		"no content": {StatusCode: http.StatusNoContent}, "an error": {StatusCode: http.StatusForbidden},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			body := &closing{Reader: strings.NewReader("{}")}
			late := roundTrip(func(*http.Request) (*http.Response, error) {
				cancel()
				answer.Body = body
				return &answer, nil
			})
			request, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://vault", nil)
			if err != nil {
				t.Fatal(err)
			}
			response, err := Bounded{Base: late}.RoundTrip(request)
			if err != nil || response.StatusCode != answer.StatusCode || body.closed {
				t.Fatalf("%v, error %v, body closed: %t", response, err, body.closed)
			}
			_ = response.Body.Close()
		})
	}
}
