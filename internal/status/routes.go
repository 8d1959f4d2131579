package status

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"fmt"
	"net/http"
	"time"
)

//go:embed page.html style.css script.js
var files embed.FS

// contentSecurityPolicy lets the page load what the exporter serves, and nothing else.
const contentSecurityPolicy = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self' data:; " +
	"base-uri 'none'; form-action 'self'; frame-ancestors 'none'"

func (s *Server) handler() http.Handler {
	mux := http.NewServeMux()
	rendered := func(pattern string, handler http.HandlerFunc) { mux.Handle(pattern, s.renderer.Handler(handler)) }
	rendered("GET /{$}", s.serveOverview)
	rendered("GET /targets/{target...}", s.serveTarget)
	rendered("GET /docs/reasons.md", s.serveRunbook)
	rendered("GET /runbooks/{reason}", s.serveSection)
	mux.HandleFunc("GET /static/style.css", asset("style.css", "text/css; charset=utf-8"))
	mux.HandleFunc("GET /static/script.js", asset("script.js", "text/javascript; charset=utf-8"))
	rendered("GET /api/v1/status", s.serveStatus)
	rendered("GET /api/v1/status/{target...}", s.serveTargetStatus)
	rendered("GET /api/v1/incidents", s.serveIncidents)
	mux.HandleFunc("GET /api/v1/events", s.serveEvents)
	if s.options.RunNow != nil {
		mux.HandleFunc("POST /api/v1/probe/{target...}", s.serveProbe)
	}
	return withSecurityHeaders(http.NewCrossOriginProtection().Handler(mux))
}

func withSecurityHeaders(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", contentSecurityPolicy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		next.ServeHTTP(w, r)
	})
}

func asset(name, kind string) http.HandlerFunc {
	content, err := files.ReadFile(name)
	if err != nil {
		panic(err) // cannot happen: the file is embedded
	}
	tag := fmt.Sprintf(`"%.16x"`, sha256.Sum256(content))
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", kind)
		w.Header().Set("ETag", tag)
		w.Header().Set("Cache-Control", "no-cache")
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(content)) // with 304 if the client has it
	}
}
