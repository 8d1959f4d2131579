package soak

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/lab"
)

// A schedule draws steps from a seed. It remembers what holds, because not everything can happen at any time.
type schedule struct {
	random  *rand.Rand
	pool    map[part][]lab.Fault
	holding []lab.Fault // oldest first, at most two
	added   bool        // whether the targets file has a target more
}

func newSchedule(seed uint64) *schedule {
	return &schedule{random: rand.New(rand.NewPCG(seed, 0)), pool: pool()}
}

var settled = wait{settled: true}

// A choice is a kind of step, and how often it is drawn in proportion to the others that are possible.
type choice struct {
	weight   int
	possible func(*schedule) bool
	draw     func(*schedule) step
}

var choices = []choice{
	{12, func(s *schedule) bool { return len(s.holding) == 0 }, (*schedule).inject},
	{6, func(s *schedule) bool { return len(s.holding) == 1 && len(s.candidates()) > 0 }, (*schedule).inject},
	{8, func(s *schedule) bool { return len(s.holding) > 0 }, (*schedule).healAll},
	{4, func(s *schedule) bool { return len(s.holding) > 1 }, (*schedule).healLatest},
	{2, func(s *schedule) bool { return len(s.holding) == 0 }, (*schedule).flap},
	{1, (*schedule).canRestart, (*schedule).restart},
	{2, (*schedule).canRotate, (*schedule).rotate},
	{1, func(s *schedule) bool { return len(s.holding) == 0 }, (*schedule).truncate},
	{2, always, func(s *schedule) step { return step{kill, "exporter", s.pause()} }},
	{2, always, func(s *schedule) step {
		return step{freeze, s.between(2*time.Second, 12*time.Second).String(), s.pause()}
	}},
	{1, always, func(s *schedule) step { return step{changeLead, oneOf(s, "killed", "terminated", "frozen"), s.pause()} }},
	{1, always, (*schedule).rewrite},
}

func always(*schedule) bool { return true }

// next draws a step.
func (s *schedule) next() step {
	var possible []choice
	for _, c := range choices {
		if c.possible(s) {
			possible = append(possible, slices.Repeat([]choice{c}, c.weight)...)
		}
	}
	return possible[s.random.IntN(len(possible))].draw(s)
}

// candidates are the faults that can join those that hold, by part.
func (s *schedule) candidates() map[part][]lab.Fault {
	found := map[part][]lab.Fault{}
	for p, faults := range s.pool {
		for _, f := range faults {
			if !slices.ContainsFunc(s.holding, func(other lab.Fault) bool { return !joins(f, other) }) {
				found[p] = append(found[p], f)
			}
		}
	}
	return found
}

// fault draws a part and then one of its faults, so that a part with many faults is not drawn more often.
func (s *schedule) fault() lab.Fault {
	candidates := s.candidates()
	return oneOf(s, candidates[oneOf(s, slices.Sorted(maps.Keys(candidates))...)]...)
}

func (s *schedule) inject() step {
	f := s.fault()
	s.holding = append(s.holding, f)
	return step{injectFault, f.Name, s.pause()}
}

// healAll is often followed by the next fault at once, so that no run sees a healthy installation in between.
func (s *schedule) healAll() step {
	s.holding = nil
	if s.random.IntN(3) == 0 {
		return step{healFault, allFaults, wait{time: 100 * time.Millisecond}}
	}
	return step{healFault, allFaults, s.pause()}
}

// healLatest leaves the older fault. The lab heals in this order too: an older one can keep nothing from being healed.
func (s *schedule) healLatest() step {
	latest := s.holding[len(s.holding)-1]
	s.holding = s.holding[:len(s.holding)-1]
	return step{healFault, latest.Name, s.pause()}
}

// flap takes a fault that the lab injects within milliseconds.
func (s *schedule) flap() step {
	p := oneOf(s, certificatePart, kubernetesPart, rolePart, vaultPart)
	fast := slices.DeleteFunc(slices.Clone(s.pool[p]), func(f lab.Fault) bool { return needsLogin(f) || locksVault(f) })
	return step{flapFault, oneOf(s, fast...).Name, settled}
}

// canRestart reports whether no fault holds that a restart of Vault would undo.
func (s *schedule) canRestart() bool {
	return s.onlyHold(kubernetesPart, canaryPart, bindingsPart)
}

func (s *schedule) restart() step { return step{restart, oneOf(s, "vault", "kubernetes"), settled} }

// canRotate reports whether no fault holds that a rotation would undo.
func (s *schedule) canRotate() bool {
	return s.onlyHold(kubernetesPart, vaultPart, rolePart, bindingsPart) && !slices.ContainsFunc(s.holding, locksVault)
}

func (s *schedule) rotate() step { return step{rotate, oneOf(s, "tokens", "certificate"), s.pause()} }

func (s *schedule) onlyHold(parts ...part) bool {
	return !slices.ContainsFunc(s.holding, func(f lab.Fault) bool { return !slices.Contains(parts, partOf(f)) })
}

// truncate cuts some responses within the TLS handshake and others within the body.
func (s *schedule) truncate() step {
	return step{truncate, fmt.Sprint(1 + s.random.IntN(6000)), settled}
}

func (s *schedule) rewrite() step {
	if s.random.IntN(3) == 0 {
		return step{rewrite, "broken", s.pause()}
	}
	s.added = !s.added
	if s.added {
		return step{rewrite, "add", settled}
	}
	return step{rewrite, "remove", settled}
}

// pause mostly waits for an exact verdict, and is sometimes shorter than an interval.
func (s *schedule) pause() wait {
	if s.random.IntN(4) == 0 {
		return wait{time: s.between(100*time.Millisecond, 6*time.Second)}
	}
	return settled
}

func (s *schedule) between(least, most time.Duration) time.Duration {
	return (least + time.Duration(s.random.Int64N(int64(most-least)))).Round(100 * time.Millisecond)
}

func oneOf[T any](s *schedule, all ...T) T { return all[s.random.IntN(len(all))] }
