package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/lab"
)

// hurried is how many times faster than on call the demo is: it probes every 10 s in place of every minute.
const hurried = 6

// A watch is the Prometheus and the Alertmanager of the demo, with the rules and the route that are shipped, and a pager.
type watch struct {
	monitoring *lab.Monitoring
	pager      *lab.Receiver
}

func startWatch(ctx context.Context, exporter string, stdout, stderr io.Writer) (_ *watch, err error) {
	rules, err := shipped("rules.yaml")
	if err != nil {
		return nil, err
	}
	route, err := shipped("alertmanager.yaml")
	if err != nil {
		return nil, err
	}
	var w watch
	w.pager, err = lab.Receive(func(p lab.Page) { io.WriteString(stdout, paged(p, time.Now())) })
	if err != nil {
		return nil, err
	}
	w.monitoring, err = lab.StartMonitoring(ctx, lab.MonitoringOptions{
		Log: stderr, Exporters: []string{exporter}, Every: 5 * time.Second,
		Rules: rules, Alertmanager: route, Receiver: w.pager.URL,
	})
	if err != nil {
		return nil, errors.Join(err, w.pager.Close())
	}
	return &w, nil
}

// shipped is a file of deploy/prometheus in a hurry.
func shipped(name string) ([]byte, error) {
	root, err := lab.Root()
	if err != nil {
		return nil, err
	}
	text, err := os.ReadFile(filepath.Join(root, "deploy", "prometheus", name))
	if err != nil {
		return nil, err
	}
	return lab.Hurry(text, hurried)
}

func (w *watch) close() error { return errors.Join(w.monitoring.Close(), w.pager.Close()) }

// String is what the summary says of it: nothing where there is none.
func (w *watch) String() string {
	if w == nil {
		return ""
	}
	return fmt.Sprintf("  rules     %s/api/v1/alerts (Prometheus)\n  pages     %s/api/v2/alerts (Alertmanager); each also appears below\n",
		w.monitoring.PrometheusURL, w.monitoring.AlertmanagerURL)
}

// paged is a page as somebody on call reads it.
func paged(p lab.Page, at time.Time) string {
	var text strings.Builder
	for _, alert := range p.Alerts {
		word := "page"
		if alert.Status == "resolved" {
			word = "over"
		}
		fmt.Fprintf(&text, "%s  %s  %s (%s) %s\n", at.Format(time.TimeOnly), word,
			alert.Labels["alertname"], alert.Labels["severity"], cmp.Or(alert.Labels["target"], alert.Labels["job"]))
		if alert.Status == "resolved" {
			continue
		}
		for line := range strings.Lines(alert.Annotations["description"]) {
			fmt.Fprintf(&text, "          %s\n", strings.TrimSpace(line))
		}
		fmt.Fprintf(&text, "          runbook:  %s\n", alert.Annotations["runbook_url"])
	}
	return text.String()
}
