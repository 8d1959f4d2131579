package probetest

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
)

// Handlers that respond in fixed ways or misbehave.

// Hang sends nothing until the client disconnects.
func Hang(_ http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	<-r.Context().Done()
}

// HangAfterHeader sends a header that announces a body, but no body.
func HangAfterHeader(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusOK)
	_ = http.NewResponseController(w).Flush()
	Hang(w, r)
}

// HangInBody stops sending in the middle of the body.
func HangInBody(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	_, _ = io.WriteString(w, `{"request_id":"r",`)
	_ = http.NewResponseController(w).Flush()
	Hang(w, r)
}

// CutInBody closes the connection in the middle of the body.
func CutInBody(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", "1000")
	_, _ = io.WriteString(w, `{"request_id":"r",`)
	_ = http.NewResponseController(w).Flush()
	panic(http.ErrAbortHandler)
}

// Close closes the connection without a response.
func Close(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }

// Answer returns a handler that always sends this response.
func Answer(code int, contentType, body string, header ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", contentType)
		for i := 0; i+1 < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(code)
		_, _ = io.WriteString(w, body)
	}
}

// HTML responds as a proxy or a login page does.
func HTML(code int) http.HandlerFunc {
	return Answer(code, "text/html", "<html><body>"+Mark+" please log in</body></html>")
}

// JSON responds with this body.
func JSON(code int, body string, header ...string) http.HandlerFunc {
	return Answer(code, "application/json", body, header...)
}

// Refuse responds with an error in Vault's format.
func Refuse(code int, text string, header ...string) http.HandlerFunc {
	return JSON(code, `{"errors":[`+quote(text)+`]}`, header...)
}

// Redirect responds with a redirect.
func Redirect(code int, location string) http.HandlerFunc {
	return Answer(code, "text/plain", "", "Location", location)
}

// Huge responds with 8 MB of JSON, more than any valid response has.
func Huge(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	_, _ = io.WriteString(w, `{"errors":["`)
	chunk := strings.Repeat("x", 1<<20)
	for range 8 {
		if _, err := io.WriteString(w, chunk); err != nil {
			return
		}
	}
	_, _ = io.WriteString(w, `"]}`)
}

func quote(text string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`, "\t", `\t`).Replace(text) + `"`
}

// Status responds with an error in the API server's format.
func Status(code int, reason, message string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { writeStatus(w, code, reason, message) }
}

// SwitchProtocols responds with 101 and keeps the connection open until the client closes
// it, then calls closed. Only HTTP/1.1 has that status.
func SwitchProtocols(closed func()) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		connection, buffered, err := http.NewResponseController(w).Hijack()
		if err != nil {
			panic(err)
		}
		defer connection.Close()
		_, _ = buffered.WriteString("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: other\r\n\r\n")
		_ = buffered.Flush()
		_, _ = io.Copy(io.Discard, buffered)
		closed()
	}
}

// Doubled sends a response twice and keeps the connection open until the client closes it,
// then calls closed. The server has to speak HTTP/1.1.
func Doubled(answer http.HandlerFunc, closed func()) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		recorder := httptest.NewRecorder()
		answer(recorder, r)
		connection, buffered, err := http.NewResponseController(w).Hijack()
		if err != nil {
			panic(err)
		}
		defer connection.Close()
		response := recorder.Result()
		response.ContentLength = int64(recorder.Body.Len())
		var once bytes.Buffer
		_ = response.Write(&once)
		_, _ = buffered.Write(bytes.Repeat(once.Bytes(), 2))
		_ = buffered.Flush()
		_, _ = io.Copy(io.Discard, buffered)
		closed()
	}
}
