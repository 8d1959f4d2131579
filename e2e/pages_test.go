package e2e

import (
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/lab"
)

// speedUpFactor divides the exporter's intervals and the durations of the shipped rules and route.
// With 1 the test takes as long as in production.
var speedUpFactor = flag.Int("speedup", 8, "divides every duration between a fault and its page")

// An alertingFixture is a lab, its exporters, and a real Prometheus and Alertmanager with the rules
// and the route in deploy/prometheus.
type alertingFixture struct {
	t         *testing.T
	lab       *lab.Lab
	exporters []*process
	received  notificationLog
	// alertmanager is its URL.
	alertmanager string
}

// A notificationLog records what Alertmanager sent to its receivers.
type notificationLog struct {
	mu            sync.Mutex // guards notifications
	notifications []notification
}

type notification struct {
	lab.Notification
	receivedAt time.Time
}

func (l *notificationLog) add(page lab.Notification) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.notifications = append(l.notifications, notification{page, time.Now()})
}

// critical returns the notifications of this status with a critical alert: those that page
// somebody.
func (l *notificationLog) critical(status string) []notification {
	l.mu.Lock()
	defer l.mu.Unlock()
	var woken []notification
	for _, a := range l.notifications {
		if a.Status == status && slices.ContainsFunc(a.Alerts, func(a lab.Alert) bool { return a.Labels["severity"] == "critical" }) {
			woken = append(woken, a)
		}
	}
	return woken
}

// notCritical returns the names of the other alerts.
func (l *notificationLog) notCritical() (names []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, a := range l.notifications {
		for _, alert := range a.Alerts {
			if alert.Labels["severity"] != "critical" {
				names = append(names, alert.Labels["alertname"])
			}
		}
	}
	return names
}

func (l *notificationLog) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	var text strings.Builder
	for _, a := range l.notifications {
		fmt.Fprintf(&text, "%s %s %s %s\n", a.receivedAt.Format(time.TimeOnly), a.Receiver, a.Status, a.GroupKey)
		for _, alert := range a.Alerts {
			fmt.Fprintf(&text, "    %s %v\n", alert.Status, alert.Labels)
		}
	}
	return text.String()
}

// speedUpFile reads a file of deploy/prometheus and divides its durations by speedUpFactor.
func speedUpFile(t *testing.T, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("../deploy/prometheus", name))
	if err != nil {
		t.Fatal(err)
	}
	if text, err = lab.SpeedUp(text, *speedUpFactor); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return text
}

// speedUp divides a duration by speedUpFactor, but returns at least the given minimum, so that a
// probe has enough time.
func speedUp(d, minimum time.Duration) string {
	return max(d/time.Duration(*speedUpFactor), minimum).String()
}

// newAlertingFixture starts one exporter for each extra environment and the monitoring, and waits
// until every target is healthy.
func newAlertingFixture(t *testing.T, l *lab.Lab, extra ...[]string) *alertingFixture {
	t.Helper()
	f := &alertingFixture{t: t, lab: l}
	var addresses []string
	for _, env := range extra {
		exporter := serve(t, slices.Concat(environment(l.FullEnv()), []string{
			"EXPORTER_INTERVAL=" + speedUp(time.Minute, 8*time.Second),
			"EXPORTER_TIMEOUT=" + speedUp(8*time.Second, time.Second),
			"EXPORTER_RECHECK_INTERVAL=" + speedUp(10*time.Second, time.Second),
		}, env))
		f.exporters = append(f.exporters, exporter)
		addresses = append(addresses, exporter.address(""))
	}
	receiver, err := lab.StartWebhook(f.received.add)
	if err != nil {
		t.Fatal(err)
	}
	every, err := time.ParseDuration(speedUp(30*time.Second, time.Second))
	if err != nil {
		t.Fatal(err)
	}
	monitoring, err := lab.StartMonitoring(t.Context(), lab.MonitoringOptions{
		Exporters: addresses, Interval: every, WebhookURL: receiver.URL,
		Rules: speedUpFile(t, "rules.yaml"), Alertmanager: speedUpFile(t, "alertmanager.yaml"),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := monitoring.Close(); err != nil {
			t.Error(err)
		}
		if err := receiver.Close(); err != nil {
			t.Error(err)
		}
	})
	f.alertmanager = monitoring.AlertmanagerURL
	f.waitFor(2*time.Minute, "every target to be healthy", func() bool { return f.verdicts("none") })
	return f
}

func (f *alertingFixture) waitFor(limit time.Duration, what string, holds func() bool) time.Duration {
	f.t.Helper()
	return eventually(f.t, limit, what, holds, f.received.String)
}

// verdicts reports whether every target of every exporter has this reason.
func (f *alertingFixture) verdicts(reason string) bool {
	for _, exporter := range f.exporters {
		verdicts := scrape(f.t, exporter.address(""))["vault_k8s_auth_verdict_info"].GetMetric()
		if len(verdicts) == 0 {
			return false
		}
		for _, verdict := range verdicts {
			for _, label := range verdict.Label {
				if label.GetName() == "reason" && label.GetValue() != reason {
					return false
				}
			}
		}
	}
	return true
}

// wantPageFor injects a fault, requires exactly one page for it, with these targets, heals the
// fault, and waits until the page is resolved.
func (f *alertingFixture) wantPageFor(name string, targets ...string) {
	f.t.Helper()
	fault := f.inject(name)
	f.waitForPage(fault, targets)
	f.wantPageContent(fault, targets)
	f.heal(fault)
	f.wantOnePage(fault)
}

// wantPageThrough injects one fault after the other, and requires that the page for the first stays
// the only one, with the same labels, while its description follows the reason.
func (f *alertingFixture) wantPageThrough(first, second, target string) {
	t := f.t
	t.Helper()
	fault := f.inject(first)
	f.waitForPage(fault, []string{target})
	before := f.onlyAlert()
	other := f.inject(second)
	f.waitFor(time.Minute, "the description to name "+other.Full.Reason, func() bool {
		return strings.Contains(f.onlyAlert().Annotations["description"], "Reason "+other.Full.Reason+" ")
	})
	if after := f.onlyAlert(); !maps.Equal(after.Labels, before.Labels) {
		t.Errorf("the alert had the labels %v, and has %v", before.Labels, after.Labels)
	}
	f.heal(other)
	f.wantOnePage(fault)
}

// inject returns when the metrics show the fault.
func (f *alertingFixture) inject(name string) lab.Fault {
	f.t.Helper()
	fault := lab.Faults()[slices.IndexFunc(lab.Faults(), func(f lab.Fault) bool { return f.Name == name })]
	broken := time.Now()
	if err := f.lab.Inject(f.t.Context(), name); err != nil {
		f.t.Fatal(err)
	}
	f.waitFor(2*time.Minute, "the metrics to show the fault", func() bool { return f.verdicts(fault.Full.Reason) })
	f.t.Logf("%s: in the metrics after %s", name, time.Since(broken).Round(time.Second/10))
	return fault
}

// pageLimit is how long a page or its end may take.
const pageLimit = 8 * time.Minute

func (f *alertingFixture) waitForPage(fault lab.Fault, targets []string) {
	f.t.Helper()
	seen := time.Now()
	f.waitFor(pageLimit/time.Duration(*speedUpFactor), "the page", func() bool { return len(f.pagedTargets()) >= len(targets) })
	first := f.received.critical("firing")[0]
	f.t.Logf("%s: after that, the alert fired after %s, its notification arrived after %s, with durations divided by %d", fault.Name,
		first.Alerts[0].StartsAt.Sub(seen).Round(time.Second/10), first.receivedAt.Sub(seen).Round(time.Second/10), *speedUpFactor)
}

// heal returns when the page is resolved.
func (f *alertingFixture) heal(fault lab.Fault) {
	f.t.Helper()
	if _, err := f.lab.Heal(f.t.Context()); err != nil {
		f.t.Fatal(err)
	}
	healed := time.Now()
	// The page stays for four minutes, and Alertmanager reports the end of it at its next group interval.
	f.waitFor((pageLimit+6*time.Minute)/time.Duration(*speedUpFactor), "the page to be resolved", func() bool { return len(f.received.critical("resolved")) > 0 })
	f.t.Logf("%s: resolved %s after it was healed", fault.Name, time.Since(healed).Round(time.Second/10))
}

// An activeAlert is an alert in Alertmanager's API.
type activeAlert struct{ Labels, Annotations map[string]string }

// onlyAlert is the one critical alert that Alertmanager has now.
func (f *alertingFixture) onlyAlert() activeAlert {
	f.t.Helper()
	response, err := http.Get(f.alertmanager + `/api/v2/alerts?filter=severity%3D%22critical%22`)
	if err != nil {
		f.t.Fatal(err)
	}
	defer response.Body.Close()
	var alerts []activeAlert
	if err := json.NewDecoder(response.Body).Decode(&alerts); err != nil || len(alerts) != 1 {
		f.t.Fatalf("Alertmanager has the critical alerts %v (%v), want one", alerts, err)
	}
	return alerts[0]
}

// pagedTargets are the targets of all critical alerts.
func (f *alertingFixture) pagedTargets() []string {
	targets := map[string]bool{}
	for _, page := range f.received.critical("firing") {
		for _, alert := range page.Alerts {
			targets[alert.Labels["target"]] = true
		}
	}
	return slices.Sorted(maps.Keys(targets))
}

// wantPageContent requires the labels, the description and the runbook that a page must have.
func (f *alertingFixture) wantPageContent(fault lab.Fault, targets []string) {
	f.t.Helper()
	if got := f.pagedTargets(); !slices.Equal(got, slices.Sorted(slices.Values(targets))) {
		f.t.Errorf("the page has the targets %v, want %v", got, targets)
	}
	for _, page := range f.received.critical("firing") {
		for _, alert := range page.Alerts {
			if alert.Labels["component"] == "" || alert.Labels["reason"] != "" {
				f.t.Errorf("the alert has the labels %v, want a component and no reason", alert.Labels)
			}
			description := alert.Annotations["description"]
			for _, part := range []string{alert.Labels["target"], fault.Full.Reason, alert.Labels["component"], "kubectl -n monitoring exec ", " -- /exporter check --target " + alert.Labels["target"], "reasons.md#" + fault.Full.Reason} {
				if !strings.Contains(description, part) {
					f.t.Errorf("the description does not say %q:\n%s", part, description)
				}
			}
			wantRunbook(f.t, alert.Annotations["runbook_url"])
		}
	}
}

// wantRunbook requires that a link points to a runbook of this repository.
func wantRunbook(t *testing.T, link string) {
	t.Helper()
	u, err := url.Parse(link)
	if err != nil {
		t.Fatal(err)
	}
	_, file, _ := strings.Cut(u.Path, "/docs/runbooks/")
	if text, err := os.ReadFile(filepath.Join("../docs/runbooks", file)); err != nil || !strings.Contains(string(text), "## Mitigation") {
		t.Errorf("%s is not a runbook: %v", link, err)
	}
}

// wantOnePage requires one group of critical alerts, with one alert per target however often it was
// updated, and no other alert.
func (f *alertingFixture) wantOnePage(fault lab.Fault) {
	f.t.Helper()
	keys := map[string]bool{}
	for _, page := range f.received.critical("firing") {
		keys[page.GroupKey] = true
		targets := map[string]bool{}
		for _, alert := range page.Alerts {
			targets[alert.Labels["target"]] = true
		}
		if len(page.Alerts) != len(targets) || page.Receiver != "pager" {
			f.t.Errorf("%s received %d alerts for %d targets", page.Receiver, len(page.Alerts), len(targets))
		}
	}
	if len(keys) != 1 {
		f.t.Errorf("%s led to %d pages:\n%s", fault.Name, len(keys), &f.received)
	}
	if others := f.received.notCritical(); len(others) > 0 {
		f.t.Errorf("%s also led to %v:\n%s", fault.Name, others, &f.received)
	}
}

// wantSecurityAlert injects a fault that lets nobody down but lets somebody in, and requires one
// critical alert, which goes to those who handle security incidents and wakes no pager.
func (f *alertingFixture) wantSecurityAlert(name, target string) {
	f.t.Helper()
	f.inject(name)
	f.waitFor(pageLimit/time.Duration(*speedUpFactor), "the alert", func() bool { return len(f.received.critical("firing")) > 0 })
	alert := f.onlyAlert()
	if alert.Labels["alertname"] != "VaultK8sAuthForgedTokenAccepted" || alert.Labels["category"] != "security" || alert.Labels["target"] != target {
		f.t.Errorf("the alert has the labels %v", alert.Labels)
	}
	wantRunbook(f.t, alert.Annotations["runbook_url"])
	for _, notification := range f.received.critical("firing") {
		if notification.Receiver != "security" {
			f.t.Errorf("%s received the alert too:\n%s", notification.Receiver, &f.received)
		}
	}
	if !f.verdicts("none") {
		f.t.Error("the verdict is not healthy, although pods can log in")
	}
}

// TestPages follows a fault from the servers to the notification of Alertmanager.
func TestPages(t *testing.T) {
	t.Parallel()
	t.Run("one exporter", func(t *testing.T) {
		t.Parallel()
		newAlertingFixture(t, startLab(t), nil).wantPageFor("reviewer_forbidden", "default")
	})
	t.Run("a reason that changes", func(t *testing.T) {
		t.Parallel()
		newAlertingFixture(t, startLab(t), nil).wantPageThrough("reviewer_expired", "vault_sealed", "default")
	})
	t.Run("two exporters of one target", func(t *testing.T) {
		t.Parallel()
		newAlertingFixture(t, startLab(t), nil, nil).wantPageFor("reviewer_expired", "default")
	})
	t.Run("a login that must be refused", func(t *testing.T) {
		t.Parallel()
		negative := []string{"EXPORTER_NEGATIVE_CANARY=true", "EXPORTER_NEGATIVE_CANARY_INTERVAL=" + speedUp(time.Minute, 8*time.Second)}
		newAlertingFixture(t, startLab(t), negative).wantSecurityAlert("mount_accepts_invalid_token", "default")
	})
	t.Run("twenty targets behind one Vault", func(t *testing.T) {
		t.Parallel()
		var file strings.Builder
		var names []string
		for i := range 20 {
			names = append(names, fmt.Sprintf("team-%02d", i))
			fmt.Fprintf(&file, "- name: %s\n", names[i])
		}
		path := filepath.Join(t.TempDir(), "targets.yaml")
		if err := os.WriteFile(path, []byte(file.String()), 0o600); err != nil {
			t.Fatal(err)
		}
		newAlertingFixture(t, startLab(t), []string{"EXPORTER_TARGETS_FILE=" + path}).wantPageFor("vault_sealed", names...)
	})
}
