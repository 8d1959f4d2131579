package main

import (
	"fmt"
	"net/http"
	"time"

	"github.com/prometheus/common/version"
	"github.com/prometheus/exporter-toolkit/web"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/internal/response"
)

// publicHandler is served with the TLS and authentication of --web.config.file.
func (e *exporter) publicHandler() http.Handler {
	mux := http.NewServeMux()
	for pattern, handler := range e.publicRoutes() {
		mux.Handle(pattern, handler)
	}
	return e.site.underPrefix(mux)
}

// publicRoutes returns the handler of each pattern. Without the status page only the metrics
// say anything about targets. docs/api.md lists the paths.
func (e *exporter) publicRoutes() map[string]http.Handler {
	routes := map[string]http.Handler{
		"GET /metrics":   e.recorder.Handler(),
		"GET /-/healthy": http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { writeHealth(w, e.scheduler.Alive(time.Now())) }),
		"GET /-/ready":   http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { writeHealth(w, e.ready()) }),
	}
	if !e.site.page {
		routes["GET /{$}"] = e.site.landingPage()
		return routes
	}
	guarded := func(h http.Handler) http.Handler { return h }
	if e.site.local {
		guarded = func(h http.Handler) http.Handler { return requireLoopbackHost(h, e.site.host) }
	}
	routes["GET /config"] = guarded(response.NewRenderer().Handler(http.HandlerFunc(e.serveConfig)))
	routes["/"] = guarded(e.page)
	return routes
}

// landingPage is served in place of the status page.
func (s site) landingPage() http.Handler {
	page, err := web.NewLandingPage(web.LandingConfig{
		Name:        "vault-k8s-auth-exporter",
		Description: "Checks whether pods can log in to Vault with the Kubernetes auth method",
		Version:     version.Info(),
		Profiling:   "false",
		RoutePrefix: s.links.Path,
		Links:       []web.LandingLinks{{Address: "metrics", Text: "Metrics"}},
		ExtraHTML:   "<p>The status page and its API are off: " + pageOff + ".</p>",
	})
	if err != nil {
		panic(fmt.Sprintf("making the landing page: %v", err)) // cannot happen: its template is constant
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		page.ServeHTTP(w, r)
	})
}

// healthRoutes are about the exporter itself, never about Vault or the API server: an
// outage of theirs must not restart the exporter.
func healthRoutes(alive func(time.Time) error, ready func() error) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { writeHealth(w, alive(time.Now())) })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) { writeHealth(w, ready()) })
	return mux
}

func writeHealth(w http.ResponseWriter, err error) {
	if err != nil {
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	}
	fmt.Fprintln(w, "ok")
}
