package main

import (
	"fmt"
	"net/http"
	"time"

	"github.com/prometheus/common/version"
	"github.com/prometheus/exporter-toolkit/web"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/internal/response"
)

// publicRoutes are served with the TLS and authentication of --web.config.file. If nobody
// may read the status page, only the metrics say anything about targets.
func (e *exporter) publicRoutes(readers audience) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", e.recorder.Handler())
	mux.HandleFunc("GET /-/healthy", func(w http.ResponseWriter, _ *http.Request) { writeHealth(w, e.scheduler.Alive(time.Now())) })
	mux.HandleFunc("GET /-/ready", func(w http.ResponseWriter, _ *http.Request) { writeHealth(w, e.ready()) })
	if readers == nobody {
		mux.Handle("GET /{$}", landingPage())
		return mux
	}
	page := http.NewServeMux()
	page.Handle("GET /config", response.NewRenderer().Handler(http.HandlerFunc(e.serveConfig)))
	page.Handle("/", e.page)
	if readers == local {
		mux.Handle("/", requireLoopbackHost(page))
	} else {
		mux.Handle("/", page)
	}
	return mux
}

func landingPage() http.Handler {
	page, err := web.NewLandingPage(web.LandingConfig{
		Name:        "vault-k8s-auth-exporter",
		Description: "Checks whether pods can log in to Vault with the Kubernetes auth method",
		Version:     version.Info(),
		Profiling:   "false",
		Links:       []web.LandingLinks{{Address: "/metrics", Text: "Metrics"}},
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
