package soak

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/lab"
)

// A stage is a lab with the exporters that are watched.
type stage struct {
	lab      *lab.Lab
	timeline timeline
	main     *watcher
	replicas []*watcher // two, of which one leads
	targets  []string   // of main, as its targets file has them
	file     string     // the targets file
	holding  []*span    // the faults that are injected, oldest first
	tokens   tokenCount
}

// perform carries out a step. It returns when the step's change is in effect, or over.
func (s *stage) perform(ctx context.Context, st step) error {
	switch st.do {
	case injectFault:
		return s.inject(ctx, st.of)
	case healFault:
		return s.heal(ctx, st.of)
	case flapFault:
		return s.flap(ctx, st.of)
	case restart:
		return s.restart(ctx, st.of)
	case rotate:
		return s.rotate(ctx, st.of)
	case truncate:
		return s.truncate(ctx, st)
	case kill:
		return s.kill()
	case freeze:
		return s.freeze(st.of)
	case changeLead:
		return s.changeLeader(ctx, st.of)
	case rewrite:
		return s.rewriteTargets(st.of)
	}
	return fmt.Errorf("there is no action %q", st.do)
}

func (s *stage) inject(ctx context.Context, name string) error {
	fault, err := lab.FindFault(name)
	if err != nil {
		return err
	}
	holds := s.timeline.begin(name, &fault)
	s.holding = append(s.holding, holds)
	defer s.timeline.mark(&holds.since)
	return s.lab.Inject(ctx, name)
}

func (s *stage) heal(ctx context.Context, name string) error {
	var ending []*span
	for _, holds := range s.holding {
		if name == allFaults || name == holds.what {
			ending = append(ending, holds)
			s.timeline.mark(&holds.until)
		}
	}
	s.holding = slices.DeleteFunc(s.holding, func(holds *span) bool { return slices.Contains(ending, holds) })
	var err error
	if len(s.holding) == 0 {
		_, err = s.lab.Heal(ctx)
	} else {
		err = s.lab.HealFault(ctx, name)
	}
	for _, holds := range ending {
		s.timeline.mark(&holds.to)
	}
	return err
}

func (s *stage) flap(ctx context.Context, name string) error {
	for range 3 {
		if err := s.inject(ctx, name); err != nil {
			return err
		}
		pause(ctx, time.Second)
		if err := s.heal(ctx, name); err != nil {
			return err
		}
		pause(ctx, time.Second)
	}
	return nil
}

func (s *stage) restart(ctx context.Context, server string) error {
	outage := s.timeline.begin("the restart of "+server, nil)
	defer s.timeline.mark(&outage.to)
	if server == "vault" {
		return s.lab.RestartVault(ctx)
	}
	return s.lab.RestartKubernetes(ctx)
}

// rotate is not in the timeline: no run may fail for it.
func (s *stage) rotate(ctx context.Context, what string) error {
	if what == "tokens" {
		return s.lab.RotateTokens(ctx)
	}
	return s.lab.RotateCertificate(ctx)
}

// truncate ends after the step's wait, which is part of it.
func (s *stage) truncate(ctx context.Context, st step) error {
	bytes, err := strconv.ParseInt(st.of, 10, 64)
	if err != nil {
		return err
	}
	outage := s.timeline.begin("responses that end after "+st.of+" bytes", nil)
	defer s.timeline.mark(&outage.to)
	err = s.lab.TruncateResponses(ctx, bytes)
	if err == nil {
		err = s.await(ctx, time.Now(), st.wait)
	}
	return errors.Join(err, s.lab.TruncateResponses(ctx, 0))
}

func (s *stage) kill() error {
	s.tokens.loseUpTo(len(s.targets))
	if _, err := s.main.exporter.end(syscall.SIGKILL); err != nil {
		return err
	}
	return s.main.exporter.start()
}

// freeze is not in the timeline either: nobody is to blame for what a frozen exporter did not see.
func (s *stage) freeze(text string) error {
	d, err := time.ParseDuration(text)
	if err != nil {
		return err
	}
	s.main.exporter.signal(syscall.SIGSTOP, false)
	time.Sleep(d)
	s.main.exporter.signal(syscall.SIGCONT, true)
	return nil
}

// rewriteTargets changes the targets file. A broken one leaves the targets as they are.
func (s *stage) rewriteTargets(how string) error {
	switch how {
	case "add":
		s.targets = append(s.targets, addedTarget)
	case "remove":
		s.targets = slices.DeleteFunc(s.targets, func(t string) bool { return t == addedTarget })
	case "broken":
		if err := lab.ReplaceFile(s.file, []byte("- name: [\n")); err != nil {
			return err
		}
		time.Sleep(time.Second)
	}
	return s.writeTargets()
}

// writeTargets writes the targets file. All targets are of one Vault; their evidence differs.
func (s *stage) writeTargets() error {
	var text strings.Builder
	for _, name := range s.targets {
		fmt.Fprintf(&text, "- name: %s\n", name)
		if name != bareTarget {
			for _, variable := range s.lab.FullEnv()[len(s.lab.Env()):] {
				key, value, _ := strings.Cut(variable, "=")
				fmt.Fprintf(&text, "  %s: %s\n", strings.ToLower(strings.TrimPrefix(key, "EXPORTER_")), value)
			}
		}
	}
	return lab.ReplaceFile(s.file, []byte(text.String()))
}

// slack is what a busy machine may add to a deadline.
const slack = 4 * time.Second

// patience is how much longer than an interval an exporter may leave a Vault alone that asked for it.
func (s *stage) patience() time.Duration {
	for _, one := range s.timeline.copied() {
		asks := one.what == "vault_rate_limited" || one.what == "kubernetes_throttled"
		if asks && (one.to.IsZero() || time.Since(one.to) < 4*interval) {
			return 3 * interval
		}
	}
	return 0
}

// maxRuns is in how many runs a verdict must become exact: the first may find the fault, and the second name it.
const maxRuns = 2

// await waits until a step is over. It returns an error if a target completes no run in an interval and a run, or if its
// verdict is not exact after the second run.
func (s *stage) await(ctx context.Context, from time.Time, w wait) error {
	if !w.settled {
		pause(ctx, w.time)
		return s.err()
	}
	deadline := from.Add(maxRuns*(interval+longestRun) + s.patience() + slack)
	for ; ctx.Err() == nil; pause(ctx, 100*time.Millisecond) {
		if err := s.err(); err != nil {
			return err
		}
		waiting, err := s.unsettled(from)
		if err != nil || waiting == "" {
			return err
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("since %s the target %s has completed %d runs", clock(from), waiting, len(s.main.since(waiting, from)))
		}
	}
	return ctx.Err()
}

// unsettled returns a target whose verdict is not exact yet, and an error if it will not become so.
func (s *stage) unsettled(from time.Time) (target string, err error) {
	spans := s.timeline.copied()
	for _, target := range s.targets {
		runs := s.main.since(target, from)
		if len(runs) == 0 {
			return target, nil
		}
		switch err := judgeSettled(runs[len(runs)-1], spans); {
		case err != nil && withTurn(runs) >= maxRuns:
			return target, err
		case err != nil:
			return target, nil
		}
	}
	return "", nil
}

// withTurn counts the runs that may have had a turn at Vault to make follow-ups: at most one a second has, and after a
// freeze the overdue run and the next one follow each other at once.
func withTurn(runs []run) (n int) {
	var last time.Time
	for _, r := range runs {
		if r.started.Sub(last) >= time.Second {
			n, last = n+1, r.started
		}
	}
	return n
}

// err returns the first failure of a watcher.
func (s *stage) err() error {
	errs := []error{s.main.err()}
	for _, r := range s.replicas {
		errs = append(errs, r.err())
	}
	return errors.Join(errs...)
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}

// setTheStage starts the lab, and the exporters that are watched.
func setTheStage(ctx context.Context, binary string, l *lab.Lab) (*stage, error) {
	s := &stage{lab: l, targets: []string{bareTarget, fullTarget}, file: filepath.Join(l.Dir(), "targets.yaml")}
	if err := s.writeTargets(); err != nil {
		return nil, err
	}
	e, err := newExporter("main", binary, environment(l, "EXPORTER_TARGETS_FILE="+s.file))
	if err != nil {
		return nil, err
	}
	s.main = newWatcher(e, &s.timeline)
	return s, e.start()
}

func environment(l *lab.Lab, more ...string) []string {
	return slices.Concat([]string{"PATH=" + os.Getenv("PATH")}, l.Env(), []string{
		"EXPORTER_TIMEOUT=" + timeout.String(), "EXPORTER_INTERVAL=" + interval.String(), "EXPORTER_RECHECK_INTERVAL=" + recheck.String(),
	}, more)
}
