package status

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe"
)

// period is runs in a row with one verdict, as a part of the strip. Left and Width
// are shares of the whole.
type period struct {
	Class, Left, Width, Words string
}

// strip joins runs with the same verdict, so that also hundreds of targets make a
// page that is light.
func strip(runs []probe.Run) []period {
	var periods []period
	for i := 0; i < len(runs); {
		end := i + 1
		for end < len(runs) && runs[end].Reason == runs[i].Reason {
			end++
		}
		periods = append(periods, period{
			Class: "run " + string(verdictState(runs[i].Reason)),
			Left:  share(i, len(runs)), Width: share(end-i, len(runs)), Words: tell(runs[i:end]),
		})
		i = end
	}
	return periods
}

func tell(runs []probe.Run) string {
	first, last := runs[0].Start.UTC(), runs[len(runs)-1].Start.UTC()
	when := first.Format("15:04:05")
	if len(runs) > 1 {
		when = fmt.Sprintf("%s to %s, %s", when, last.Format("15:04:05"), counted(len(runs), "run"))
	}
	reason := "pods could log in"
	if !runs[0].Healthy() {
		reason = string(runs[0].Reason)
	}
	return when + ": " + reason
}

func share(part, whole int) string { return fmt.Sprintf("%.3f%%", 100*float64(part)/float64(whole)) }

// latency is the duration of the last runs as a line in a box of 100 by 20.
type latency struct{ Points, Words string }

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
