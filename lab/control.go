package lab

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
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
}

// A control lets other processes inject and heal faults, through a Unix socket in the lab's directory. The link
// .lab/current points to that directory.
type control struct {
	server *http.Server
	served chan struct{}
	link   string
	dir    string
}

func serveControl(l *Lab) (*control, error) {
	root, err := Root()
	if err != nil {
		return nil, err
	}
	listener, err := net.Listen("unix", l.path(socketFile))
	if err != nil {
		return nil, err
	}
	c := &control{
		server: &http.Server{Handler: controlHandler(l), ReadHeaderTimeout: time.Second},
		served: make(chan struct{}),
		link:   currentLink(root),
		dir:    l.dir.path,
	}
	go func() {
		defer close(c.served)
		_ = c.server.Serve(listener)
	}()
	if other, err := os.Readlink(c.link); err == nil && isRunning(other) {
		fmt.Fprintf(l.log, "another lab of this checkout is running in %s; `make fault` and `make heal` now act on the new one\n", other)
	}
	if err := replaceLink(c.link, c.dir); err != nil {
		return nil, errors.Join(err, c.close())
	}
	return c, nil
}

// close removes the link, unless a newer lab has replaced it.
func (c *control) close() error {
	err := c.server.Close()
	<-c.served
	if dir, readErr := os.Readlink(c.link); readErr == nil && dir == c.dir {
		err = errors.Join(err, removeFile(c.link))
	}
	return err
}

func currentLink(root string) string { return filepath.Join(root, ".lab", "current") }

// replaceLink points link to dir, atomically: it creates a new link and renames it.
func replaceLink(link, dir string) error {
	if err := os.MkdirAll(filepath.Dir(link), 0o755); err != nil {
		return err
	}
	temporary := fmt.Sprintf("%s.%d", link, os.Getpid())
	if err := removeFile(temporary); err != nil {
		return err
	}
	if err := os.Symlink(dir, temporary); err != nil {
		return err
	}
	return os.Rename(temporary, link)
}

// isRunning reports whether a lab listens on the socket in dir.
func isRunning(dir string) bool {
	conn, err := net.Dial("unix", filepath.Join(dir, socketFile))
	if err != nil {
		return false
	}
	return conn.Close() == nil
}

// faultInjector is the part of a Lab that a control needs.
type faultInjector interface {
	Inject(context.Context, string) error
	Heal(context.Context) ([]string, error)
	Injected() []string
}

func controlHandler(l faultInjector) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /faults", func(w http.ResponseWriter, _ *http.Request) {
		respond(w, States(l.Injected()...), nil)
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
