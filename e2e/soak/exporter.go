package soak

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os/exec"
	"sync"
	"syscall"
	"time"
)

// The exporter's settings: as short as they may be for a timeout that a busy machine does not exceed.
const (
	timeout    = 2 * time.Second
	interval   = timeout + 7*time.Second
	recheck    = time.Second
	longestRun = timeout + 7*time.Second
)

// An exporter is a process that can be killed, frozen and started again at the same address.
type exporter struct {
	name, binary, address string
	env                   []string
	output                output

	mu      sync.Mutex // guards the fields below
	cmd     *exec.Cmd
	exited  chan struct{}
	ending  bool      // it has been told to exit
	running time.Time // since when it has been running, not frozen; zero while it is not
}

// newExporter chooses an address. Nothing runs yet.
func newExporter(name, binary string, env []string) (*exporter, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	return &exporter{name: name, binary: binary, address: l.Addr().String(), env: env}, l.Close()
}

func (e *exporter) start() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	cmd := exec.Command(e.binary, "serve", "--log.level=debug", "--web.listen-address="+e.address, "--health.listen-address=127.0.0.1:0")
	cmd.Env, cmd.Stdout, cmd.Stderr = e.env, &e.output, &e.output
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("starting the exporter %s: %w", e.name, err)
	}
	exited := make(chan struct{})
	go func() {
		_ = cmd.Wait() // the exit code is in ProcessState
		close(exited)
		e.startAgain(cmd)
	}()
	e.cmd, e.exited, e.ending, e.running = cmd, exited, false, time.Now()
	return nil
}

// startAgain does what a kubelet does with a leader that exits because it has lost the Lease.
func (e *exporter) startAgain(exited *exec.Cmd) {
	e.mu.Lock()
	lost := !e.ending && exited.ProcessState.ExitCode() == lostLease
	e.mu.Unlock()
	if lost {
		_ = e.start() // the watcher will miss it
	}
}

// lostLease is the exit code of a leader that sees another one.
const lostLease = 3

// end sends the signal and returns when the process has exited, with its exit code.
func (e *exporter) end(signal syscall.Signal) (code int, err error) {
	e.mu.Lock()
	e.ending = true
	cmd, exited := e.cmd, e.exited
	e.mu.Unlock()
	e.signal(signal, false)
	select {
	case <-exited:
		return cmd.ProcessState.ExitCode(), nil
	case <-time.After(20 * time.Second):
		return 0, fmt.Errorf("the exporter %s has not exited 20 s after the signal %s", e.name, signal)
	}
}

// signal sends a signal, after which the process runs or does not.
func (e *exporter) signal(signal syscall.Signal, runs bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.running = time.Time{}
	if runs {
		e.running = time.Now()
	}
	_ = e.cmd.Process.Signal(signal)
}

// hasRun returns for how long the process has been running, without a break.
func (e *exporter) hasRun() time.Duration {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.running.IsZero() {
		return 0
	}
	return time.Since(e.running)
}

// get requests a path, on a new connection: those that a frozen process has accepted do not count.
func (e *exporter) get(path string) (string, error) {
	client := &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Get("http://" + e.address + path)
	if err != nil {
		return "", fmt.Errorf("%w: %w", errNoResponse, err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	switch {
	case err != nil:
		return "", fmt.Errorf("%w: reading %s: %w", errNoResponse, path, err)
	case response.StatusCode != http.StatusOK:
		return "", fmt.Errorf("%s responded with %s: %s", path, response.Status, body)
	}
	return string(body), nil
}

// errNoResponse is wrapped by the errors of requests that got no complete response.
var errNoResponse = errors.New("no response")

// An output has all that a process has printed. It is a bytes.Buffer for concurrent use.
type output struct {
	mu   sync.Mutex // guards text
	text bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}
