package main

import (
	"fmt"
	"net/http"
	"time"

	"github.com/prometheus/common/version"
	"github.com/prometheus/exporter-toolkit/web"

	"vault-k8s-auth-exporter/internal/schedule"
	"vault-k8s-auth-exporter/metrics"
)

// publicRoutes are served behind the TLS and authentication of --web.config.file.
// board is nil where the page is not served.
func publicRoutes(recorder *metrics.Recorder, scheduler *schedule.Scheduler, board http.Handler, configuration http.Handler) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", recorder.Handler())
	mux.HandleFunc("GET /-/healthy", alive(scheduler))
	mux.HandleFunc("GET /-/ready", ready(scheduler))
	if board == nil {
		mux.Handle("GET /{$}", landingPage())
		return mux
	}
	mux.Handle("GET /config", configuration)
	mux.Handle("/", board)
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
func healthRoutes(scheduler *schedule.Scheduler) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", alive(scheduler))
	mux.HandleFunc("GET /readyz", ready(scheduler))
	return mux
}

func alive(scheduler *schedule.Scheduler) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		if err := scheduler.Alive(time.Now()); err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
			return
		}
		fmt.Fprintln(w, "ok")
	}
}

func ready(scheduler *schedule.Scheduler) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		select {
		case <-scheduler.FirstRound():
			fmt.Fprintln(w, "ok")
		default:
			http.Error(w, "the first round of probes is not done", http.StatusServiceUnavailable)
		}
	}
}
