package soak

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/lab"
)

var (
	soakDuration = flag.Duration("soak.duration", 2*time.Minute, "how long TestSoak draws steps")
	soakSeed     = flag.Uint64("soak.seed", 47, "what the steps of TestSoak are drawn from")
	soakSteps    = flag.String("soak.steps", "", "the steps of TestSoak, in place of drawn ones")
)

// TestSoak lets things go wrong in an order drawn from a seed, and judges what the exporter says meanwhile.
func TestSoak(t *testing.T) {
	if testing.Short() {
		t.Skip("needs the real servers")
	}
	plan, err := parse(*soakSteps)
	if err != nil {
		t.Fatal(err)
	}
	s := newSoak(t)
	if err = s.play(plan); err == nil {
		err = s.end()
	}
	if err != nil {
		for _, w := range s.watchers() {
			t.Logf("the log of %s ends with\n%s", w.exporter.name, tail(w.exporter.output.String(), 40))
		}
		t.Errorf("at %s: %v\n\n%s", clock(time.Now()), err, s.history.describe())
	}
	t.Log(s.figures())
}

// A soak is one play on a stage.
type soak struct {
	*stage
	t          *testing.T
	began      time.Time
	monitoring *lab.Monitoring
	stop       func() // the watchers
	history    history
	labsOwn    int // tokens in Vault
	largest    usage
}

func newSoak(t *testing.T) *soak {
	t.Helper()
	binary, err := lab.BuildExporter(t.Context(), os.Stderr)
	if err != nil {
		t.Fatal(err)
	}
	if binary, err = filepath.Abs(binary); err != nil {
		t.Fatal(err)
	}
	l, err := lab.Start(t.Context(), lab.Options{Log: os.Stderr})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	s := &soak{t: t, began: time.Now()}
	if s.labsOwn, err = l.Accessors(t.Context()); err != nil {
		t.Fatal(err)
	}
	if s.stage, err = setTheStage(t.Context(), binary, l); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.endExporters)
	if err := s.startReplicas(t.Context()); err != nil {
		t.Fatal(err)
	}
	if s.monitoring, err = startAlerts(t.Context(), s.main.exporter); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.monitoring.Close(); err != nil {
			t.Error(err)
		}
	})
	s.watch()
	return s
}

// watch starts the watchers, which stop before the exporters do.
func (s *soak) watch() {
	ctx, cancel := context.WithCancel(s.t.Context())
	var watching sync.WaitGroup
	for _, w := range s.watchers() {
		watching.Go(func() { w.watch(ctx) })
	}
	s.stop = sync.OnceFunc(func() {
		cancel()
		watching.Wait()
	})
	s.t.Cleanup(s.stop)
}

func (s *soak) watchers() []*watcher { return append([]*watcher{s.main}, s.replicas...) }

func (s *soak) endExporters() {
	for _, w := range s.watchers() {
		if _, err := w.exporter.end(syscall.SIGKILL); err != nil {
			s.t.Error(err)
		}
	}
}

// play carries out the steps, or draws them until the time is over. It stops at the first failure.
func (s *soak) play(plan []step) error {
	s.history.seed = *soakSeed
	if err := s.do(step{healFault, allFaults, settled}); err != nil { // a healthy beginning
		return err
	}
	for _, st := range plan {
		if err := s.do(st); err != nil {
			return err
		}
	}
	drawn := newSchedule(*soakSeed)
	for plan == nil && time.Since(s.began) < *soakDuration {
		if err := s.do(drawn.next()); err != nil {
			return err
		}
	}
	return nil
}

// do carries out a step, waits, and judges what must hold then.
func (s *soak) do(st step) error {
	ctx := s.t.Context()
	s.t.Logf("%s %s", clock(time.Now()), st)
	s.history.begin(st, slices.Contains(s.targets, addedTarget))
	if err := s.perform(ctx, st); err != nil {
		return fmt.Errorf("the step %q: %w", st, err)
	}
	if err := s.await(ctx, time.Now(), st.wait); err != nil {
		return err
	}
	if !st.settled || len(s.holding) > 0 {
		return nil
	}
	err := errors.Join(s.judgeGrowth(), s.judgeTokens())
	if err == nil {
		s.history.markQuiet()
	}
	return err
}

// judgeGrowth waits for what runs in progress take, and what waits for late logins.
func (s *soak) judgeGrowth() error {
	for end := time.Now().Add(lateLogin + slack); ; pause(s.t.Context(), 200*time.Millisecond) {
		now, err := s.main.judgeQuiet()
		if err == nil || time.Now().After(end) {
			s.largest = usage{goroutines: max(s.largest.goroutines, now.goroutines), files: max(s.largest.files, now.files), MB: max(s.largest.MB, now.MB)}
			return err
		}
	}
}

// end heals everything and judges the whole.
func (s *soak) end() error {
	if err := s.err(); err != nil {
		return err
	}
	if err := s.do(step{healFault, allFaults, settled}); err != nil {
		return err
	}
	if _, _, err := s.untilLed(s.t.Context()); err != nil {
		return err
	}
	s.stop()
	return errors.Join(s.judgeAlerts(), s.judgeSecrets())
}

// judgeTokens requires that no more tokens are left in Vault than may be. It waits for those of runs in progress, and
// for those of late logins.
func (s *soak) judgeTokens() error {
	for end := time.Now().Add(lateLogin + slack); ; pause(s.t.Context(), 200*time.Millisecond) {
		accessors, err := s.lab.Accessors(s.t.Context())
		if err != nil {
			return err
		}
		left, may := accessors-s.labsOwn, s.tokens.allowed(time.Now(), s.countedTokens())
		switch {
		case left <= may:
			return nil
		case time.Now().After(end):
			return fmt.Errorf("%d tokens are left in Vault, of which the exporters have counted %d or were killed before they could", left, may)
		}
	}
}

// lateLogin is how long the exporter waits for a login without a response, to revoke its token.
const lateLogin = 20 * time.Second

// countedTokens is how many tokens all exporters, also those that have ended, say that they could not revoke.
func (s *soak) countedTokens() (counted float64) {
	for _, w := range s.watchers() {
		w.mu.Lock()
		counted += w.ended + tokensLeft(w.latest)
		w.mu.Unlock()
	}
	return counted
}

// judgeAlerts requires at most one page of each outage, and one of each that was long enough.
func (s *soak) judgeAlerts() error {
	pages, err := pagesOf(s.t.Context(), s.monitoring.PrometheusURL, s.began)
	if err != nil {
		return err
	}
	spans := s.timeline.copied()
	all, seen := outages(spans, keptFiring, time.Now()), undisturbed(spans)
	var errs []error
	for _, target := range []string{bareTarget, fullTarget} {
		s.t.Logf("%s: %d pages in %d outages: %s", target, len(pages[target]), len(all), pages[target])
		errs = append(errs, judgePages(target, all, seen, pages[target], pageDelay), judgePaged(target, seen, pages[target], mustPage))
	}
	return errors.Join(errs...)
}

// tokenLike matches anything that looks like a JWT or a Vault token.
var tokenLike = regexp.MustCompile(`eyJ[A-Za-z0-9_-]{20,}|\b(hv[sbr]|[sb])\.[A-Za-z0-9_-]{20,}`)

func (s *soak) judgeSecrets() error {
	for _, w := range s.watchers() {
		if found := tokenLike.FindString(w.exporter.output.String()); found != "" {
			return fmt.Errorf("the exporter %s printed a token: %.8s…", w.exporter.name, found)
		}
	}
	return nil
}

func tail(text string, lines int) string {
	all := strings.Split(strings.TrimSpace(text), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}

// figures says what the soak has seen.
func (s *soak) figures() string {
	s.main.mu.Lock()
	defer s.main.mu.Unlock()
	runs, met := 0, map[string]bool{}
	for _, target := range s.main.runs {
		runs += len(target)
	}
	for _, one := range s.timeline.copied() {
		met[one.what] = true
	}
	return fmt.Sprintf("seed %d: %d steps in %s, %d faults and disturbances; %d runs and %d scrapes judged; at most %s when all was well\n%s",
		s.history.seed, len(s.history.steps), time.Since(s.began).Round(time.Second), len(met), runs, s.main.scrapes, s.largest,
		strings.Join(slices.Sorted(maps.Keys(met)), " "))
}
