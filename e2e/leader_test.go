package e2e

import (
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/lab"
)

// replicas are exporters with leader election in pods of one cluster.
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

// A replica is one process of them.
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

func (r *replica) isLeader() bool { return scrape(r.t, r.metrics).value("exporter_leader") == "1" }

// isProbing reports whether it leads and shows a result of its own.
func (r *replica) isProbing() bool {
	return r.isLeader() && scrape(r.t, r.metrics).value("up") != "absent"
}

func (r *replica) isReady() bool { status, _ := get(r.health, "/readyz"); return status == 200 }

func (r *replica) waitFor(what string, limit time.Duration, holds func() bool) time.Duration {
	r.t.Helper()
	return eventually(r.t, limit, what, holds, r.out.String)
}

// wantStandby requires a standby to be ready, and to have no metrics of targets.
func (r *replica) wantStandby() {
	r.t.Helper()
	r.waitFor("a standby to be ready", 10*time.Second, r.isReady)
	for name := range scrape(r.t, r.metrics) {
		own, ours := strings.CutPrefix(name, "vault_k8s_auth_")
		if ours && !strings.HasPrefix(own, "exporter_") {
			r.t.Errorf("a standby has the metric %s", name)
		}
	}
	if r.isLeader() {
		r.t.Error("a standby reports itself as the leader")
	}
}

// TestLeaderElection covers takeover after kill -9 and after SIGTERM, an outage of the API server,
// and a suspended leader. It has a lab of its own, so that no Lease exists at the start.
func TestLeaderElection(t *testing.T) {
	t.Parallel()
	group := newReplicas(t, startLab(t))
	first := group.start()
	first.waitFor("a leader", 10*time.Second, first.isProbing)
	second := group.start()
	second.wantStandby()

	if err := first.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	elapsed := second.waitFor("takeover after kill -9", 20*time.Second, second.isProbing)
	t.Logf("kill -9: the standby's first result came after %s", elapsed.Round(100*time.Millisecond))

	third := group.start()
	third.wantStandby()
	code, ending := second.terminate()
	elapsed = ending + third.waitFor("takeover after SIGTERM", 5*time.Second, third.isProbing)
	t.Logf("SIGTERM: the leader exited with %d after %s, the standby's first result came after %s",
		code, ending.Round(100*time.Millisecond), elapsed.Round(100*time.Millisecond))
	if code != 0 || elapsed > 5*time.Second {
		t.Errorf("exit code %d, takeover after %s", code, elapsed)
	}

	third.wantOutageReported()
	fourth := group.start()
	fourth.wantStandby()
	third.wantExitAfterLosingTheLease(fourth)
}

// wantOutageReported makes the API server unavailable for longer than the lease duration, while
// leader election needs it too. The leader must keep probing and report the outage.
func (r *replica) wantOutageReported() {
	r.t.Helper()
	if err := r.lab.Inject(r.t.Context(), "kubernetes_unreachable"); err != nil {
		r.t.Fatal(err)
	}
	r.waitFor("the outage to show", detectionTimeout, func() bool {
		return strings.HasPrefix(scrape(r.t, r.metrics).label("verdict_info", "reason"), "kubernetes_")
	})
	r.waitFor("failures to renew", 30*time.Second, func() bool {
		return len(scrape(r.t, r.metrics).value("exporter_lease_renew_failures_total")) > 1 // two digits: at least ten failures
	})
	if !r.isProbing() {
		r.t.Errorf("the leader stopped probing during the outage:\n%s", r.out)
	}
	if _, err := r.lab.Heal(r.t.Context()); err != nil {
		r.t.Fatal(err)
	}
	r.waitFor("health", detectionTimeout, func() bool { return scrape(r.t, r.metrics).verdict() == healthyVerdict })
}

// wantExitAfterLosingTheLease suspends the leader until the standby leads. When it resumes it must
// exit with 3 within a lease duration.
func (r *replica) wantExitAfterLosingTheLease(standby *replica) {
	r.t.Helper()
	if err := r.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		r.t.Fatal(err)
	}
	standby.waitFor("takeover from a suspended leader", 20*time.Second, standby.isProbing)
	if err := r.cmd.Process.Signal(syscall.SIGCONT); err != nil {
		r.t.Fatal(err)
	}
	resumed := time.Now()
	select {
	case <-r.exited:
		r.t.Logf("the suspended leader exited %s after it resumed", time.Since(resumed).Round(100*time.Millisecond))
	case <-time.After(15 * time.Second): // one lease duration
		r.t.Fatalf("the suspended leader did not exit after it resumed:\n%s", r.out)
	}
	if code := r.cmd.ProcessState.ExitCode(); code != 3 {
		r.t.Errorf("exit code %d, want 3:\n%s", code, r.out)
	}
	if !standby.isProbing() {
		r.t.Error("the new leader stopped probing")
	}
}
