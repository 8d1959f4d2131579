package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/lab"
)

// takeOverTimeout bounds the time from the new targets file to the exporter's first run of the new target.
const takeOverTimeout = 30 * time.Second

// startSimulated starts the simulated servers, which write the targets file.
func (d *demo) startSimulated(ctx context.Context) (err error) {
	if d.simulated, err = lab.StartSimulated(ctx, d.dir, d.progress); err != nil {
		return err
	}
	env := exports([]string{"EXPORTER_TARGETS_FILE=" + d.dir.Path(lab.TargetsFile)})
	if err := os.WriteFile(d.dir.Path(envFile), []byte(env), 0o600); err != nil {
		return err
	}
	d.current, err = lab.MakeCurrent(d.dir.Path(""), d.log)
	return err
}

// takeOver compiles and starts the real servers, and gives them to the exporter in place of the simulated ones.
func (d *demo) takeOver(ctx context.Context) error {
	if err := d.build(ctx); err != nil {
		return err
	}
	d.screen.setLine("")
	if err := d.startLab(ctx); err != nil {
		return err
	}
	reloading, cancel := context.WithTimeoutCause(ctx, takeOverTimeout, errors.New("the exporter did not take the real servers within "+takeOverTimeout.String()))
	defer cancel()
	if err := until(reloading, func() bool { return d.exporter.probes(reloading, "default") }); err != nil {
		return err
	}
	injected, err := d.simulated.Injected(ctx)
	if err != nil {
		return err
	}
	io.WriteString(d.out, takeOverText(injected, time.Now()))
	err = d.simulated.Close()
	d.simulated = nil
	return err
}

// takeOverText says what became of faults that are still injected.
func takeOverText(injected []string, at time.Time) string {
	text := at.Format(time.TimeOnly) + "  the real servers have taken over; the exporter reloaded its targets file\n"
	for _, name := range injected {
		text += "          the simulated fault is gone: inject it again with make fault NAME=" + name + "\n"
	}
	return text
}

// probes reports whether the exporter has a result of the target.
func (e exporter) probes(ctx context.Context, target string) bool {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+e.web+"/metrics", nil)
	if err != nil {
		return false
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return false
	}
	defer response.Body.Close()
	metrics, err := io.ReadAll(response.Body)
	return err == nil && strings.Contains(string(metrics), fmt.Sprintf("\nvault_k8s_auth_last_probe_timestamp_seconds{target=%q", target))
}

func (d *demo) summarizeSimulated(minutes int) {
	fmt.Fprintf(d.out, `
The exporter is probing a SIMULATED Vault and a SIMULATED Kubernetes API server every %s: fakes that respond as the real
ones do. The real ones are being compiled, once, and take over in about %d minutes.
%s

Each change of the verdict appears below. Ctrl-C stops the demo; what is compiled by then is kept.

`, lab.DemoInterval, minutes, d.links())
}
