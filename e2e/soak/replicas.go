package soak

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/lab"
)

// takeover is how long a standby may need to lead: the Lease of a leader that died expires after 15 s.
const takeover = 20*time.Second + slack

// startReplicas starts two exporters of which one leads, in pods of the lab's cluster.
func (s *stage) startReplicas(ctx context.Context) error {
	pod, err := s.lab.Pod(ctx)
	if err != nil {
		return err
	}
	binary, err := buildForPod(ctx, s.lab, pod)
	if err != nil {
		return err
	}
	for i := range 2 {
		e, err := newExporter(fmt.Sprintf("replica-%d", i), binary, slices.Concat(environment(s.lab, "EXPORTER_LEADER_ELECTION=true"), pod.Env))
		if err != nil {
			return err
		}
		s.replicas = append(s.replicas, newWatcher(e, &s.timeline))
		if err := e.start(); err != nil {
			return err
		}
	}
	return nil
}

// buildForPod compiles an exporter that looks for a pod's files where the lab writes them.
func buildForPod(ctx context.Context, l *lab.Lab, pod lab.Pod) (binary string, err error) {
	binary = filepath.Join(l.Dir(), "exporter")
	const variable = "github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/internal/config.podFiles="
	build := exec.CommandContext(ctx, "go", "build", "-trimpath", "-buildvcs=false", "-o", binary, "-ldflags", "-X "+variable+pod.Files, "../../cmd/exporter")
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("compiling the exporter: %w\n%s", err, out)
	}
	return binary, nil
}

// leads reports whether the metrics of the process that runs now say that it leads.
func (w *watcher) leads() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	recent := time.Since(w.latest.at) < 2*time.Second && w.exporter.hasRun() > time.Since(w.latest.at)
	return recent && w.latest.sum("vault_k8s_auth_exporter_leader") == 1
}

// leader returns the replica that leads and the other one. It fails unless exactly one does.
func (s *stage) leader() (leader, standby *watcher, err error) {
	first, second := s.replicas[0], s.replicas[1]
	switch a, b := first.leads(), second.leads(); {
	case a && !b:
		return first, second, nil
	case b && !a:
		return second, first, nil
	case a && b:
		return nil, nil, errors.New("both replicas lead")
	}
	return nil, nil, errors.New("no replica leads")
}

// untilLed waits until exactly one replica leads. While the API server does not respond there may be none.
func (s *stage) untilLed(ctx context.Context) (leader, standby *watcher, err error) {
	for end := time.Now().Add(takeover); ; pause(ctx, 200*time.Millisecond) {
		if leader, standby, err = s.leader(); err == nil || ctx.Err() != nil || time.Now().After(end) {
			return leader, standby, err
		}
	}
}

// lacksLease reports whether a fault may keep replicas from reading or writing the Lease.
func (s *stage) lacksLease() bool {
	return slices.ContainsFunc(s.holding, func(holds *span) bool {
		return partOf(*holds.fault) == kubernetesPart || holds.what == "kubernetes_unreachable_from_exporter"
	})
}

// changeLeader takes the leader away and requires the standby to take over, unless the API server does not let it.
func (s *stage) changeLeader(ctx context.Context, how string) error {
	if s.lacksLease() || len(s.replicas) == 0 {
		return nil
	}
	leader, standby, err := s.untilLed(ctx)
	if err != nil {
		return err
	}
	if how == "frozen" {
		return s.freezeLeader(ctx, leader.exporter, standby)
	}
	signal := syscall.SIGKILL
	if how == "terminated" {
		signal = syscall.SIGTERM
	}
	s.tokens.loseUpTo(1)
	code, err := leader.exporter.end(signal)
	if err != nil {
		return err
	}
	if signal == syscall.SIGTERM && code != 0 {
		return fmt.Errorf("the leader that was terminated exited with %d", code)
	}
	err = s.untilLeads(ctx, standby)
	return errors.Join(err, leader.exporter.start())
}

// freezeLeader requires a leader that wakes up after its Lease has passed to another to exit with 3.
func (s *stage) freezeLeader(ctx context.Context, leader *exporter, standby *watcher) error {
	s.tokens.loseUpTo(1)
	leader.signal(syscall.SIGSTOP, false)
	if err := s.untilLeads(ctx, standby); err != nil {
		leader.signal(syscall.SIGCONT, true)
		return err
	}
	code, err := leader.end(syscall.SIGCONT)
	if err == nil && code != lostLease {
		err = fmt.Errorf("the leader that was frozen exited with %d, want %d", code, lostLease)
	}
	return errors.Join(err, leader.start())
}

func (s *stage) untilLeads(ctx context.Context, standby *watcher) error {
	for end := time.Now().Add(takeover); !standby.leads(); pause(ctx, 200*time.Millisecond) {
		if time.Now().After(end) || ctx.Err() != nil {
			return fmt.Errorf("the standby does not lead %s after the leader was taken away", takeover)
		}
	}
	return nil
}
