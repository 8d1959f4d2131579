package soak

import (
	"fmt"
	"strings"
	"time"
)

// A history has the steps of a soak, and what is needed to repeat its end.
type history struct {
	seed  uint64
	steps []performed
	quiet int // how many steps had been performed when all was well last
}

// A performed step has the time at which it began. added is set if the targets file had a target more before it.
type performed struct {
	step
	at    time.Time
	added bool
}

func (h *history) begin(s step, added bool) {
	h.steps = append(h.steps, performed{s, time.Now(), added})
}

func (h *history) markQuiet() { h.quiet = len(h.steps) }

// shortest returns the steps since all was well last: what came before can only matter if the exporter remembers it.
func (h *history) shortest() []step {
	var steps []step
	since := h.steps[min(h.quiet, len(h.steps)):]
	if len(since) > 0 && since[0].added {
		steps = append(steps, step{rewrite, "add", settled})
	}
	for _, p := range since {
		steps = append(steps, p.step)
	}
	return steps
}

// describe returns the seed, all steps, and the command that repeats the shortest history.
func (h *history) describe() string {
	var text strings.Builder
	fmt.Fprintf(&text, "seed %d, all steps:\n", h.seed)
	for _, p := range h.steps {
		fmt.Fprintf(&text, "  %s %s\n", clock(p.at), p.step)
	}
	fmt.Fprintf(&text, "since all was well:\n  make soak STEPS=%q", format(h.shortest()))
	return text.String()
}
