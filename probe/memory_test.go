package probe

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/diagnose"
)

// A process continues what another one remembers, if its first run has the same reason, and says
// how long nobody looked.
func TestRemembered(t *testing.T) {
	noon := time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)
	at := func(minutes int) time.Time { return noon.Add(time.Duration(minutes) * time.Minute) }
	type run struct {
		reason diagnose.Reason
		at     int
	}
	const sealed, timeout = diagnose.VaultSealed, diagnose.VaultTimeout
	for name, test := range map[string]struct {
		remembered Remembered
		runs       []run
		since      time.Time
		gap        Gap
	}{
		"the same reason soon":           {Remembered{Reason: sealed, Since: noon, Seen: at(5)}, []run{{sealed, 7}}, noon, Gap{}},
		"the same reason later":          {Remembered{Reason: sealed, Since: noon, Seen: at(5)}, []run{{sealed, 60}, {sealed, 61}}, noon, Gap{at(5), at(60)}},
		"another reason":                 {Remembered{Reason: sealed, Since: noon, Seen: at(5)}, []run{{timeout, 60}}, at(60), Gap{}},
		"another reason, then the same":  {Remembered{Reason: sealed, Since: noon, Seen: at(5)}, []run{{timeout, 60}, {sealed, 61}}, at(61), Gap{}},
		"the same reason, then another":  {Remembered{Reason: sealed, Since: noon, Seen: at(5)}, []run{{sealed, 60}, {timeout, 61}}, at(61), Gap{}},
		"a longer gap before":            {Remembered{Reason: sealed, Since: noon, Seen: at(100), Gap: Gap{at(1), at(99)}}, []run{{sealed, 160}}, noon, Gap{at(1), at(99)}},
		"a shorter gap before":           {Remembered{Reason: sealed, Since: noon, Seen: at(100), Gap: Gap{at(1), at(9)}}, []run{{sealed, 160}}, noon, Gap{at(100), at(160)}},
		"nothing is remembered":          {Remembered{}, []run{{sealed, 60}}, at(60), Gap{}},
		"the clock went back in between": {Remembered{Reason: sealed, Since: noon, Seen: at(5)}, []run{{sealed, 4}}, noon, Gap{}},
	} {
		m := test.remembered.Memory()
		for _, r := range test.runs {
			m.verdict(r.reason, at(r.at), time.Minute)
		}
		if diff := cmp.Diff([]any{test.since, test.gap}, []any{m.since, m.gap}); diff != "" {
			t.Errorf("%s: since and gap (-want +got):\n%s", name, diff)
		}
	}
}
