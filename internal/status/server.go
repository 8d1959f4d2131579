package status

import (
	"html/template"
	"net/http"
	"sync"
	"time"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/internal/response"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/incident"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/maintenance"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/workload"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/workload/rehearse"
)

// Options configure a Server.
type Options struct {
	// TargetStates returns the state of every target, in any order.
	TargetStates func() []probe.TargetState
	// Incidents returns the incidents that this process has seen. Nil means none.
	Incidents func() incident.History
	// Workloads returns the last inventory of workloads and the result of every login in it,
	// broken ones first. Nil means that they are not discovered.
	Workloads func() (workload.Inventory, []rehearse.Result)
	// Maintenance returns that of a target at a time. Nil means none.
	Maintenance func(target string, at time.Time) maintenance.Active
	// Standby returns who holds the lease while this process does not probe, and is
	// empty while it does. Nil means that it always does.
	Standby func() string
	// RunNow requests a run of a target that begins after the call, and reports whether
	// this process probes the target. done is closed when the run has completed, or
	// when there will be none. Nil means that readers may not start runs.
	RunNow func(target string) (done <-chan struct{}, ok bool)
	// ProbeOff says why RunNow is nil, and what changes that.
	ProbeOff string
	// Links are where readers find the page.
	Links Links
	// Reasons and Warnings are docs/reasons.md and docs/warnings.md in HTML, to which
	// verdicts and warnings link.
	Reasons, Warnings string
	// Version is the exporter's version.
	Version string
}

// Server serves the status page, its API and its events. It is safe for concurrent
// use.
type Server struct {
	options  Options
	streams  streams
	requests rateLimiter
	renderer *response.Renderer
	pages    func() *template.Template // parsed for the first request, as the runbooks are: most processes never get one
	reasons  func() []section
	warnings func() []section
	views    views // used by one request at a time, as renderer guarantees
	rows     rows  // as views
	logins   view  // of workloads, as views
	handler  http.Handler
}

// New returns a Server.
func New(o Options) *Server {
	if o.Maintenance == nil {
		o.Maintenance = func(string, time.Time) maintenance.Active { return maintenance.Active{} }
	}
	if o.Standby == nil {
		o.Standby = func() string { return "" }
	}
	pages := sync.OnceValue(func() *template.Template { return parsePages(o.Links.Path) })
	if o.Incidents == nil {
		o.Incidents = func() incident.History { return incident.History{} }
	}
	s := &Server{
		options: o, streams: newStreams(), requests: newRateLimiter(), renderer: response.NewRenderer(),
		pages: pages, views: views{}, rows: rows{pages, o.Maintenance, map[string]renderedRow{}},
		reasons:  sync.OnceValue(func() []section { return o.Links.sections(o.Reasons) }),
		warnings: sync.OnceValue(func() []section { return o.Links.sections(o.Warnings) }),
	}
	s.handler = s.newHandler()
	return s
}

// ServeHTTP serves the page and the API.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.handler.ServeHTTP(w, r) }

// Publish sends a completed run to all open streams. It never waits for them.
func (s *Server) Publish(r probe.Result) { s.streams.publish(message{"run", eventOf(r)}) }

// Close ends all streams. A server that shuts down would wait for them otherwise.
func (s *Server) Close() { s.streams.close() }
