package main

import (
	"fmt"
	"net/http"
	"time"

	"github.com/prometheus/common/version"
	"github.com/prometheus/exporter-toolkit/web"

	"vault-k8s-auth-exporter/metrics"
)

// publicRoutes are served behind the TLS and authentication of --web.config.file.
func publicRoutes(recorder *metrics.Recorder) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", recorder.Handler())
	mux.Handle("GET /{$}", landingPage())
	return mux
}

func landingPage() http.Handler {
	page, err := web.NewLandingPage(web.LandingConfig{
		Name:        "vault-k8s-auth-exporter",
		Description: "Watches whether pods can log in to Vault with the Kubernetes auth method",
		Version:     version.Info(),
		Profiling:   "false",
		Links:       []web.LandingLinks{{Address: "/metrics", Text: "Metrics"}},
	})
	if err != nil {
		panic(fmt.Sprintf("making the landing page: %v", err)) // its template is constant
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		page.ServeHTTP(w, r)
	})
}

// healthRoutes tell of the exporter itself, never of Vault or the API server: a
// restart in the middle of their outage would blind whom it should help.
func healthRoutes(alive func(time.Time) error, ready func() error) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { answer(w, alive(time.Now())) })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) { answer(w, ready()) })
	return mux
}

func answer(w http.ResponseWriter, err error) {
	if err != nil {
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	}
	fmt.Fprintln(w, "ok")
}
