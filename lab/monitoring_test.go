package lab

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const alwaysFiring = `
groups:
  - name: test
    rules:
      - alert: Answering
        expr: up == 1
        labels: {severity: info}
        annotations: {summary: it answers}
`

const oneRoute = `
route: {receiver: pager, group_wait: 1s, group_interval: 1s, repeat_interval: 1h, group_by: [alertname]}
receivers: [{name: pager, email_configs: [{to: someone@example.com}]}]
`

// TestMonitoring has a real Prometheus evaluate a rule and a real Alertmanager send a notification.
func TestMonitoring(t *testing.T) {
	skipIfShort(t)
	exporter := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer exporter.Close()
	pages := make(chan Notification, 10)
	pager, err := StartWebhook(func(p Notification) { pages <- p })
	if err != nil {
		t.Fatal(err)
	}
	defer closeOrFail(t, pager.Close)
	address := strings.TrimPrefix(exporter.URL, "http://")
	m, err := StartMonitoring(t.Context(), MonitoringOptions{
		Exporters: []string{address}, Interval: time.Second,
		Rules: []byte(alwaysFiring), Alertmanager: []byte(oneRoute), WebhookURL: pager.URL,
	})
	if err != nil {
		t.Fatal(err)
	}
	defer closeOrFail(t, m.Close)

	select {
	case page := <-pages:
		want := []Alert{{
			Status: "firing",
			Labels: map[string]string{
				"alertname": "Answering", "instance": address, "job": "vault-k8s-auth-exporter", "namespace": "monitoring", "severity": "info",
			},
			Annotations: map[string]string{"summary": "it answers"},
			StartsAt:    page.Alerts[0].StartsAt,
		}}
		if diff := cmp.Diff(want, page.Alerts); diff != "" {
			t.Errorf("the notification (-want +got):\n%s", diff)
		}
	case <-time.After(time.Minute):
		t.Error("no notification within a minute")
	}
}

func TestMonitoringReportsWhyItDoesNotStart(t *testing.T) {
	skipIfShort(t)
	_, err := StartMonitoring(t.Context(), MonitoringOptions{Interval: time.Second, Rules: []byte("groups: none")})
	if err == nil || !strings.Contains(err.Error(), "rules.yaml") {
		t.Errorf("%v, want Prometheus' error about rules.yaml", err)
	}
}

func skipIfShort(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("compiles and starts the real servers")
	}
}

func closeOrFail(t *testing.T, end func() error) {
	t.Helper()
	if err := end(); err != nil {
		t.Error(err)
	}
}
