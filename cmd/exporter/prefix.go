package main

import (
	"net/http"
	"strings"
)

// underPrefix serves next under the site's prefix. Like Prometheus it redirects / there, and
// nothing else is served outside of it. next sees paths without the prefix, and redirects to
// such paths.
func (s site) underPrefix(next http.Handler) http.Handler {
	inner := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		next.ServeHTTP(&redirectsUnder{w, s.links.Path}, r)
	})
	if s.prefix == "" {
		return inner
	}
	mux := http.StripPrefix(s.prefix, inner)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == "/":
			http.Redirect(w, r, s.prefix+"/", http.StatusFound)
		case r.URL.Path == s.prefix:
			http.Redirect(w, r, s.links.Path+"/", http.StatusFound)
		case strings.HasPrefix(r.URL.Path, s.prefix+"/"):
			mux.ServeHTTP(w, r)
		default:
			http.NotFound(w, r)
		}
	})
}

// redirectsUnder adds a path to redirects within the exporter, such as those of
// [http.ServeMux] to paths without double slashes.
type redirectsUnder struct {
	http.ResponseWriter
	path string
}

func (w *redirectsUnder) WriteHeader(status int) {
	if to := w.Header().Get("Location"); strings.HasPrefix(to, "/") {
		w.Header().Set("Location", w.path+to)
	}
	w.ResponseWriter.WriteHeader(status)
}

// Unwrap serves [http.ResponseController].
func (w *redirectsUnder) Unwrap() http.ResponseWriter { return w.ResponseWriter }
