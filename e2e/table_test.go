package e2e

import (
	"fmt"
	"strings"
	"text/tabwriter"
	"time"
)

// A row is what became of one fault.
type row struct {
	fault, expected string
	metrics         verdict
	check           string
	broken, healed  time.Duration // until the metrics said so
}

type table []*row

func (t table) String() string {
	var text strings.Builder
	w := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "fault\texpected\tmetrics\tcheck\tcertainty\tinjected to metric\thealed to metric")
	for _, r := range t {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%.1f s\t%.1f s\n",
			r.fault, r.expected, r.metrics.reason, r.check, r.metrics.certainty, r.broken.Seconds(), r.healed.Seconds())
	}
	_ = w.Flush()
	return text.String()
}
