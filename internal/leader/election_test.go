package leader

import (
	"errors"
	"fmt"
	"math"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// expiry is the longest from the last renewal to a takeover: a standby reads, and
// counts, from one attempt to the next.
const expiry = leaseDuration + 2*retryPeriod

// A standby counts from what it sees change, whatever the times in the record.
func TestClocksThatDiffer(t *testing.T) {
	for _, skew := range []time.Duration{-5 * time.Hour, -time.Minute, time.Minute, 5 * time.Hour} {
		t.Run(fmt.Sprint(skew), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := new(cluster)
				leader := (&connection{cluster: c, skew: skew}).start(t, "first", 0)
				until(t, time.Second, "a leader", leader.works)
				if ahead := time.Until(c.spec().RenewTime.Time).Round(time.Second); ahead != skew {
					t.Fatalf("the record's time is %v ahead, want %v", ahead, skew)
				}
				standby := c.start(t, "second", 0)
				for range 60 {
					time.Sleep(time.Second)
					if standby.works() || !standby.StandsBy() {
						t.Fatal("a lease that is renewed was taken")
					}
				}
				leader.kill()
				if took := until(t, expiry, "takeover", standby.works); took < leaseDuration-retryPeriod {
					t.Errorf("the lease was taken %v after its last renewal", took)
				}
				standby.terminate(t)
			})
		})
	}
}

// What the standby was told of a holder before it started counts for nothing.
func TestAHolderThatDiedLongAgo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := new(cluster)
		leader := c.start(t, "first", 0)
		until(t, time.Second, "a leader", leader.works)
		leader.kill()
		time.Sleep(time.Hour)
		standby := c.start(t, "second", 0)
		if took := until(t, expiry, "takeover", standby.works); took < leaseDuration {
			t.Errorf("taken %v after it was first seen", took)
		}
		if transitions := c.spec().LeaseTransitions; *transitions != 1 {
			t.Errorf("%d transitions", *transitions)
		}
		standby.terminate(t)
	})
}

// A renewal changes nothing but the time, which need not go forward. What changes
// only the object's metadata is none.
func TestWhatCountsAsARenewal(t *testing.T) {
	for _, test := range []struct {
		name   string
		change func(lease *coordinationv1.Lease, count int)
		taken  bool
	}{
		{"time goes forward", func(lease *coordinationv1.Lease, count int) {
			lease.Spec.RenewTime = new(metav1.NewMicroTime(time.Now()))
		}, false},
		{"time goes backward", func(lease *coordinationv1.Lease, count int) {
			lease.Spec.RenewTime = new(metav1.NewMicroTime(time.Unix(0, 0).Add(-time.Duration(count) * time.Millisecond)))
		}, false},
		{"a label", func(lease *coordinationv1.Lease, count int) {
			lease.Labels = map[string]string{"count": fmt.Sprint(count)}
		}, true},
		{"nothing", func(*coordinationv1.Lease, int) {}, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, leader, standby := pair(t, 0)
				leader.kill()
				for count := range 60 {
					time.Sleep(time.Second)
					if c.holder() == "first" {
						c.edit(func(lease *coordinationv1.Lease) { test.change(lease, count) })
					}
				}
				if standby.works() != test.taken {
					t.Errorf("after a minute the standby works: %v", standby.works())
				}
				standby.terminate(t)
			})
		})
	}
}

// The lease lasts as long as its holder said, which may be of another version.
func TestTheRecordSaysHowLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, leader, standby := pair(t, 0)
		leader.kill()
		c.edit(func(lease *coordinationv1.Lease) { lease.Spec.LeaseDurationSeconds = new(int32(60)) })
		if took := until(t, 62*time.Second, "takeover", standby.works); took < time.Minute-retryPeriod {
			t.Errorf("taken after %v", took)
		}
		if seconds := *c.spec().LeaseDurationSeconds; seconds != 15 {
			t.Errorf("taken for %d s", seconds)
		}
		standby.terminate(t)
	})
}

// Of several that read the same record, one wins and the others stand by. That they
// lost is no failure.
func TestRaces(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := new(cluster)
		var replicas []*replica
		for _, name := range []string{"first", "second", "third"} {
			replicas = append(replicas, (&connection{cluster: c, latency: 53 * time.Millisecond}).start(t, name, 0))
		}
		leaderOf := func(running []*replica) *replica {
			t.Helper()
			var leader *replica
			until(t, 20*time.Second, "one leader and standbys", func() bool {
				leading, standing := 0, 0
				for _, r := range running {
					switch {
					case r.works():
						leader = r
						leading++
					case r.StandsBy() && r.Holder() == c.holder():
						standing++
					}
				}
				if leading > 1 {
					t.Fatal("several work")
				}
				return leading == 1 && standing == len(running)-1
			})
			return leader
		}
		for lost := 2; len(replicas) > 1; lost++ { // each round starts a race
			leader := leaderOf(replicas)
			if got := c.refusals(); got < lost {
				t.Errorf("%d writes were refused, want %d: nobody raced", got, lost)
			}
			var left []*replica
			for _, r := range replicas {
				if failures := r.failed(); failures != 0 {
					t.Errorf("%d failures", failures)
				}
				if r != leader {
					left = append(left, r)
				}
			}
			replicas = left
			leader.kill()
			// Those that are left observe a last change at once.
			c.edit(func(lease *coordinationv1.Lease) { lease.Spec.RenewTime = new(metav1.NowMicro()) })
		}
		leaderOf(replicas).terminate(t)
	})
}

// A write that arrived but whose answer did not is found by the next attempt.
func TestAnswersThatAreLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := new(cluster)
		path := &connection{cluster: c}
		writes := 0
		path.breakBy(func(r *http.Request) (*http.Response, error) {
			if r.Method == http.MethodGet {
				return nil, nil
			}
			if writes++; writes%2 == 0 {
				return nil, nil
			}
			path.serve(r)
			return nil, errors.New("connection reset")
		})
		leader := path.start(t, "only", 0)
		until(t, 3*time.Second, "a leader", leader.works)
		time.Sleep(time.Minute)
		if !leader.Leads() || *c.spec().LeaseTransitions != 0 || c.refusals() != 0 {
			t.Errorf("leads %v, transitions %d, conflicts %d", leader.Leads(), *c.spec().LeaseTransitions, c.refusals())
		}
		leader.terminate(t)
	})
}

// Requests that hang for less than the lease lasts cost nobody the lease.
func TestAHangThatIsShorterThanTheLease(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, leader, standby := pair(t, 0)
		time.Sleep(500 * time.Millisecond)
		leader.connection.breakBy(hangs)
		time.Sleep(leaseDuration - requestTimeout - 2*retryPeriod)
		leader.connection.breakBy(nil)
		time.Sleep(time.Minute)
		if standby.works() || !leader.works() || c.holder() != "first" {
			t.Errorf("%q holds the lease", c.holder())
		}
		standby.terminate(t)
		leader.terminate(t)
	})
}

// Each attempt is one request, also where the server asks for a retry.
func TestRequestsAreNotRepeated(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		candidate := (&connection{cluster: new(cluster), down: unavailable}).start(t, "only", 0)
		time.Sleep(time.Minute)
		synctest.Wait()
		if sent, failures := candidate.connection.sent(), candidate.failed(); sent != failures || sent > 61 {
			t.Errorf("%d requests in a minute, %d failures", sent, failures)
		}
		candidate.terminate(t)
	})
}

// A Lease that can be read but not written is one failure to the log, however long.
func TestALeaseThatCannotBeWritten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := new(cluster)
		candidate := (&connection{cluster: c, down: readOnly}).start(t, "only", 0)
		time.Sleep(time.Minute)
		if candidate.Leads() || candidate.StandsBy() || candidate.failed() < 20 {
			t.Errorf("leads %v, stands by %v, %d failures", candidate.Leads(), candidate.StandsBy(), candidate.failed())
		}
		candidate.connection.breakBy(nil)
		until(t, 2*time.Second, "a leader", candidate.works)
		candidate.terminate(t)
		candidate.logged(t, map[string]int{"cannot be had": 1, "answers again": 1, "Elected": 1, "was released": 1})
	})
}

// One that lost the lease leaves it alone while its work ends.
func TestALoserDoesNotTakeTheLeaseBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := new(cluster)
		leader := c.start(t, "first", time.Minute)
		until(t, time.Second, "a leader", leader.works)
		c.edit(func(lease *coordinationv1.Lease) { *lease.Spec.HolderIdentity = "other" })
		until(t, 3*time.Second, "the loss", func() bool { return !leader.Leads() })
		c.edit(func(lease *coordinationv1.Lease) { *lease.Spec.HolderIdentity = "" })
		if err := <-leader.ended; !errors.Is(err, ErrLost) || c.holder() != "" {
			t.Errorf("ended with %v, and %q holds the lease", err, c.holder())
		}
	})
}

// A release never takes another's lease away, and never holds a process up.
func TestRelease(t *testing.T) {
	for name, test := range map[string]struct {
		meanwhile func(c *cluster, leader *replica)
		holder    string
		failures  int
		logged    map[string]int
	}{
		"ours": {func(*cluster, *replica) {}, "", 0, map[string]int{"was released": 1}},
		"another's": {func(c *cluster, _ *replica) {
			c.edit(func(lease *coordinationv1.Lease) { *lease.Spec.HolderIdentity = "other" })
		}, "other", 0, map[string]int{"was released": 0}},
		"a renewal arrives late": {func(c *cluster, leader *replica) {
			var once sync.Once
			leader.connection.breakBy(func(r *http.Request) (*http.Response, error) {
				if r.Method == http.MethodPut {
					once.Do(func() {
						c.edit(func(lease *coordinationv1.Lease) { lease.Spec.RenewTime = new(metav1.NowMicro()) })
					})
				}
				return nil, nil
			})
		}, "", 0, map[string]int{"was released": 1}},
		"the API server hangs": {func(_ *cluster, leader *replica) {
			leader.connection.breakBy(hangs)
		}, "first", 1, map[string]int{"was released": 0, "was not released": 1}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := new(cluster)
				leader := c.start(t, "first", 0)
				until(t, time.Second, "a leader", leader.works)
				test.meanwhile(c, leader) // between two attempts
				began := time.Now()
				leader.terminate(t)
				if took := time.Since(began); took > releaseBudget {
					t.Errorf("the release took %v", took)
				}
				if c.holder() != test.holder || leader.failed() != test.failures {
					t.Errorf("%q holds the lease, %d failures", c.holder(), leader.failed())
				}
				leader.logged(t, test.logged)
			})
		})
	}
}

// A lease that nobody holds is taken at once, however long its record says it lasts.
func TestALeaseThatNobodyHolds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, leader, standby := pair(t, 0)
		leader.kill()
		c.edit(func(lease *coordinationv1.Lease) { *lease.Spec.HolderIdentity = "" })
		until(t, 2*retryPeriod, "takeover", standby.works)
		standby.terminate(t)
	})
}

// A record that counts as many transitions as its type holds can still be taken: the API
// server refuses a negative count.
func TestTransitionsDoNotOverflow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, leader, standby := pair(t, 0)
		leader.kill()
		c.edit(func(lease *coordinationv1.Lease) {
			*lease.Spec.HolderIdentity, *lease.Spec.LeaseTransitions = "", math.MaxInt32
		})
		until(t, 2*retryPeriod, "takeover", standby.works)
		if got := *c.spec().LeaseTransitions; got != math.MaxInt32 {
			t.Errorf("%d transitions", got)
		}
		standby.terminate(t)
	})
}

// An attempt that the end of the process cancels is no failure.
func TestTerminationDuringAnAttempt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		candidate := (&connection{cluster: new(cluster), down: hangs}).start(t, "only", 0)
		time.Sleep(time.Second)
		candidate.terminate(t)
		if candidate.failed() != 0 || candidate.log.Len() != 0 {
			t.Errorf("%d failures:\n%s", candidate.failed(), candidate.log)
		}
	})
}
