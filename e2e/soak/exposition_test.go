package soak

import (
	"fmt"
	"testing"
	"time"
)

func exposed(t *testing.T, seconds float64, text string) exposition {
	t.Helper()
	e, err := readExposition(at(seconds), text)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// process is an exposition of a process that started then.
func process(start int, counter string) string {
	return fmt.Sprintf("# HELP process_start_time_seconds Start.\n# TYPE process_start_time_seconds gauge\nprocess_start_time_seconds %d\n"+
		"# HELP runs_total Runs.\n# TYPE runs_total counter\n%s", start, counter)
}

func TestReadExposition(t *testing.T) {
	for name, test := range map[string]struct{ text, want string }{
		"good":              {process(1, "runs_total 1\n"), ""},
		"cut off":           {"# HELP a_total A.\n# TYPE a_total counter\na_total{tar", "parsing /metrics"},
		"twice":             {"# HELP a_total A.\n# TYPE a_total counter\na_total 1\n# TYPE a_total counter\na_total 1\n", "parsing /metrics"},
		"without a help":    {"# TYPE a_total counter\na_total 1\n", "linting /metrics: a_total: no help text"},
		"a counter's name":  {"# HELP a A.\n# TYPE a counter\na 1\n", "linting /metrics: a: counter metrics should have"},
		"milliseconds used": {"# HELP a_milliseconds A.\n# TYPE a_milliseconds gauge\na_milliseconds 1\n", "linting /metrics: a_milliseconds: use base unit"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := readExposition(noon, test.text)
			wantError(t, err, test.want)
		})
	}
}

func TestJudgeMonotone(t *testing.T) {
	removed := `target="added"`
	for name, test := range map[string]struct{ before, after, want string }{
		"grows":                {process(1, "runs_total 1\n"), process(1, "runs_total 2\n"), ""},
		"shrinks":              {process(1, "runs_total 2\n"), process(1, "runs_total 1\n"), "runs_total was 2"},
		"disappears":           {process(1, "runs_total{target=\"bare\"} 2\n"), process(1, ""), "runs_total,target=\"bare\" was 2"},
		"a target was removed": {process(1, "runs_total{target=\"added\"} 2\n"), process(1, ""), ""},
		"another process":      {process(1, "runs_total 2\n"), process(2, "runs_total 1\n"), ""},
	} {
		t.Run(name, func(t *testing.T) {
			wantError(t, judgeMonotone(exposed(t, 0, test.before), exposed(t, 1, test.after), removed), test.want)
		})
	}
}

func TestJudgeUp(t *testing.T) {
	up := func(value int) string {
		return fmt.Sprintf("# HELP vault_k8s_auth_up Up.\n# TYPE vault_k8s_auth_up gauge\nvault_k8s_auth_up{target=\"bare\"} %d\n", value)
	}
	for name, test := range map[string]struct {
		at    float64
		text  string
		spans []span
		want  string
	}{
		"health":                         {60, up(1), nil, ""},
		"down":                           {60, up(0), []span{held(t, "vault_sealed", 0, 0)}, ""},
		"not yet seen":                   {10, up(1), []span{held(t, "vault_sealed", 0, 0)}, ""},
		"not seen":                       {60, up(1), []span{held(t, "vault_sealed", 0, 0)}, "vault_sealed has held since"},
		"a fault that logins do not see": {60, up(1), []span{held(t, "mount_ca_mismatch", 0, 0)}, ""},
		"healed":                         {60, up(1), []span{held(t, "vault_sealed", 0, 50)}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			wantError(t, judgeUp(exposed(t, test.at, test.text), test.spans, 20*time.Second), test.want)
		})
	}
}

func TestJudgeGrowth(t *testing.T) {
	before := usage{processStart: 1, goroutines: 20, files: 15, MB: 26}
	for name, test := range map[string]struct {
		after usage
		want  string
	}{
		"the same":        {before, ""},
		"a run":           {usage{1, 28, 20, 30}, ""},
		"goroutines":      {usage{1, 60, 15, 26}, "20 goroutines"},
		"descriptors":     {usage{1, 20, 60, 26}, "15 descriptors"},
		"memory":          {usage{1, 20, 15, 90}, "MiB"},
		"another process": {usage{2, 60, 60, 90}, ""},
	} {
		t.Run(name, func(t *testing.T) { wantError(t, judgeGrowth(before, test.after), test.want) })
	}
}
