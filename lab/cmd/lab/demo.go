package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/lab"
)

const (
	webPort    = "10190"
	healthPort = "10191"
)

// A demo is an exporter and what it probes: first simulated servers if the real ones have to be compiled, which takes
// minutes, and then a lab.
type demo struct {
	screen   *screen
	out, log io.Writer // for what happens, and for what the demo does
	progress io.Writer
	build    func(context.Context) error // compiles the real servers
	dir      *lab.RunDir                 // has the targets file and the exporter's log
	exporter exporter

	current    *lab.Current
	simulated  *lab.Simulated // nil without that phase
	lab        *lab.Lab
	monitoring *monitoringServers // nil without Prometheus
}

// runDemo runs a demo until ctx ends. It prints each change of the exporter's verdict and, with Prometheus, each
// notification of Alertmanager.
func runDemo(ctx context.Context, prometheus bool, stdout, stderr io.Writer) error {
	minutes, err := lab.MinutesToBuild(ctx)
	if err != nil {
		return err
	}
	d := newDemo(stdout, stderr)
	return d.run(ctx, minutes, prometheus)
}

func newDemo(stdout, stderr io.Writer) *demo {
	s := newScreen(stderr)
	d := &demo{screen: s, out: s.above(stdout), log: s.above(stderr), progress: s.progress(stderr)}
	d.build = func(ctx context.Context) error {
		_, err := lab.Build(ctx, d.progress)
		return err
	}
	return d
}

// run simulates the servers if compiling the real ones takes any minutes.
func (d *demo) run(ctx context.Context, minutes int, prometheus bool) (err error) {
	defer d.screen.setLine("")
	defer func() { err = errors.Join(err, d.close()) }()
	if err := d.prepare(ctx); err != nil {
		return err
	}
	start := d.startLab
	if minutes > 0 {
		start = d.startSimulated
	}
	if err := start(ctx); err != nil {
		return err
	}
	ready := make(chan struct{})
	running, ctx := errgroup.WithContext(ctx)
	running.Go(func() error { return d.exporter.run(ctx, func() { close(ready) }) })
	running.Go(func() error {
		select {
		case <-ready:
			return d.proceed(ctx, minutes, prometheus)
		case <-ctx.Done():
			return ctx.Err()
		}
	})
	return running.Wait()
}

// prepare compiles and configures the exporter, and makes the directory of the demo.
func (d *demo) prepare(ctx context.Context) (err error) {
	if d.exporter.binary, err = lab.BuildExporter(ctx, d.progress); err != nil {
		return err
	}
	if d.dir, err = lab.NewRunDir(); err != nil {
		return err
	}
	if d.exporter.web, err = freePort(webPort, d.log); err != nil {
		return err
	}
	if d.exporter.health, err = freePort(healthPort, d.log); err != nil {
		return err
	}
	d.exporter.env = []string{"EXPORTER_TARGETS_FILE=" + d.dir.Path(lab.TargetsFile)}
	d.exporter.log, d.exporter.out = d.dir.Path("exporter.log"), d.out
	return nil
}

// close stops what was started, the exporter excepted, and removes the demo's files.
func (d *demo) close() error {
	var errs []error
	if d.lab != nil || d.simulated != nil {
		d.screen.setLine("")
		fmt.Fprintln(d.log, "stopping the lab")
	}
	if d.monitoring != nil {
		errs = append(errs, d.monitoring.close())
	}
	if d.current != nil {
		errs = append(errs, d.current.Close())
	}
	if d.simulated != nil {
		errs = append(errs, d.simulated.Close())
	}
	if d.lab != nil {
		errs = append(errs, d.lab.Close())
	}
	if d.dir != nil {
		errs = append(errs, d.dir.Remove())
	}
	return errors.Join(errs...)
}

// startLab starts the real servers, and writes the targets file for them.
func (d *demo) startLab(ctx context.Context) (err error) {
	installation, err := lab.ReleaseNamed(ctx)
	if err != nil {
		return err
	}
	if d.lab, err = lab.Start(ctx, lab.Options{Log: d.log, Control: true, Installation: installation}); err != nil {
		return err
	}
	if err := writeEnv(d.lab); err != nil {
		return err
	}
	if d.current == nil {
		d.current, err = lab.MakeCurrent(d.lab.Dir(), d.log)
	} else {
		err = d.current.Move(d.lab.Dir())
	}
	if err != nil {
		return err
	}
	return lab.ReplaceFile(d.dir.Path(lab.TargetsFile), targetsFile(d.lab.FullEnv()))
}

// targetsFile has one target with the settings of this environment. A JSON string is one of YAML.
func targetsFile(env []string) []byte {
	text := []byte("- name: default\n")
	for _, variable := range env {
		name, value, _ := strings.Cut(variable, "=")
		text = fmt.Appendf(text, "  %s: %q\n", strings.ToLower(strings.TrimPrefix(name, "EXPORTER_")), value)
	}
	return text
}

// proceed does what follows when the exporter is ready.
func (d *demo) proceed(ctx context.Context, minutes int, prometheus bool) (err error) {
	if d.simulated != nil {
		d.summarizeSimulated(minutes)
		if err := d.takeOver(ctx); err != nil {
			return err
		}
	}
	d.summarize()
	if !prometheus {
		return nil
	}
	d.monitoring, err = startMonitoring(ctx, d.exporter.web, d.out, d.progress)
	d.screen.setLine("")
	if err == nil {
		io.WriteString(d.out, d.monitoring.String())
	}
	return err
}

// freePort returns a loopback address with the wanted port, or with another one if that port is in use.
func freePort(wanted string, stderr io.Writer) (string, error) {
	address := net.JoinHostPort("127.0.0.1", wanted)
	listener, err := net.Listen("tcp", address)
	if err != nil {
		if listener, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
			return "", err
		}
		fmt.Fprintf(stderr, "port %s is in use; listening on %s instead\n", wanted, listener.Addr())
	}
	return listener.Addr().String(), listener.Close()
}

func (d *demo) summarize() {
	fmt.Fprintf(d.out, `
The exporter is probing a real Vault and a real Kubernetes API server every %s.
%s
  (. .lab/current/%s; .lab/bin/exporter check)

Each change of the verdict appears below. Ctrl-C stops the demo and removes its files.

`, lab.DemoInterval, d.links(), envFile)
}

// links are the parts that both summaries have.
func (d *demo) links() string {
	return fmt.Sprintf(`
  metrics   http://%[1]s/metrics
  page      http://%[1]s/
  health    http://%[2]s/readyz

In a second terminal:

  make fault NAME=reviewer_forbidden      inject a fault; without NAME, list all faults
  make heal                               undo all injected faults`, d.exporter.web, d.exporter.health)
}

// untilReady returns nil when url responds with 200, or the cause of the end of ctx.
func untilReady(ctx context.Context, url string) error {
	return until(ctx, func() bool { return responds(ctx, url) })
}

// until returns nil when holds does, or the cause of the end of ctx.
func until(ctx context.Context, holds func() bool) error {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}

func responds(ctx context.Context, url string) bool {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return false
	}
	client := http.Client{Timeout: time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Do(request)
	if err != nil {
		return false
	}
	return response.Body.Close() == nil && response.StatusCode == http.StatusOK
}
