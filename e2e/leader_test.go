package e2e

import (
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/lab"
)

// replicas are exporters in pods of one cluster, of which one probes.
type replicas struct {
	t      *testing.T
	lab    *lab.Lab
	binary string
	env    []string
}

func newReplicas(t *testing.T, l *lab.Lab) replicas {
	t.Helper()
	binary, pod := inPod(t, l)
	return replicas{t, l, binary, append(environment(l.Env(), "EXPORTER_LEADER_ELECTION=true"), pod.Env...)}
}

// replica is one of them.
type replica struct {
	*process
	lab             *lab.Lab
	metrics, health string
}

func (r replicas) start() *replica {
	r.t.Helper()
	p := serveAs(r.t, r.binary, r.env)
	return &replica{p, r.lab, p.address(""), p.address("health")}
}

func (r *replica) leads() bool { return scrape(r.t, r.metrics).value("exporter_leader") == "1" }

// probes reports whether it shows what a run of its own found.
func (r *replica) probes() bool { return r.leads() && scrape(r.t, r.metrics).value("up") != "absent" }

func (r *replica) ready() bool { status, _ := get(r.health, "/readyz"); return status == 200 }

func (r *replica) await(what string, limit time.Duration, holds func() bool) time.Duration {
	r.t.Helper()
	return eventually(r.t, limit, what, holds, r.out.String)
}

// standsBy holds a standby to what it promises.
func (r *replica) standsBy() {
	r.t.Helper()
	r.await("a standby to be ready", 10*time.Second, r.ready)
	for name := range scrape(r.t, r.metrics) {
		own, ours := strings.CutPrefix(name, "vault_k8s_auth_")
		if ours && !strings.HasPrefix(own, "exporter_") {
			r.t.Errorf("a standby shows %s", name)
		}
	}
	if r.leads() {
		r.t.Error("a standby says that it leads")
	}
}

// TestLeadership hands the lead from one process to the next in every way there is. Its lab is its own, where no Lease was
// left behind.
func TestLeadership(t *testing.T) {
	group := newReplicas(t, start(t))
	first := group.start()
	first.await("a leader", 10*time.Second, first.probes)
	second := group.start()
	second.standsBy()

	if err := first.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	took := second.await("takeover after kill -9", 20*time.Second, second.probes)
	t.Logf("kill -9: the standby's first result came after %s", took.Round(100*time.Millisecond))

	third := group.start()
	third.standsBy()
	code, ending := second.terminate()
	took = ending + third.await("takeover after SIGTERM", 5*time.Second, third.probes)
	t.Logf("SIGTERM: the leader ended with %d after %s, the standby's first result came after %s",
		code, ending.Round(100*time.Millisecond), took.Round(100*time.Millisecond))
	if code != 0 || took > 5*time.Second {
		t.Errorf("exit code %d, takeover after %s", code, took)
	}

	third.reportsTheOutage()
	fourth := group.start()
	fourth.standsBy()
	third.losesTheLeaseAsleep(fourth)
}

// reportsTheOutage: the API server has the Lease too, and is gone for longer than the lease lasts.
func (r *replica) reportsTheOutage() {
	r.t.Helper()
	if err := r.lab.Inject(r.t.Context(), "kubernetes_unreachable"); err != nil {
		r.t.Fatal(err)
	}
	r.await("the outage to show", shown, func() bool {
		return strings.HasPrefix(scrape(r.t, r.metrics).label("verdict_info", "reason"), "kubernetes_")
	})
	r.await("failures to renew", 30*time.Second, func() bool {
		return len(scrape(r.t, r.metrics).value("exporter_lease_renew_failures_total")) > 1 // ten and more
	})
	if !r.probes() {
		r.t.Errorf("without the API server the leader no longer probes:\n%s", r.out)
	}
	if _, err := r.lab.Heal(r.t.Context()); err != nil {
		r.t.Fatal(err)
	}
	r.await("health", shown, func() bool { return scrape(r.t, r.metrics).verdict() == wellVerdict })
}

// losesTheLeaseAsleep: a process that was stopped wakes to find that another leads.
func (r *replica) losesTheLeaseAsleep(standby *replica) {
	r.t.Helper()
	if err := r.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		r.t.Fatal(err)
	}
	standby.await("takeover from a process that sleeps", 20*time.Second, standby.probes)
	if err := r.cmd.Process.Signal(syscall.SIGCONT); err != nil {
		r.t.Fatal(err)
	}
	woke := time.Now()
	select {
	case <-r.exited:
		r.t.Logf("the one that slept ended %s after it woke", time.Since(woke).Round(100*time.Millisecond))
	case <-time.After(15 * time.Second): // one lease duration
		r.t.Fatalf("the one that slept did not end:\n%s", r.out)
	}
	if code := r.cmd.ProcessState.ExitCode(); code != 3 {
		r.t.Errorf("exit code %d, want 3:\n%s", code, r.out)
	}
	if !standby.probes() {
		r.t.Error("the new leader no longer probes")
	}
}
