package leader

import (
	"errors"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
)

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
	for name, down := range map[string]func(*http.Request) (*http.Response, error){"refused": refused, "hangs": hangs} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := new(cluster)
				leader := c.start(t, "only", 0)
				until(t, time.Second, "a leader", leader.works)
				leader.connection.breakBy(down)
				time.Sleep(5 * time.Minute)
				if !leader.works() || !leader.Leads() {
					t.Error("the leader ended")
				}
				if failures := leader.failed(); failures < 20 {
					t.Errorf("%d failures were counted", failures)
				}
				leader.connection.breakBy(nil)
				before := c.writes()
				time.Sleep(10 * time.Second)
				if !leader.works() || c.writes() < before+4 {
					t.Error("the leader did not go on renewing")
				}
				leader.terminate(t)
				leader.logged(t, map[string]int{"cannot be renewed": 1, "answers again": 1, "Elected": 1})
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
			leader.connection.breakBy(hangs)
			time.Sleep(cut)
			until(t, 5*time.Second, "takeover", standby.works)
			if !leader.works() {
				t.Error("a leader that merely cannot renew ended")
			}
			leader.connection.breakBy(nil)
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
		c.edit(func(lease *coordinationv1.Lease) { *lease.Spec.HolderIdentity = "other" })
		until(t, 3*time.Second, "the end", func() bool { return !leader.works() })
		if err := <-leader.ended; !errors.Is(err, ErrLost) || leader.Leads() {
			t.Errorf("ended with %v", err)
		}
	})
}

func TestDeletedLeaseIsMadeAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, leader, standby := pair(t, 0)
		c.remove()
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
		candidate := (&connection{cluster: new(cluster), down: refused}).start(t, "only", 0)
		time.Sleep(time.Minute)
		if candidate.StandsBy() || candidate.Leads() || candidate.failed() < 20 {
			t.Errorf("stands by %v, leads %v, %d failures", candidate.StandsBy(), candidate.Leads(), candidate.failed())
		}
		candidate.terminate(t)
		candidate.logged(t, map[string]int{"Elected": 0, "cannot be had": 1})
	})
}
