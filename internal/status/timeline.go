package status

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe"
)

// period is a part of the timeline: consecutive runs with the same reason. Left and
// Width are percentages of the whole.
type period struct {
	Class, Left, Width, Label string
	Failed                    bool // pods could not log in
}

// timeline merges consecutive runs with the same reason, which keeps a page with
// hundreds of targets small.
func timeline(runs []probe.Run) []period {
	var periods []period
	for i := 0; i < len(runs); {
		end := i + 1
		for end < len(runs) && runs[end].Reason == runs[i].Reason && runs[end].Maintenance == runs[i].Maintenance {
			end++
		}
		state := runState(runs[i].LoginStatus())
		class := "run " + string(state)
		if runs[i].Maintenance {
			class += " planned"
		}
		periods = append(periods, period{
			Class: class, Failed: state == Unhealthy,
			Left: percent(i, len(runs)), Width: percent(end-i, len(runs)), Label: labelOf(runs[i:end]),
		})
		i = end
	}
	return periods
}

func labelOf(runs []probe.Run) string {
	first, last := runs[0].Start.UTC(), runs[len(runs)-1].Start.UTC()
	when := first.Format("15:04:05")
	if len(runs) > 1 {
		when = fmt.Sprintf("%s to %s, %s", when, last.Format("15:04:05"), counted(len(runs), "run"))
	}
	reason := "pods could log in"
	if !runs[0].Healthy() {
		reason = string(runs[0].Reason)
	}
	if runs[0].Maintenance {
		reason += ", in maintenance"
	}
	return when + ": " + reason
}

// summaryOf says in a sentence what the timeline shows. Runs in a maintenance are counted apart.
func summaryOf(runs []probe.Run) string {
	healthy, planned := 0, 0
	for _, r := range runs {
		switch {
		case r.Maintenance:
			planned++
		case r.Healthy():
			healthy++
		}
	}
	text := fmt.Sprintf("pods could log in at %d of the last %s", healthy, counted(len(runs)-planned, "run"))
	if planned > 0 {
		text += fmt.Sprintf(", without %d in maintenance", planned)
	}
	return text
}

func percent(part, whole int) string { return fmt.Sprintf("%.3f%%", 100*float64(part)/float64(whole)) }

// latency draws the durations of the last runs, as a line in a box of 100 by 20.
type latency struct{ Points, Label string }

func latencyOf(runs []probe.Run) *latency {
	if len(runs) < 2 {
		return nil
	}
	lengths := make([]time.Duration, len(runs))
	for i, r := range runs {
		lengths[i] = r.Duration
	}
	sorted := slices.Sorted(slices.Values(lengths))
	longest := max(sorted[len(sorted)-1], time.Nanosecond)
	var points []string
	for i, d := range lengths {
		points = append(points, fmt.Sprintf("%.2f,%.2f", 100*float64(i)/float64(len(lengths)-1), 19-18*float64(d)/float64(longest)))
	}
	return &latency{strings.Join(points, " "), fmt.Sprintf("Latency: median %s, longest %s", elapsed(sorted[len(sorted)/2]), elapsed(longest))}
}
