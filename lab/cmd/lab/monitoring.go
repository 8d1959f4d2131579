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

// speedUpFactor divides the durations of the shipped rules and route. The demo probes every 10 s instead of every
// minute.
const speedUpFactor = 6

// monitoringServers are Prometheus and Alertmanager with the rules and the route in deploy/prometheus, and the webhook
// that receives the notifications.
type monitoringServers struct {
	servers *lab.Monitoring
	webhook *lab.Webhook
}

func startMonitoring(ctx context.Context, exporter string, stdout, stderr io.Writer) (_ *monitoringServers, err error) {
	rules, err := speedUpFile("rules.yaml")
	if err != nil {
		return nil, err
	}
	route, err := speedUpFile("alertmanager.yaml")
	if err != nil {
		return nil, err
	}
	var m monitoringServers
	m.webhook, err = lab.StartWebhook(func(p lab.Notification) { io.WriteString(stdout, formatNotification(p, time.Now())) })
	if err != nil {
		return nil, err
	}
	m.servers, err = lab.StartMonitoring(ctx, lab.MonitoringOptions{
		Log: stderr, Exporters: []string{exporter}, Interval: 5 * time.Second,
		Rules: rules, Alertmanager: route, WebhookURL: m.webhook.URL,
	})
	if err != nil {
		return nil, errors.Join(err, m.webhook.Close())
	}
	return &m, nil
}

// speedUpFile reads a file of deploy/prometheus and divides its durations.
func speedUpFile(name string) ([]byte, error) {
	root, err := lab.Root()
	if err != nil {
		return nil, err
	}
	text, err := os.ReadFile(filepath.Join(root, "deploy", "prometheus", name))
	if err != nil {
		return nil, err
	}
	return lab.SpeedUp(text, speedUpFactor)
}

func (m *monitoringServers) close() error { return errors.Join(m.servers.Close(), m.webhook.Close()) }

// String says where Prometheus and Alertmanager are.
func (m *monitoringServers) String() string {
	return fmt.Sprintf("  alerts    %s/api/v1/alerts (Prometheus)\n            %s/api/v2/alerts (Alertmanager); each notification also appears below\n\n",
		m.servers.PrometheusURL, m.servers.AlertmanagerURL)
}

// formatNotification prints a notification as a pager would show it.
func formatNotification(p lab.Notification, at time.Time) string {
	var text strings.Builder
	for _, alert := range p.Alerts {
		word := "page"
		if alert.Status == "resolved" {
			word = "resolved"
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
