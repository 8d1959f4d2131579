package lab

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/prometheus/common/model"
	"go.yaml.in/yaml/v4"
	"golang.org/x/sync/errgroup"
)

// MonitoringOptions configure Prometheus and Alertmanager.
type MonitoringOptions struct {
	// Log receives progress messages for people. Nil discards them.
	Log io.Writer
	// Exporters are the addresses to scrape. They all belong to one job and one namespace.
	Exporters []string
	// Interval is the scrape interval and the evaluation interval.
	Interval time.Duration
	// Rules is the content of a rules file. Nil: no rules.
	Rules []byte
	// Alertmanager is its configuration. Every receiver in it is replaced by the webhook. Nil: no Alertmanager is
	// started.
	Alertmanager []byte
	// WebhookURL receives the notifications; see [StartWebhook].
	WebhookURL string
}

// Monitoring is a running Prometheus and, if configured, a running Alertmanager.
type Monitoring struct {
	// The URLs end without a slash. AlertmanagerURL is empty if there is none.
	PrometheusURL, AlertmanagerURL string

	dir       *RunDir
	processes []*process
}

// StartMonitoring returns when the servers are ready. The context bounds only the start.
func StartMonitoring(ctx context.Context, o MonitoringOptions) (_ *Monitoring, err error) {
	if o.Log == nil {
		o.Log = io.Discard
	}
	binaries, err := BuildMonitoring(ctx, o.Log)
	if err != nil {
		return nil, err
	}
	m := &Monitoring{}
	if m.dir, err = NewRunDir(); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, m.Close())
		}
	}()
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	alertmanager, err := m.startAlertmanager(ctx, binaries.Alertmanager, o)
	if err != nil {
		return nil, err
	}
	return m, m.startPrometheus(ctx, binaries.Prometheus, alertmanager, o)
}

// Close stops the servers and removes their files.
func (m *Monitoring) Close() error {
	var stopping errgroup.Group
	for _, p := range m.processes {
		stopping.Go(p.stop)
	}
	return errors.Join(stopping.Wait(), m.dir.Remove())
}

// startAlertmanager returns Alertmanager's address, or "" if none is configured.
func (m *Monitoring) startAlertmanager(ctx context.Context, binary string, o MonitoringOptions) (address string, err error) {
	if o.Alertmanager == nil {
		return "", nil
	}
	config, err := withWebhook(o.Alertmanager, o.WebhookURL)
	if err != nil {
		return "", fmt.Errorf("reading the configuration of Alertmanager: %w", err)
	}
	if err := m.write("alertmanager.yaml", config); err != nil {
		return "", err
	}
	if address, err = freeAddress(); err != nil {
		return "", err
	}
	m.AlertmanagerURL = "http://" + address
	return address, m.start(ctx, m.AlertmanagerURL, binary, "alertmanager",
		"--config.file=alertmanager.yaml", "--storage.path=alertmanager", "--web.listen-address="+address, "--cluster.listen-address=")
}

func (m *Monitoring) startPrometheus(ctx context.Context, binary, alertmanager string, o MonitoringOptions) error {
	config, err := prometheusConfig(alertmanager, o)
	if err != nil {
		return err
	}
	if err := errors.Join(m.write("prometheus.yaml", config), m.write("rules.yaml", o.Rules)); err != nil {
		return err
	}
	address, err := freeAddress()
	if err != nil {
		return err
	}
	m.PrometheusURL = "http://" + address
	return m.start(ctx, m.PrometheusURL, binary, "prometheus",
		"--config.file=prometheus.yaml", "--storage.tsdb.path=prometheus", "--web.listen-address="+address)
}

func (m *Monitoring) write(name string, data []byte) error {
	return os.WriteFile(filepath.Join(m.dir.path, name), data, 0o600)
}

func (m *Monitoring) start(ctx context.Context, url, binary, name string, args ...string) error {
	p, err := startProcess(m.dir.path, "/bin/sh", name, append([]string{"-c", endWithInput, "sh", binary}, args...)...)
	if err != nil {
		return err
	}
	m.processes = append(m.processes, p)
	return p.untilReady(ctx, func(ctx context.Context) error { return isReady(ctx, url) })
}

// isReady requests /-/ready, as the readiness probe of a pod does.
func isReady(ctx context.Context, url string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url+"/-/ready", nil)
	if err != nil {
		return err
	}
	request.Close = true
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	if response.StatusCode != http.StatusOK {
		err = fmt.Errorf("not ready: %s", response.Status)
	}
	return errors.Join(err, response.Body.Close())
}

func prometheusConfig(alertmanager string, o MonitoringOptions) ([]byte, error) {
	type group struct {
		Targets []string
		Labels  map[string]string `yaml:",omitempty"`
	}
	interval := model.Duration(o.Interval).String()
	config := map[string]any{
		"global":     map[string]string{"scrape_interval": interval, "scrape_timeout": interval, "evaluation_interval": interval},
		"rule_files": []string{"rules.yaml"},
		"scrape_configs": []any{map[string]any{
			"job_name":       "vault-k8s-auth-exporter",
			"static_configs": []group{{Targets: o.Exporters, Labels: map[string]string{"namespace": "monitoring"}}},
		}},
	}
	if alertmanager != "" {
		config["alerting"] = map[string]any{"alertmanagers": []any{
			map[string]any{"static_configs": []group{{Targets: []string{alertmanager}}}},
		}}
	}
	return yaml.Marshal(config)
}

// withWebhook replaces every receiver in a configuration of Alertmanager by one webhook.
func withWebhook(config []byte, webhook string) ([]byte, error) {
	var c map[string]any
	if err := yaml.Unmarshal(config, &c); err != nil {
		return nil, err
	}
	receivers, _ := c["receivers"].([]any)
	for i, r := range receivers {
		receiver, _ := r.(map[string]any)
		receivers[i] = map[string]any{"name": receiver["name"], "webhook_configs": []any{map[string]string{"url": webhook}}}
	}
	return yaml.Marshal(c)
}
