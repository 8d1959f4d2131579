package e2e

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

// endsWithin is what the exporter promises of its end.
const endsWithin = 5 * time.Second

// An exporter is a child process that serves.
type exporter struct {
	t               *testing.T
	cmd             *exec.Cmd
	stdout, log     *journal
	exited          chan struct{} // closed when the process is gone
	metrics, health string        // addresses
	http            *http.Client

	seen metrics // the last scrape, for words of failure
}

// serve starts an exporter, which is ended with the test at the latest.
func serve(t *testing.T, env []string) *exporter {
	t.Helper()
	e := &exporter{
		t:      t,
		cmd:    exec.Command(world.binary, "serve", "--web.listen-address=127.0.0.1:0", "--health.listen-address=127.0.0.1:0", "--log.format=json"),
		stdout: new(journal),
		log:    new(journal),
		exited: make(chan struct{}),
		http:   &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: endsWithin},
	}
	e.cmd.Env, e.cmd.Stdout, e.cmd.Stderr = env, e.stdout, e.log
	if err := e.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = e.cmd.Wait()
		close(e.exited)
	}()
	t.Cleanup(e.take)
	e.metrics = e.address(func(l entry) bool { return l.Message == "Listening on" })
	e.health = e.address(func(l entry) bool { return l.Message == "Listening" && l.For == "health" })
	return e
}

// take makes sure that the process is gone and all that it printed is kept.
func (e *exporter) take() {
	_ = e.cmd.Process.Kill() // most have ended by now
	<-e.exited
	e.keep()
	if _, other := e.log.entries(); len(other) > 0 {
		e.t.Errorf("these lines on stderr are not of the log:\n%s", strings.Join(other, ""))
	}
	if e.stdout.String() != "" {
		e.t.Errorf("serve printed on stdout:\n%s", e.stdout)
	}
}

// keep adds what it printed to all that was.
func (e *exporter) keep() {
	everything.add("stdout of exporter serve", e.stdout.String())
	everything.add("log of exporter serve", e.log.String())
}

// terminate sends SIGTERM.
func (e *exporter) terminate() {
	e.t.Helper()
	if err := e.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		e.t.Fatalf("ending the exporter: %v\n%s", err, e.log)
	}
}

// end sends SIGTERM and wants the end that is promised. It returns how long it took.
func (e *exporter) end() time.Duration {
	e.t.Helper()
	began := time.Now()
	e.terminate()
	e.wantEnd()
	return time.Since(began)
}

// wantEnd waits for the end that is promised after SIGTERM.
func (e *exporter) wantEnd() {
	e.t.Helper()
	select {
	case <-e.exited:
	case <-time.After(endsWithin):
		e.t.Fatalf("the exporter has not ended within %s\n%s", endsWithin, e.log.last(15))
	}
	if code := e.cmd.ProcessState.ExitCode(); code != 0 {
		e.t.Errorf("exit code %d\n%s", code, e.log.last(15))
	}
}

func (e *exporter) address(ofListener func(entry) bool) (found string) {
	e.t.Helper()
	listening := eventually(patience, func() bool {
		log, _ := e.log.entries()
		for _, line := range log {
			if ofListener(line) {
				found = line.Address
			}
		}
		return found != "" || e.gone()
	})
	if !listening || found == "" {
		e.t.Fatalf("the exporter does not listen:\n%s%s", e.stdout, e.log)
	}
	return found
}

func (e *exporter) gone() bool {
	select {
	case <-e.exited:
		return true
	default:
		return false
	}
}

// get reads a page.
func (e *exporter) get(address, path string) (status int, body string) {
	e.t.Helper()
	response, err := e.http.Get("http://" + address + path)
	if err != nil {
		e.t.Fatalf("%v\n%s", err, e.log.last(15))
	}
	defer response.Body.Close()
	data, err := io.ReadAll(response.Body)
	if err != nil {
		e.t.Fatalf("reading %s: %v", path, err)
	}
	everything.add("the page "+path, string(data))
	return response.StatusCode, string(data)
}

func (e *exporter) scrape() metrics {
	e.t.Helper()
	status, body := e.get(e.metrics, "/metrics")
	if status != http.StatusOK {
		e.t.Fatalf("/metrics answered %d %s", status, body)
	}
	seen, err := parseMetrics(body)
	if err != nil {
		e.t.Fatal(err)
	}
	e.seen = seen
	return seen
}

// await scrapes until it holds and returns that scrape. It is an error of the test
// if that is not within the limit.
func (e *exporter) await(limit time.Duration, what string, holds func(metrics) bool) metrics {
	e.t.Helper()
	if !eventually(limit, func() bool { return holds(e.scrape()) }) {
		e.t.Errorf("no %s within %s; %s", what, limit, e.explain())
	}
	return e.seen
}

// explain is what one would look at.
func (e *exporter) explain() string {
	lines, err := world.lab.LoginErrors()
	vault := errors.Join(errors.New("nothing"), err).Error()
	if len(lines) > 0 {
		vault = lines[len(lines)-1]
	}
	return fmt.Sprintf("the metrics say %s, up %s, reviewer_up %s, canary_login_up %s, probes_total %s\nlog:\n%s\nVault's log of refused logins:\n%s",
		e.seen.verdict(), e.seen.shows("up"), e.seen.shows("reviewer_up"), e.seen.shows("canary_login_up"), e.seen.shows("probes_total"),
		e.log.last(15), vault)
}
