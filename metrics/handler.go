package metrics

import (
	"bufio"
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/prometheus/common/expfmt"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/internal/response"
)

// Handler serves the metrics in the formats of promhttp. What cannot be served is left
// out and counted, and the rest is served with status 200. Scrapes are rendered one at a
// time.
func (r *Recorder) Handler() http.Handler {
	return response.NewRenderer().Handler(textHandler{r, promhttp.HandlerFor(r, promhttp.HandlerOpts{
		ErrorHandling:      promhttp.ContinueOnError,
		Registry:           r.registry,
		EnableOpenMetrics:  false, // it would change the values of the label le
		DisableCompression: true,  // the Renderer compresses
	})})
}

// newScrapeErrors returns the counter that promhttp has for a handler, and then uses.
func newScrapeErrors() *prometheus.CounterVec {
	c := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "promhttp_metric_handler_errors_total",
		Help: "Total number of internal errors encountered by the promhttp metric handler.",
	}, []string{"cause"})
	c.WithLabelValues("gathering")
	c.WithLabelValues("encoding")
	return c
}

// textHandler serves the text format, in which most of a scrape is rendered before. All else
// is served by promhttp.
type textHandler struct {
	recorder *Recorder
	promhttp http.Handler
}

func (h textHandler) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	format := expfmt.NegotiateAccept(req.Header, expfmt.DefaultAcceptedFormats()...)
	if format.FormatType() != expfmt.TypeTextPlain || req.URL.Query().Has("name[]") {
		h.promhttp.ServeHTTP(w, req)
		return
	}
	s, err := h.recorder.scrape()
	if err != nil {
		h.recorder.scrapeErrors.WithLabelValues("gathering").Inc()
	}
	w.Header().Set("Vary", "Accept")
	w.Header().Set("Content-Type", string(format))
	if err := s.writeText(bufio.NewWriterSize(w, 64<<10), format); err != nil {
		h.recorder.scrapeErrors.WithLabelValues("encoding").Inc()
	}
}
