package soak

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func between(from, to float64) period { return period{at(from), at(to)} }

func TestOutages(t *testing.T) {
	spans := []span{
		held(t, "vault_sealed", 100, 150),
		held(t, "canary_expired", 300, 400),    // the exporter's own
		held(t, "mount_ca_mismatch", 300, 400), // seen by nobody
		held(t, "role_missing", 140, 160),
		{what: "a restart", from: at(190), to: at(195)}, // soon after
		held(t, "vault_sealed", 500, 0),
	}
	want := []outage{{between(99.9, 195), 3}, {between(499.9, 600), 1}}
	if diff := cmp.Diff(want, outages(spans, 40*time.Second, at(600)), cmp.AllowUnexported(outage{}, period{})); diff != "" {
		t.Errorf("outages (-want +got):\n%s", diff)
	}
}

func TestJudgePages(t *testing.T) {
	outages := []outage{{between(100, 150), 1}, {between(300, 350), 1}, {between(500, 900), 5}}
	seen := []period{between(100, 150), between(500, 600), between(650, 800)}
	for name, test := range map[string]struct {
		pages []period
		want  string
	}{
		"none":                               {nil, ""},
		"one each":                           {[]period{between(130, 190), between(340, 400)}, ""},
		"as late as it may be":               {[]period{between(169, 190)}, ""},
		"two of one outage":                  {[]period{between(110, 120), between(140, 150)}, "led to 2 pages"},
		"again after an outage":              {[]period{between(110, 120), between(160, 170)}, "led to 2 pages"},
		"a recovery between two causes":      {[]period{between(520, 640), between(660, 850)}, ""},
		"two of one cause among several":     {[]period{between(520, 640), between(660, 700), between(740, 850)}, "led to 2 pages"},
		"before an outage":                   {[]period{between(90, 120)}, "belongs to no outage"},
		"long after an outage":               {[]period{between(250, 260)}, "belongs to no outage"},
		"one that lasts through two outages": {[]period{between(110, 400)}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			wantError(t, judgePages("bare", outages, seen, test.pages, 20*time.Second), test.want)
		})
	}
}

func TestJudgePaged(t *testing.T) {
	outages := []period{between(100, 200), between(300, 310)}
	wantError(t, judgePaged("bare", outages, []period{between(150, 250)}, time.Minute), "")
	wantError(t, judgePaged("bare", outages, nil, time.Minute), "led to no page")
	wantError(t, judgePaged("bare", outages, nil, 3*time.Minute), "")
}

// The alerts of one target are several series, if their labels differ.
func TestPeriodsOf(t *testing.T) {
	var moments []time.Time
	for _, seconds := range []float64{4, 20, 21, 1, 2, 30} {
		moments = append(moments, at(seconds))
	}
	want := []period{between(1, 4), between(20, 21), between(30, 30)}
	if diff := cmp.Diff(want, periodsOf(moments, 3*time.Second), cmp.AllowUnexported(period{})); diff != "" {
		t.Errorf("periods (-want +got):\n%s", diff)
	}
}
