package leader

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
	coordination "k8s.io/api/coordination/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	coordinationv1 "k8s.io/client-go/kubernetes/typed/coordination/v1"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// cluster keeps one Lease, with the API server's optimistic locking.
type cluster struct {
	mu      sync.Mutex // guards what follows
	lease   *coordination.Lease
	version int
}

// way is one process's way to the cluster, which can be broken.
type way struct {
	coordinationv1.LeaseInterface
	cluster *cluster

	mu   sync.Mutex // guards down
	down func(ctx context.Context) error
}

func (w *way) Leases(string) coordinationv1.LeaseInterface { return w }

func (w *way) breakBy(down func(context.Context) error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.down = down
}

func (w *way) pass(ctx context.Context) error {
	w.mu.Lock()
	down := w.down
	w.mu.Unlock()
	if down != nil {
		return down(ctx)
	}
	return ctx.Err()
}

func refused(context.Context) error { return errors.New("connection refused") }

// hangs answers as a client with a timeout does.
func hangs(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	<-ctx.Done()
	return ctx.Err()
}

var resource = schema.GroupResource{Group: "coordination.k8s.io", Resource: "leases"}

func (w *way) Get(ctx context.Context, name string, _ metav1.GetOptions) (*coordination.Lease, error) {
	if err := w.pass(ctx); err != nil {
		return nil, err
	}
	w.cluster.mu.Lock()
	defer w.cluster.mu.Unlock()
	if w.cluster.lease == nil {
		return nil, apierrors.NewNotFound(resource, name)
	}
	return w.cluster.lease.DeepCopy(), nil
}

func (w *way) Create(ctx context.Context, lease *coordination.Lease, _ metav1.CreateOptions) (*coordination.Lease, error) {
	if err := w.pass(ctx); err != nil {
		return nil, err
	}
	w.cluster.mu.Lock()
	defer w.cluster.mu.Unlock()
	if w.cluster.lease != nil {
		return nil, apierrors.NewAlreadyExists(resource, lease.Name)
	}
	return w.cluster.keep(lease), nil
}

func (w *way) Update(ctx context.Context, lease *coordination.Lease, _ metav1.UpdateOptions) (*coordination.Lease, error) {
	if err := w.pass(ctx); err != nil {
		return nil, err
	}
	w.cluster.mu.Lock()
	defer w.cluster.mu.Unlock()
	if w.cluster.lease == nil || w.cluster.lease.ResourceVersion != lease.ResourceVersion {
		return nil, apierrors.NewConflict(resource, lease.Name, errors.New("modified"))
	}
	return w.cluster.keep(lease), nil
}

func (c *cluster) keep(lease *coordination.Lease) *coordination.Lease {
	c.version++
	c.lease = lease.DeepCopy()
	c.lease.ResourceVersion = string(rune('0' + c.version%10000))
	return c.lease.DeepCopy()
}

// writes counts how often the Lease was written.
func (c *cluster) writes() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.version
}

func (c *cluster) holder() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.lease == nil {
		return ""
	}
	return *c.lease.Spec.HolderIdentity
}

// replica is a process that works while it leads.
type replica struct {
	*Candidate
	way    *way
	log    *bytes.Buffer
	stop   context.CancelFunc
	ended  chan error
	ending time.Duration // how long its work takes to end

	mu       sync.Mutex // guards what follows
	working  bool
	failures int
}

func (c *cluster) start(t *testing.T, name string, ending time.Duration) *replica {
	r := &replica{way: &way{cluster: c}, log: new(bytes.Buffer), ended: make(chan error, 1), ending: ending}
	failed := func() { r.change(func() { r.failures++ }) }
	r.Candidate = New(r.way, "monitoring", "exporter", name, failed, slog.New(slog.NewTextHandler(r.log, nil)))
	var ctx context.Context
	ctx, r.stop = context.WithCancel(t.Context())
	t.Cleanup(r.stop)
	go func() { r.ended <- r.Run(ctx, r.work) }()
	return r
}

func (r *replica) work(ctx context.Context) {
	r.change(func() { r.working = true })
	<-ctx.Done()
	time.Sleep(r.ending)
	r.change(func() { r.working = false })
}

func (r *replica) change(do func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	do()
}

func (r *replica) works() (works bool) {
	r.change(func() { works = r.working })
	return works
}

func (r *replica) failed() (failures int) {
	r.change(func() { failures = r.failures })
	return failures
}

// kill takes a process away without a last word.
func (r *replica) kill() {
	r.way.breakBy(refused)
	r.stop()
}

// until waits until it holds and returns how long that took.
func until(t *testing.T, limit time.Duration, what string, holds func() bool) time.Duration {
	t.Helper()
	start := time.Now()
	for !holds() {
		if time.Since(start) > limit {
			t.Fatalf("%s: not within %v", what, limit)
		}
		time.Sleep(100 * time.Millisecond) // of fake time
	}
	return time.Since(start)
}

// pair starts a leader and a standby.
func pair(t *testing.T, ending time.Duration) (c *cluster, leader, standby *replica) {
	t.Helper()
	c = new(cluster)
	leader = c.start(t, "first", ending)
	until(t, time.Second, "a leader", leader.works)
	standby = c.start(t, "second", 0)
	until(t, time.Second, "a standby", standby.StandsBy)
	if !leader.Leads() || standby.Leads() || leader.StandsBy() || standby.works() {
		t.Fatal("the roles are not clear")
	}
	return c, leader, standby
}

func TestTakeoverAfterAKill(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, leader, standby := pair(t, 0)
		time.Sleep(time.Minute)
		leader.kill()
		took := until(t, 20*time.Second, "takeover", standby.works)
		t.Logf("takeover %v after the kill", took)
		standby.stop()
		if err := <-standby.ended; err != nil {
			t.Error(err)
		}
	})
}

// The lease is released when work has ended, not before, so that two never work.
func TestTakeoverAfterATermination(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, leader, standby := pair(t, 2*time.Second)
		time.Sleep(time.Minute)
		leader.stop()
		took := until(t, 5*time.Second, "takeover", func() bool {
			if leader.works() && standby.works() {
				t.Fatal("both work")
			}
			return standby.works()
		})
		t.Logf("takeover %v after the end began, of which work took %v to end", took, leader.ending)
		if err := <-leader.ended; err != nil {
			t.Errorf("the leader that ended in good order says %v", err)
		}
		standby.stop()
		<-standby.ended
		if holder := c.holder(); holder != "" {
			t.Errorf("%q still holds the lease", holder)
		}
	})
}

// A leader that cannot renew goes on, also beyond client-go's deadline, and is the
// leader still when the API server is back.
func TestOutageOfTheAPIServer(t *testing.T) {
	for name, down := range map[string]func(context.Context) error{"refused": refused, "hangs": hangs} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := new(cluster)
				leader := c.start(t, "only", 0)
				until(t, time.Second, "a leader", leader.works)
				leader.way.breakBy(down)
				time.Sleep(5 * time.Minute)
				if !leader.works() || !leader.Leads() {
					t.Error("the leader ended")
				}
				if failures := leader.failed(); failures < 20 {
					t.Errorf("%d failures were counted", failures)
				}
				leader.way.breakBy(nil)
				before := c.writes()
				time.Sleep(10 * time.Second)
				if !leader.works() || c.writes() < before+4 {
					t.Error("the leader did not go on renewing")
				}
				leader.stop()
				if err := <-leader.ended; err != nil {
					t.Error(err)
				}
				for message, times := range map[string]int{"cannot be renewed": 1, "answers again": 1, "Elected": 1} {
					if got := strings.Count(leader.log.String(), message); got != times {
						t.Errorf("%q was logged %d times, want %d:\n%s", message, got, times, leader.log)
					}
				}
			})
		})
	}
}

// One that was cut off goes on until it sees who leads now, and then ends, however
// long it was cut off, and does not take the other's lease away.
func TestSplit(t *testing.T) {
	for _, cut := range []time.Duration{17 * time.Second, 20 * time.Second, 10 * time.Minute} {
		synctest.Test(t, func(t *testing.T) {
			c, leader, standby := pair(t, time.Second)
			leader.way.breakBy(hangs)
			time.Sleep(cut)
			until(t, 5*time.Second, "takeover", standby.works)
			if !leader.works() {
				t.Error("a leader that merely cannot renew ended")
			}
			leader.way.breakBy(nil)
			took := until(t, leaseDuration, "end of the first", func() bool { return !leader.works() })
			t.Logf("cut off for %v: both worked %v on after the cut had healed", cut, took)
			if err := <-leader.ended; !errors.Is(err, ErrLost) {
				t.Errorf("the first ended with %v", err)
			}
			time.Sleep(time.Minute)
			if !standby.works() || c.holder() != "second" {
				t.Errorf("after that the second works %v and %q holds the lease", standby.works(), c.holder())
			}
			standby.stop()
			<-standby.ended
		})
	}
}

// Somebody else's hand at the lease counts for as much as a clock.
func TestAnotherHolderEndsTheLeaderAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := new(cluster)
		leader := c.start(t, "first", 0)
		until(t, time.Second, "a leader", leader.works)
		c.mu.Lock()
		other := c.lease.DeepCopy()
		*other.Spec.HolderIdentity = "other"
		c.keep(other)
		c.mu.Unlock()
		until(t, 3*time.Second, "the end", func() bool { return !leader.works() })
		if err := <-leader.ended; !errors.Is(err, ErrLost) || leader.Leads() {
			t.Errorf("ended with %v", err)
		}
	})
}

func TestDeletedLeaseIsMadeAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, leader, standby := pair(t, 0)
		c.mu.Lock()
		c.lease = nil
		c.mu.Unlock()
		time.Sleep(time.Minute)
		if leader.works() == standby.works() {
			t.Errorf("the first works %v, the second %v", leader.works(), standby.works())
		}
		leader.stop()
		standby.stop()
		<-leader.ended
		<-standby.ended
	})
}

func TestNobodyIsElectedWithoutTheLease(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := new(cluster)
		r := &replica{way: &way{cluster: c, down: refused}}
		candidate := New(r.way, "monitoring", "exporter", "only", func() { r.failures++ }, slog.New(slog.DiscardHandler))
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if err := candidate.Run(ctx, func(context.Context) { t.Error("elected") }); err != nil {
			t.Error(err)
		}
		if candidate.StandsBy() || candidate.Leads() || r.failures < 20 {
			t.Errorf("stands by %v, leads %v, %d failures", candidate.StandsBy(), candidate.Leads(), r.failures)
		}
	})
}
