package lab

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"path/filepath"
	"time"
)

const socketFile = "control.sock"

// State is a fault, and whether it is injected into a running lab.
type State struct {
	Name     string   `json:"name"`
	Summary  string   `json:"summary"`
	Bare     string   `json:"bare"`
	Full     string   `json:"full"`
	Env      []string `json:"env,omitempty"`
	Injected bool     `json:"injected"`
	// Simulated is set if the running servers are fakes.
	Simulated bool `json:"simulated,omitempty"`
}

// A Control lets other processes inject and heal faults, through a Unix socket in a directory.
type Control struct {
	server *http.Server
	served chan struct{}
}

// ServeControl serves the socket in dir until Close.
func ServeControl(dir string, i Injector) (*Control, error) {
	listener, err := net.Listen("unix", filepath.Join(dir, socketFile))
	if err != nil {
		return nil, err
	}
	c := &Control{
		server: &http.Server{Handler: controlHandler(i), ReadHeaderTimeout: time.Second},
		served: make(chan struct{}),
	}
	go func() {
		defer close(c.served)
		_ = c.server.Serve(listener)
	}()
	return c, nil
}

// Close ends the requests in progress.
func (c *Control) Close() error {
	err := c.server.Close()
	<-c.served
	return err
}

// isRunning reports whether a lab listens on the socket in dir.
func isRunning(dir string) bool {
	conn, err := net.Dial("unix", filepath.Join(dir, socketFile))
	if err != nil {
		return false
	}
	return conn.Close() == nil
}

// An Injector is a Lab, or what stands in for one.
type Injector interface {
	Inject(ctx context.Context, name string) error
	Heal(ctx context.Context) (healed []string, err error)
	States() []State // of all faults, sorted by name
}

func controlHandler(l Injector) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /faults", func(w http.ResponseWriter, _ *http.Request) {
		respond(w, l.States(), nil)
	})
	mux.HandleFunc("POST /faults/{name}", func(w http.ResponseWriter, r *http.Request) {
		respond(w, nil, l.Inject(r.Context(), r.PathValue("name")))
	})
	mux.HandleFunc("POST /heal", func(w http.ResponseWriter, r *http.Request) {
		healed, err := l.Heal(r.Context())
		respond(w, healed, err)
	})
	return mux
}

func respond(w http.ResponseWriter, body any, err error) {
	switch {
	case errors.Is(err, ErrUnknownFault):
		http.Error(w, err.Error(), http.StatusNotFound)
	case err != nil:
		http.Error(w, err.Error(), http.StatusInternalServerError)
	default:
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(body)
	}
}
