package soak

import (
	"fmt"
	"strings"
	"time"
)

// A step is one thing that happens, and how long the soak then waits. Its text can be parsed again.
type step struct {
	do action
	of string // what it happens to: the name of a fault, a server, …
	wait
}

type action string

const (
	injectFault action = "inject"   // a fault
	healFault   action = "heal"     // a fault, or all
	flapFault   action = "flap"     // inject and heal a fault three times, faster than the interval
	restart     action = "restart"  // vault or kubernetes
	rotate      action = "rotate"   // tokens or certificate
	truncate    action = "truncate" // each response after that many bytes, for as long as the step waits
	kill        action = "kill"     // the exporter, as the kernel does when memory runs out
	freeze      action = "freeze"   // the exporter, for that long
	changeLead  action = "lead"     // the leader of the replicas is killed, terminated or frozen
	rewrite     action = "rewrite"  // the targets file: add or remove a target, or break it
)

const allFaults = "all"

// A wait ends when the verdict on every target is exact, or after a time.
type wait struct {
	settled bool
	time    time.Duration
}

func (w wait) String() string {
	if w.settled {
		return settledText
	}
	return w.time.String()
}

const settledText = "settled"

func (s step) String() string { return fmt.Sprintf("%s %s, %s", s.do, s.of, s.wait) }

func format(steps []step) string {
	texts := make([]string, 0, len(steps))
	for _, s := range steps {
		texts = append(texts, s.String())
	}
	return strings.Join(texts, "; ")
}

// parse reads what format writes.
func parse(text string) ([]step, error) {
	var steps []step
	for part := range strings.SplitSeq(text, ";") {
		if part = strings.TrimSpace(part); part == "" {
			continue
		}
		s, err := parseStep(part)
		if err != nil {
			return nil, fmt.Errorf("reading the step %q: %w", part, err)
		}
		steps = append(steps, s)
	}
	return steps, nil
}

func parseStep(text string) (step, error) {
	what, pause, _ := strings.Cut(text, ", ")
	do, of, found := strings.Cut(what, " ")
	if !found {
		return step{}, fmt.Errorf("want an action, what it happens to, a comma, and a time or %s", settledText)
	}
	w, err := parseWait(pause)
	return step{action(do), of, w}, err
}

func parseWait(text string) (w wait, err error) {
	if text == settledText {
		return wait{settled: true}, nil
	}
	w.time, err = time.ParseDuration(text)
	return w, err
}
