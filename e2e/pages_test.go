package e2e

import (
	"flag"
	"fmt"
	"maps"
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

// hurried is how many times faster than by default everything is that leads to a page. With 1 the test takes as long as
// it does on call.
var hurried = flag.Int("hurry", 8, "divides every interval between a fault and its page")

// pager is a lab, its exporters, and a real Prometheus and Alertmanager with the rules and the route that are shipped.
type pager struct {
	t         *testing.T
	lab       *lab.Lab
	exporters []*process
	arrived   pages
}

// pages are what the receiver of Alertmanager was sent.
type pages struct {
	mu  sync.Mutex // guards all
	all []arrival
}

type arrival struct {
	lab.Page
	at time.Time
}

func (p *pages) take(page lab.Page) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.all = append(p.all, arrival{page, time.Now()})
}

// critical are those that wake somebody, of a status.
func (p *pages) critical(status string) []arrival {
	p.mu.Lock()
	defer p.mu.Unlock()
	var woken []arrival
	for _, a := range p.all {
		if a.Status == status && slices.ContainsFunc(a.Alerts, func(a lab.Alert) bool { return a.Labels["severity"] == "critical" }) {
			woken = append(woken, a)
		}
	}
	return woken
}

// notCritical are the names of alerts that were told and wake nobody.
func (p *pages) notCritical() (names []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, a := range p.all {
		for _, alert := range a.Alerts {
			if alert.Labels["severity"] != "critical" {
				names = append(names, alert.Labels["alertname"])
			}
		}
	}
	return names
}

func (p *pages) String() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	var text strings.Builder
	for _, a := range p.all {
		fmt.Fprintf(&text, "%s %s %s %s\n", a.at.Format(time.TimeOnly), a.Receiver, a.Status, a.GroupKey)
		for _, alert := range a.Alerts {
			fmt.Fprintf(&text, "    %s %v\n", alert.Status, alert.Labels)
		}
	}
	return text.String()
}

// shippedInAHurry is a file of deploy/prometheus.
func shippedInAHurry(t *testing.T, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("../deploy/prometheus", name))
	if err != nil {
		t.Fatal(err)
	}
	if text, err = lab.Hurry(text, *hurried); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return text
}

// sooner is a duration in the same hurry, but leaves a probe its time.
func sooner(d, least time.Duration) string { return max(d/time.Duration(*hurried), least).String() }

// newPager starts all of it, with one exporter for each extra environment, and waits until it is well.
func newPager(t *testing.T, l *lab.Lab, extra ...[]string) *pager {
	t.Helper()
	p := &pager{t: t, lab: l}
	var addresses []string
	for _, env := range extra {
		exporter := serve(t, slices.Concat(environment(l.FullEnv()), []string{
			"EXPORTER_INTERVAL=" + sooner(time.Minute, 8*time.Second),
			"EXPORTER_TIMEOUT=" + sooner(8*time.Second, time.Second),
			"EXPORTER_RECHECK_INTERVAL=" + sooner(10*time.Second, time.Second),
		}, env))
		p.exporters = append(p.exporters, exporter)
		addresses = append(addresses, exporter.address(""))
	}
	receiver, err := lab.Receive(p.arrived.take)
	if err != nil {
		t.Fatal(err)
	}
	every, err := time.ParseDuration(sooner(30*time.Second, time.Second))
	if err != nil {
		t.Fatal(err)
	}
	monitoring, err := lab.StartMonitoring(t.Context(), lab.MonitoringOptions{
		Exporters: addresses, Every: every, Receiver: receiver.URL,
		Rules: shippedInAHurry(t, "rules.yaml"), Alertmanager: shippedInAHurry(t, "alertmanager.yaml"),
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
	p.waitFor(2*time.Minute, "every target to be well", func() bool { return p.verdicts("none") })
	// Rules look back over minutes that must have been seen.
	time.Sleep(2 * time.Minute / time.Duration(*hurried))
	return p
}

func (p *pager) waitFor(limit time.Duration, what string, holds func() bool) time.Duration {
	p.t.Helper()
	return eventually(p.t, limit, what, holds, p.arrived.String)
}

// verdicts reports whether every target of every exporter has this reason.
func (p *pager) verdicts(reason string) bool {
	for _, exporter := range p.exporters {
		verdicts := scrape(p.t, exporter.address(""))["vault_k8s_auth_verdict_info"].GetMetric()
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

// breaks injects a fault, follows it to the one page that it may lead to, heals it, and waits for the page's end.
func (p *pager) breaks(name string, targets ...string) {
	t := p.t
	t.Helper()
	i := slices.IndexFunc(lab.Faults(), func(f lab.Fault) bool { return f.Name == name })
	fault := lab.Faults()[i]
	broken := time.Now()
	if err := p.lab.Inject(t.Context(), name); err != nil {
		t.Fatal(err)
	}
	seen := p.waitFor(2*time.Minute, "the metrics to say so", func() bool { return p.verdicts(fault.Full.Reason) })
	limit := 8 * time.Minute / time.Duration(*hurried)
	p.waitFor(limit, "the page", func() bool { return len(p.paged()) >= len(targets) })
	first := p.arrived.critical("firing")[0]
	fired := first.Alerts[0].StartsAt.Sub(broken)
	t.Logf("%s: in the metrics after %s, the alert fired after %s, its page arrived after %s, hurried %d times",
		name, seen.Round(time.Second/10), fired.Round(time.Second/10), first.at.Sub(broken).Round(time.Second/10), *hurried)
	p.holdsTo(fault, targets)

	if _, err := p.lab.Heal(t.Context()); err != nil {
		t.Fatal(err)
	}
	healed := time.Now()
	p.waitFor(limit, "the end of the page", func() bool { return len(p.arrived.critical("resolved")) > 0 })
	t.Logf("%s: healed, its end arrived after %s", name, time.Since(healed).Round(time.Second/10))
	p.wantOne(fault)
}

// paged are the targets that somebody was woken for.
func (p *pager) paged() []string {
	targets := map[string]bool{}
	for _, page := range p.arrived.critical("firing") {
		for _, alert := range page.Alerts {
			targets[alert.Labels["target"]] = true
		}
	}
	return slices.Sorted(maps.Keys(targets))
}

// holdsTo holds the page to what it must say of a fault.
func (p *pager) holdsTo(fault lab.Fault, targets []string) {
	p.t.Helper()
	if got := p.paged(); !slices.Equal(got, slices.Sorted(slices.Values(targets))) {
		p.t.Errorf("the page is of %v, want %v", got, targets)
	}
	for _, page := range p.arrived.critical("firing") {
		for _, alert := range page.Alerts {
			if alert.Labels["reason"] != fault.Full.Reason || alert.Labels["component"] == "" {
				p.t.Errorf("the page has labels %v, want the reason %s", alert.Labels, fault.Full.Reason)
			}
			description := alert.Annotations["description"]
			for _, part := range []string{alert.Labels["target"], fault.Full.Reason, alert.Labels["component"], "exporter check --target", "reasons.md#" + fault.Full.Reason} {
				if !strings.Contains(description, part) {
					p.t.Errorf("the description does not say %q:\n%s", part, description)
				}
			}
			wantRunbook(p.t, alert.Annotations["runbook_url"])
		}
	}
}

// wantRunbook follows a link to the file that it is of.
func wantRunbook(t *testing.T, link string) {
	t.Helper()
	u, err := url.Parse(link)
	if err != nil {
		t.Fatal(err)
	}
	_, file, _ := strings.Cut(u.Path, "/docs/runbooks/")
	if text, err := os.ReadFile(filepath.Join("../docs/runbooks", file)); err != nil || !strings.Contains(string(text), "## Mitigation") {
		t.Errorf("%s is no runbook: %v", link, err)
	}
}

// wantOne wants one cause to have been one page with one alert for each target, whatever it was brought up to date with, and
// nobody to have been told of anything else.
func (p *pager) wantOne(fault lab.Fault) {
	p.t.Helper()
	keys := map[string]bool{}
	for _, page := range p.arrived.critical("firing") {
		keys[page.GroupKey] = true
		targets := map[string]bool{}
		for _, alert := range page.Alerts {
			targets[alert.Labels["target"]] = true
		}
		if len(page.Alerts) != len(targets) || page.Receiver != "pager" {
			p.t.Errorf("%s was sent %d alerts of %d targets", page.Receiver, len(page.Alerts), len(targets))
		}
	}
	if len(keys) != 1 {
		p.t.Errorf("%s led to %d pages:\n%s", fault.Name, len(keys), &p.arrived)
	}
	if others := p.arrived.notCritical(); len(others) > 0 {
		p.t.Errorf("%s also led to %v:\n%s", fault.Name, others, &p.arrived)
	}
}

// TestPages follows a fault from the servers to the pager.
func TestPages(t *testing.T) {
	t.Run("one exporter", func(t *testing.T) {
		t.Parallel()
		newPager(t, start(t), nil).breaks("reviewer_forbidden", "default")
	})
	t.Run("two exporters of one target", func(t *testing.T) {
		t.Parallel()
		newPager(t, start(t), nil, nil).breaks("reviewer_expired", "default")
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
		newPager(t, start(t), []string{"EXPORTER_TARGETS_FILE=" + path}).breaks("vault_sealed", names...)
	})
}
