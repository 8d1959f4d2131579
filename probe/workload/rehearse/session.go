package rehearse

import (
	"context"
	"errors"
	"reflect"
	"time"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
)

// Session rehearses logins at one target, one after the other. It is a [gather.Rehearser].
type Session interface {
	Rehearse(ctx context.Context, login evidence.WorkloadLogin, expired evidence.Fact[evidence.Refusal]) evidence.Rehearsal
	Close()
}

// session is the session at the target that is rehearsed now, if any.
type session struct {
	Session
	target evidence.Target
}

// rehearse rehearses a login over the session at its target, which it opens if the target or its
// settings are others than the last. If that fails, the failure is the answer.
func (s *session) rehearse(ctx context.Context, open func(evidence.Target) (Session, error), target evidence.Target,
	claim evidence.WorkloadLogin, expired evidence.Fact[evidence.Refusal],
) evidence.Rehearsal {
	if s.Session == nil || !reflect.DeepEqual(s.target, target) {
		s.close()
		opened, err := open(target)
		if err != nil {
			failure, _ := errors.AsType[evidence.Failure](err)
			return evidence.Rehearsal{Login: claim, At: time.Now(), Expired: evidence.Fact[evidence.Refusal]{State: evidence.Failed, Failure: failure}}
		}
		s.Session, s.target = opened, target
	}
	return s.Rehearse(ctx, claim, expired)
}

func (s *session) close() {
	if s.Session != nil {
		s.Close()
		s.Session = nil
	}
}
