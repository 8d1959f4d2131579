package leader

import (
	"context"
	"reflect"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

const (
	// leaseDuration is how long a lease remains its holder's after others last
	// observed a renewal.
	leaseDuration = 15 * time.Second
	// retryPeriod is the pause between two attempts to take or renew it.
	retryPeriod = time.Second
	// releaseBudget bounds the release: a lease that is not released expires.
	releaseBudget = time.Second
)

// election is the protocol of a Lease, as one candidate follows it. It is not safe
// for concurrent use.
type election struct {
	client          *Client
	namespace, name string
	identity        string

	written *coordinationv1.Lease // what the last attempt wrote; nil where it wrote nothing
	record  coordinationv1.LeaseSpec
	changed time.Time // when the record was first observed as it is
}

// attempt renews the lease, takes it, or finds that another holds it, and returns
// the holder. A holder renews without reading first: if another wrote in between,
// the API server refuses that, and the next attempt reads.
func (e *election) attempt(ctx context.Context) (holder string, err error) {
	lease := e.written
	e.written = nil
	if lease == nil {
		if lease, err = e.client.read(ctx, e.namespace, e.name); err != nil {
			return "", err
		}
		e.observe(lease.Spec)
		if !e.mayTake() {
			return e.holder(), nil
		}
	}
	e.claim(&lease.Spec)
	if lease, err = e.client.write(ctx, lease); err != nil {
		return "", err
	}
	e.observe(lease.Spec)
	e.written = lease
	return e.holder(), nil
}

func (e *election) observe(record coordinationv1.LeaseSpec) {
	if !reflect.DeepEqual(record, e.record) {
		e.record, e.changed = record, time.Now()
	}
}

// mayTake reports whether the lease is this candidate's, is nobody's, or has
// expired. It expires when the record was not seen to change for as long as it says,
// by this process's monotonic clock. The record's times are never compared with a
// clock: those of two nodes may differ by hours.
func (e *election) mayTake() bool {
	duration := leaseDuration
	if seconds := e.record.LeaseDurationSeconds; seconds != nil {
		duration = time.Duration(*seconds) * time.Second
	}
	return e.holder() == e.identity || e.holder() == "" || time.Since(e.changed) >= duration
}

// claim makes a record this candidate's, renewed now.
func (e *election) claim(record *coordinationv1.LeaseSpec) {
	now := metav1.NowMicro()
	if e.holder() != e.identity {
		var transitions int32
		if before := record.LeaseTransitions; before != nil {
			transitions = max(*before, *before+1) // the API server refuses one below zero
		}
		record.AcquireTime, record.LeaseTransitions = &now, &transitions
	}
	record.HolderIdentity = &e.identity
	record.LeaseDurationSeconds = new(int32(leaseDuration / time.Second))
	record.RenewTime = &now
}

// release gives the lease up, if it is still this candidate's. It reads again after
// a conflict: a renewal that was canceled may yet arrive.
func (e *election) release(ctx context.Context) (released bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, releaseBudget)
	defer cancel()
	for {
		lease, err := e.client.read(ctx, e.namespace, e.name)
		if err != nil {
			return false, err
		}
		if e.observe(lease.Spec); e.holder() != e.identity {
			return false, nil
		}
		lease.Spec.HolderIdentity = new("")
		lease.Spec.LeaseDurationSeconds = new(int32(1))
		if _, err = e.client.write(ctx, lease); !outrun(err) {
			return err == nil, err
		}
	}
}

// holder is the record's, expired or not; empty where nobody holds the lease.
func (e *election) holder() string {
	if e.record.HolderIdentity == nil {
		return ""
	}
	return *e.record.HolderIdentity
}
