package leader

import (
	"context"
	"errors"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/tools/leaderelection/resourcelock"
)

// watchedLock tells of each attempt what it came to: who holds the lease, or why
// that is not known. client-go tells of neither until its deadline has passed. It
// makes one attempt at a time.
type watchedLock struct {
	resourcelock.Interface
	saw    func(holder string)
	failed func(err error)

	read bool // in this attempt
}

func (l *watchedLock) Get(ctx context.Context) (*resourcelock.LeaderElectionRecord, []byte, error) {
	record, raw, err := l.Interface.Get(ctx)
	l.read = err == nil
	switch {
	case err == nil:
		l.saw(record.HolderIdentity)
	case !apierrors.IsNotFound(err): // then it is created
		l.fail(ctx, err)
	}
	return record, raw, err
}

func (l *watchedLock) Create(ctx context.Context, record resourcelock.LeaderElectionRecord) error {
	err := l.Interface.Create(ctx, record)
	l.wrote(ctx, record, err)
	return err
}

func (l *watchedLock) Update(ctx context.Context, record resourcelock.LeaderElectionRecord) error {
	first := !l.read // client-go then reads the Lease and tries once more
	l.read = false
	err := l.Interface.Update(ctx, record)
	if err == nil || !first {
		l.wrote(ctx, record, err)
	}
	return err
}

func (l *watchedLock) wrote(ctx context.Context, record resourcelock.LeaderElectionRecord, err error) {
	switch {
	case err == nil:
		l.saw(record.HolderIdentity)
	case apierrors.IsConflict(err), apierrors.IsAlreadyExists(err): // another was quicker: the next attempt sees who
	default:
		l.fail(ctx, err)
	}
}

// fail tells of an attempt that failed, unless it was we who broke it off.
func (l *watchedLock) fail(ctx context.Context, err error) {
	if !errors.Is(ctx.Err(), context.Canceled) {
		l.failed(err)
	}
}
