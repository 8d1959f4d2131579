package soak

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// A period is a time between two moments.
type period struct{ from, to time.Time }

// An outage is a time in which pods may have been unable to log in.
type outage struct {
	period
	causes int // spans that make it up
}

func (p period) String() string { return clock(p.from) + " to " + clock(p.to) }

func (p period) overlaps(other period) bool {
	return !p.from.After(other.to) && !other.from.After(p.to)
}

// outages returns the outages of spans that concern pods, joined where they overlap or follow each other within gap: the
// exporter may not see a shorter recovery.
func outages(spans []span, gap time.Duration, now time.Time) []outage {
	var all []outage
	for _, s := range spans {
		if s.fault != nil && !concernsPods(s) {
			continue
		}
		end := s.to
		if end.IsZero() {
			end = now
		}
		all = append(all, outage{period{s.from, end}, 1})
	}
	slices.SortFunc(all, func(a, b outage) int { return a.from.Compare(b.from) })
	var joined []outage
	for _, o := range all {
		if last := len(joined) - 1; last >= 0 && !o.from.After(joined[last].to.Add(gap)) {
			joined[last].to = latest(joined[last].to, o.to)
			joined[last].causes++
			continue
		}
		joined = append(joined, o)
	}
	return joined
}

// concernsPods reports whether pods cannot log in because of the fault: those of the canary are the exporter's own.
func concernsPods(s span) bool {
	return hidesLogins(*s.fault) && !strings.HasPrefix(s.fault.Bare.Reason, "canary_") && !strings.HasPrefix(s.fault.Full.Reason, "canary_")
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// judgePages returns an error if a page begins in no outage, or more than one page begins in one of a single cause, or
// while one fault holds that the exporter sees. In an outage of several causes the exporter may have seen a recovery, or
// a fault of the canary, for long enough to end the page. A page may begin as late after its outage as the exporter and
// the rules may take to see it.
func judgePages(target string, outages []outage, seen, pages []period, delay time.Duration) error {
	var errs []error
	for _, page := range pages {
		if !slices.ContainsFunc(outages, func(o outage) bool { return o.overlaps(period{page.from.Add(-delay), page.from}) }) {
			errs = append(errs, fmt.Errorf("%s: the page at %s belongs to no outage", target, clock(page.from)))
		}
	}
	single := slices.Clone(seen)
	for i, o := range outages {
		if o.causes > 1 {
			continue
		}
		end := o.to.Add(delay)
		if i+1 < len(outages) && outages[i+1].from.Before(end) {
			end = outages[i+1].from
		}
		single = append(single, period{o.from, end})
	}
	for _, o := range single {
		began := 0
		for _, page := range pages {
			if !page.from.Before(o.from) && page.from.Before(o.to) {
				began++
			}
		}
		if began > 1 {
			errs = append(errs, fmt.Errorf("%s: the outage from %s to %s led to %d pages", target, clock(o.from), clock(o.to), began))
		}
	}
	return errors.Join(errs...)
}

// judgePaged returns an error if an outage that lasted for longer than the limit led to no page.
func judgePaged(target string, seen, pages []period, limit time.Duration) error {
	for _, o := range seen {
		if o.to.Sub(o.from) > limit && !slices.ContainsFunc(pages, o.overlaps) {
			return fmt.Errorf("%s: the outage from %s to %s led to no page", target, clock(o.from), clock(o.to))
		}
	}
	return nil
}

// undisturbed returns the periods in which one fault kept pods from logging in, and no fault of the canary kept the
// exporter from seeing it.
func undisturbed(spans []span) []period {
	var periods []period
	for _, s := range spans {
		hidden := slices.ContainsFunc(spans, func(other span) bool {
			return other.fault != nil && partOf(*other.fault) == canaryPart && other.mayHold(s.from, s.to)
		})
		if s.fault != nil && concernsPods(s) && !s.to.IsZero() && !hidden {
			periods = append(periods, period{s.since, s.until})
		}
	}
	return periods
}
