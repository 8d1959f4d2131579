package status

import (
	"embed"
	"net/http"
)

//go:embed page.html style.css script.js
var files embed.FS

// policy lets the page load what the exporter itself serves, and nothing else.
const policy = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self' data:; " +
	"base-uri 'none'; form-action 'self'; frame-ancestors 'none'"

func (b *Board) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", b.serveOverview)
	mux.HandleFunc("GET /targets/{target...}", b.serveTarget)
	mux.HandleFunc("GET /docs/reasons.md", b.serveRunbook)
	mux.HandleFunc("GET /static/style.css", asset("style.css", "text/css; charset=utf-8"))
	mux.HandleFunc("GET /static/script.js", asset("script.js", "text/javascript; charset=utf-8"))
	mux.HandleFunc("GET /api/v1/status", b.serveStatus)
	mux.HandleFunc("GET /api/v1/status/{target...}", b.serveTargetStatus)
	mux.HandleFunc("GET /api/v1/events", b.serveEvents)
	if b.options.RunNow != nil {
		mux.HandleFunc("POST /api/v1/probe/{target...}", b.serveProbe)
	}
	return guarded(http.NewCrossOriginProtection().Handler(mux))
}

func guarded(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		next.ServeHTTP(w, r)
	})
}

func asset(name, kind string) http.HandlerFunc {
	content, err := files.ReadFile(name)
	if err != nil {
		panic(err) // it is embedded
	}
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", kind)
		serveTagged(w, r, content)
	}
}
