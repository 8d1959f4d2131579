package lab

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"strings"
	"time"
)

// fields is a JSON object in a request or a response.
type fields map[string]any

// with returns a copy of f with the changed fields replaced.
func (f fields) with(changed fields) fields {
	f = maps.Clone(f)
	maps.Copy(f, changed)
	return f
}

// A client is the lab's own connection to a server. It bypasses the proxies, so that no fault can lock the lab out, and
// it ignores the environment, where a developer may have a cluster and a Vault of his own. It uses net/http alone, so
// that the lab itself compiles in seconds and can report the progress of the servers' compilation.
type client struct {
	base   string
	header http.Header
	http   *http.Client
}

func newClient(base string, config *tls.Config) *client {
	return &client{
		base:   base,
		header: http.Header{"Content-Type": {"application/json"}},
		http: &http.Client{
			Transport:     &http.Transport{TLSClientConfig: config},
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }, // a redirect is an answer of this server
			Timeout:       10 * time.Second,
		},
	}
}

func (c *client) close() { c.http.CloseIdleConnections() }

func (c *client) get(ctx context.Context, path string, answer any) error {
	return c.call(ctx, http.MethodGet, path, nil, answer)
}

// post decodes the response into answer, unless answer is nil.
func (c *client) post(ctx context.Context, path string, body fields, answer any) error {
	return c.call(ctx, http.MethodPost, path, body, answer)
}

func (c *client) delete(ctx context.Context, path string) error {
	return c.call(ctx, http.MethodDelete, path, nil, nil)
}

func (c *client) call(ctx context.Context, method, path string, body fields, answer any) error {
	content, err := c.roundTrip(ctx, method, path, body)
	if err != nil || answer == nil {
		return err
	}
	if err := json.Unmarshal(content, answer); err != nil {
		return fmt.Errorf("decoding the answer to %s %s: %w", method, path, err)
	}
	return nil
}

func (c *client) roundTrip(ctx context.Context, method, path string, body fields) ([]byte, error) {
	var in bytes.Buffer
	if body != nil {
		if err := json.NewEncoder(&in).Encode(body); err != nil {
			return nil, fmt.Errorf("encoding the body of %s %s: %w", method, path, err)
		}
	}
	request, err := http.NewRequestWithContext(ctx, method, c.base+path, &in)
	if err != nil {
		return nil, err
	}
	request.Header = c.header.Clone()
	response, err := c.http.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, fmt.Errorf("reading the answer to %s %s: %w", method, path, err)
	}
	if response.StatusCode >= http.StatusMultipleChoices {
		return nil, &statusError{method: method, path: path, status: response.StatusCode, text: string(content)}
	}
	return content, nil
}

// A statusError is a response with a status of 300 or above.
type statusError struct {
	method, path string
	status       int
	text         string
}

func (e *statusError) Error() string {
	return fmt.Sprintf("%s %s: status %d: %s", e.method, e.path, e.status, strings.TrimSpace(e.text))
}

// ignoreStatus returns nil if err is a response with that status and text, and err otherwise. It makes a change
// idempotent: the status says that there is nothing left to do.
func ignoreStatus(err error, status int, text string) error {
	if answer, ok := errors.AsType[*statusError](err); ok && answer.status == status && strings.Contains(answer.text, text) {
		return nil
	}
	return err
}
