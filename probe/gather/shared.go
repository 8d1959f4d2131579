package gather

import (
	"context"
	"maps"
	"sync"
	"time"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
)

// sharedFor is the age up to which an answer is that of every run.
const sharedFor = time.Second

// shared has the targets of one mount share the answer to the mount probe, which does
// not depend on the target: one asks, and the others take its answer for a second.
type shared struct {
	mu      sync.Mutex // guards answers
	answers map[string]*sharedAnswer
}

// sharedAnswer is one question that is open or was answered lately.
type sharedAnswer struct {
	done chan struct{} // closed when fact is there
	fact evidence.Fact[evidence.Refusal]
}

func (a *sharedAnswer) open() bool {
	select {
	case <-a.done:
		return false
	default:
		return true
	}
}

// ask returns a fresh answer, by calling question unless another run asks or has just
// asked. The question may fail to be put, and then counts for nobody else.
func (s *shared) ask(ctx context.Context, key string, question func() evidence.Fact[evidence.Refusal]) evidence.Fact[evidence.Refusal] {
	for {
		answer, mine := s.join(key, time.Now())
		if mine {
			answer.fact = question()
			s.finish(key, answer)
			return answer.fact
		}
		select {
		case <-answer.done:
		case <-ctx.Done():
			return evidence.Fact[evidence.Refusal]{}
		}
		if answer.fact.State != evidence.NotAsked {
			return answer.fact
		}
	}
}

// join returns the answer that is open or fresh, or a new one that is the caller's to
// give.
func (s *shared) join(key string, now time.Time) (answer *sharedAnswer, mine bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.answers == nil {
		s.answers = map[string]*sharedAnswer{}
	}
	maps.DeleteFunc(s.answers, func(_ string, a *sharedAnswer) bool { return !a.open() && now.Sub(a.fact.At) > sharedFor })
	if answer = s.answers[key]; answer != nil {
		return answer, false
	}
	answer = &sharedAnswer{done: make(chan struct{})}
	s.answers[key] = answer
	return answer, true
}

func (s *shared) finish(key string, answer *sharedAnswer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if answer.fact.State == evidence.NotAsked {
		delete(s.answers, key)
	}
	close(answer.done)
}
