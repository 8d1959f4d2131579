// Package maintenance says when a target is in a planned maintenance. It reads no clock.
package maintenance

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Windows are the maintenance of one target. Where several hold, it is in maintenance until the
// last of them ends.
type Windows []Window

// Window is one maintenance, from Begin to End, or one that recurs each week.
type Window struct {
	// Begin and End are zero for a Schedule.
	Begin, End time.Time
	// Schedule is nil for a single maintenance.
	Schedule *Schedule
	Comment  string
}

// Active is a maintenance that goes on. The zero value is none.
type Active struct {
	// Until is when it ends.
	Until   time.Time
	Comment string
}

// Active reports whether there is a maintenance.
func (a Active) Active() bool { return !a.Until.IsZero() }

// At returns the maintenance at a time. The end does not belong to it.
func (w Windows) At(t time.Time) Active {
	var active Active
	for _, one := range w {
		if until := one.until(t); until.After(active.Until) {
			active = Active{until, one.Comment}
		}
	}
	return active
}

// until returns when the window ends that holds at a time, zero if none does.
func (w Window) until(t time.Time) time.Time {
	switch {
	case w.Schedule != nil:
		return w.Schedule.until(t)
	case t.Before(w.Begin), !t.Before(w.End):
		return time.Time{}
	}
	return w.End
}

// Overlap reports whether two windows that are both single, or recur in the same time zone, have a
// time in common.
func Overlap(a, b Window) bool {
	switch {
	case a.Schedule == nil && b.Schedule == nil:
		return a.Begin.Before(b.End) && b.Begin.Before(a.End)
	case a.Schedule == nil || b.Schedule == nil || a.Schedule.Zone.String() != b.Schedule.Zone.String():
		return false
	}
	for minute := range minutesOfWeek {
		if a.Schedule.holds(minute) && b.Schedule.holds(minute) {
			return true
		}
	}
	return false
}

// Schedule recurs on days of the week, from one time of day to another, as the clock on the wall
// in its time zone shows them. An hour that the clock shows twice, since it is set back, counts twice; what
// it leaves out, since it is set forward, is left out. One that ends before its begin ends on the
// next day.
type Schedule struct {
	// Days are those on which it begins, by [time.Weekday].
	Days [7]bool
	// Begin and End are minutes since midnight, End at most 1440.
	Begin, End int
	Zone       *time.Location
}

const (
	minutesOfDay  = 24 * 60
	minutesOfWeek = 7 * minutesOfDay
)

var dayNames = []string{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"}

// ParseSchedule parses days and times, such as "Sun 02:00-04:00", "Mon-Fri,Sun 22:00-24:00" or
// "daily 23:30-00:30". Errors say what is wrong, as a phrase that follows the name of the value.
func ParseSchedule(text string, zone *time.Location) (*Schedule, error) {
	days, times, ok := strings.Cut(text, " ")
	if !ok {
		return nil, errors.New("is not days and times")
	}
	s := &Schedule{Zone: zone}
	if err := s.parseDays(days); err != nil {
		return nil, err
	}
	begin, end, ok := strings.Cut(times, "-")
	if s.Begin, ok = parseClock(begin, ok); !ok || s.Begin == minutesOfDay {
		return nil, errors.New("has no time of day at which it begins")
	}
	if s.End, ok = parseClock(end, ok); !ok {
		return nil, errors.New("has no time of day at which it ends")
	}
	if s.Begin == s.End {
		return nil, errors.New("begins and ends at the same time")
	}
	if s.always() {
		return nil, errors.New("never ends")
	}
	return s, nil
}

// parseDays parses "daily", or days and ranges of days separated by commas. A range may go over the
// end of the week.
func (s *Schedule) parseDays(text string) error {
	if text == "daily" {
		s.Days = [7]bool{true, true, true, true, true, true, true}
		return nil
	}
	for part := range strings.SplitSeq(text, ",") {
		first, last, isRange := strings.Cut(part, "-")
		if !isRange {
			last = first
		}
		from, to := slices.Index(dayNames, first), slices.Index(dayNames, last)
		if from < 0 || to < 0 {
			return errors.New("has a day that is not known")
		}
		for day := from; ; day = (day + 1) % 7 {
			s.Days[day] = true
			if day == to {
				break
			}
		}
	}
	return nil
}

// parseClock parses hh:mm, up to 24:00.
func parseClock(text string, ok bool) (minutes int, valid bool) {
	if !ok || len(text) != 5 || text[2] != ':' {
		return 0, false
	}
	hour, err := strconv.ParseUint(text[:2], 10, 8)
	if err != nil {
		return 0, false
	}
	minute, err := strconv.ParseUint(text[3:], 10, 8)
	minutes = int(hour*60 + minute)
	return minutes, err == nil && minute < 60 && minutes <= minutesOfDay
}

// String returns the text that [ParseSchedule] parses.
func (s *Schedule) String() string {
	var days []string
	for day, held := range s.Days {
		if held {
			days = append(days, dayNames[day])
		}
	}
	on := strings.Join(days, ",")
	if len(days) == 7 {
		on = "daily"
	}
	return fmt.Sprintf("%s %02d:%02d-%02d:%02d", on, s.Begin/60, s.Begin%60, s.End/60, s.End%60)
}

// holds reports whether it holds at a minute of the week, counted from Sunday's first.
func (s *Schedule) holds(minute int) bool {
	day, at := minute/minutesOfDay, minute%minutesOfDay
	if s.Begin < s.End {
		return s.Days[day] && at >= s.Begin && at < s.End
	}
	return s.Days[day] && at >= s.Begin || s.Days[(day+6)%7] && at < s.End
}

func (s *Schedule) always() bool {
	for minute := range minutesOfWeek {
		if !s.holds(minute) {
			return false
		}
	}
	return true
}

// until returns when the maintenance ends that holds at a time, zero if none does.
func (s *Schedule) until(t time.Time) time.Time {
	local := t.In(s.Zone)
	minute := minuteOf(local)
	if !s.holds(minute) {
		return time.Time{}
	}
	left := 1
	for s.holds((minute + left) % minutesOfWeek) {
		left++
	}
	end := local.Truncate(time.Minute).Add(time.Duration(left) * time.Minute)
	// The clock on the wall goes on by as many minutes only until it is set.
	if _, set := local.ZoneBounds(); !set.IsZero() && !end.Before(set) {
		if s.holds(minuteOf(set.In(s.Zone))) {
			return s.until(set)
		}
		return set
	}
	return end
}

func minuteOf(local time.Time) int {
	return int(local.Weekday())*minutesOfDay + local.Hour()*60 + local.Minute()
}
