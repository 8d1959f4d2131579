package gather

import (
	"context"
	"maps"
	"sync"
	"time"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
)

// sharedFor is the age up to which an answer is shared with other runs.
const sharedFor = time.Second

// mountProbes lets the targets of one mount share the answers to the mount probe and the
// request for help, which do not depend on the target: one run makes them, the others use
// its answers for sharedFor.
type mountProbes struct {
	mu      sync.Mutex // guards answers
	answers map[string]*sharedAnswer
}

// sharedAnswer is the answer to a probe that is in progress or was made recently.
type sharedAnswer struct {
	done chan struct{} // closed once answer is set
	mountAnswer
}

// mountAnswer is what Vault says of a mount to anybody.
type mountAnswer struct {
	probe, help evidence.Fact[evidence.Refusal]
}

func (a *sharedAnswer) open() bool {
	select {
	case <-a.done:
		return false
	default:
		return true
	}
}

// ask returns an answer that is at most sharedFor old. It calls probe unless another run is
// calling it or has just called it. If probe returns no answer (NotAsked), other runs call
// their own.
func (s *mountProbes) ask(ctx context.Context, key string, probe func() mountAnswer) mountAnswer {
	for {
		answer, mine := s.join(key, time.Now())
		if mine {
			defer s.finish(key, answer) // also if probe panics
			answer.mountAnswer = probe()
			return answer.mountAnswer
		}
		select {
		case <-answer.done:
		case <-ctx.Done():
			return mountAnswer{}
		}
		if answer.probe.State != evidence.NotAsked {
			return answer.mountAnswer
		}
	}
}

// join returns the answer of a probe in progress or of a recent one. If there is none, it
// returns a new one, which the caller has to finish.
func (s *mountProbes) join(key string, now time.Time) (answer *sharedAnswer, mine bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.answers == nil {
		s.answers = map[string]*sharedAnswer{}
	}
	maps.DeleteFunc(s.answers, func(_ string, a *sharedAnswer) bool { return !a.open() && now.Sub(a.probe.At) > sharedFor })
	if answer = s.answers[key]; answer != nil {
		return answer, false
	}
	answer = &sharedAnswer{done: make(chan struct{})}
	s.answers[key] = answer
	return answer, true
}

func (s *mountProbes) finish(key string, answer *sharedAnswer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if answer.probe.State == evidence.NotAsked {
		delete(s.answers, key)
	}
	close(answer.done)
}
