package status

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"fmt"
	"net/http"
	"time"
)

//go:embed page.html past.html workloads.html style.css script.js patch.js
var files embed.FS

// contentSecurityPolicy lets the page load what the exporter serves, and nothing else.
const contentSecurityPolicy = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self' data:; " +
	"base-uri 'none'; form-action 'self'; frame-ancestors 'none'"

// routes returns the handler of each pattern. docs/api.md lists them.
func (s *Server) routes() map[string]http.Handler {
	rendered := func(handler http.HandlerFunc) http.Handler { return s.renderer.Handler(handler) }
	return map[string]http.Handler{
		"GET /{$}":                       rendered(s.serveOverview),
		"GET /targets/{target...}":       rendered(s.serveTarget),
		"GET /workloads":                 rendered(s.serveWorkloads),
		"GET /docs/reasons.md":           rendered(s.serveDocument("Reasons", s.reasons)),
		"GET /docs/warnings.md":          rendered(s.serveDocument("Warnings", s.warnings)),
		"GET /runbooks/{reason}":         rendered(s.serveSection),
		"GET /static/style.css":          asset("style.css", "text/css; charset=utf-8"),
		"GET /static/script.js":          asset("script.js", "text/javascript; charset=utf-8"),
		"GET /static/patch.js":           asset("patch.js", "text/javascript; charset=utf-8"),
		"GET /api/v1/status":             rendered(s.serveStatus),
		"GET /api/v1/status/{target...}": rendered(s.serveTargetStatus),
		"GET /api/v1/incidents":          rendered(s.serveIncidents),
		"GET /api/v1/workloads":          rendered(s.serveWorkloadsJSON),
		"GET /api/v1/events":             http.HandlerFunc(s.serveEvents),
		"POST /api/v1/probe/{target...}": http.HandlerFunc(s.serveProbe),
	}
}

func (s *Server) newHandler() http.Handler {
	mux := http.NewServeMux()
	for pattern, handler := range s.routes() {
		mux.Handle(pattern, handler)
	}
	return withSecurityHeaders(s.sameOrigin().Handler(mux))
}

// sameOrigin refuses requests that a page of another origin makes. The page's own origin is
// known by its URL too, since a reverse proxy may send the exporter another Host than the
// browser knows.
func (s *Server) sameOrigin() *http.CrossOriginProtection {
	protection := http.NewCrossOriginProtection()
	if own := s.options.Links.origin(); own != "" {
		if err := protection.AddTrustedOrigin(own); err != nil {
			panic(err) // cannot happen: it is the origin of a URL with scheme and host
		}
	}
	protection.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "the request comes from a page of another origin; if that is the exporter's own, behind a reverse proxy, set --web.external-url", http.StatusForbidden)
	}))
	return protection
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

func asset(name, kind string) http.Handler {
	content, err := files.ReadFile(name)
	if err != nil {
		panic(err) // cannot happen: the file is embedded
	}
	tag := fmt.Sprintf(`"%.16x"`, sha256.Sum256(content))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", kind)
		w.Header().Set("ETag", tag)
		w.Header().Set("Cache-Control", "no-cache")
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(content)) // with 304 if the client has it
	})
}
