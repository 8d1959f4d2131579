package schedule

import (
	"testing"
	"time"
)

func TestRunNow(t *testing.T) {
	within(t, one(says("ok")), func(t *testing.T, s *Scheduler, d *diary) {
		time.Sleep(tick + 10*time.Second)
		for range 5 { // the first makes a run, the others find it going
			if !s.RunNow("default") {
				t.Error("the job is not known")
			}
			time.Sleep(100 * time.Millisecond)
		}
		if s.RunNow("other") {
			t.Error("a job of another name is known")
		}
		time.Sleep(interval)
		d.expect(t, "runs", &d.runs, first, tick, tick+10*time.Second, tick+interval)
		d.expect(t, "skips", &d.skips)
	})
}
