package status

import (
	"fmt"
	"html/template"
	"strconv"
	"strings"
	"time"
)

// headlines say each state in a sentence.
var headlines = map[State]string{
	Unhealthy: "Pods cannot log in",
	Unclear:   "Not known whether pods can log in",
	Stale:     "Not known: the last run is too old",
	Waiting:   "Waiting for the first run",
	Healthy:   "Pods can log in",
}

const dateFormat = "2006-01-02 15:04:05 UTC"

// timestamp is a time in the three forms that the page shows.
type timestamp struct {
	ISO, Date string
	// Relative is an element such as <time>5 min ago</time>, a mark until the page is sent.
	Relative template.HTML
}

// timestampOf returns nil for the zero time.
func timestampOf(t time.Time) *timestamp {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &timestamp{t.Format(time.RFC3339), t.Format(dateFormat), template.HTML(markFill + strconv.FormatInt(t.Unix(), 10) + markEnd)}
}

// relative says how far t is from now. The script of the page says the same.
func relative(t, now time.Time) string {
	if t.After(now) {
		return "in " + approximate(t.Sub(now))
	}
	if now.Sub(t) < time.Second {
		return "just now"
	}
	return approximate(now.Sub(t)) + " ago"
}

// approximate rounds a duration down to a unit that fits its length.
func approximate(d time.Duration) string {
	switch {
	case d < 2*time.Minute:
		return fmt.Sprintf("%d s", int(d.Seconds()))
	case d < 2*time.Hour:
		return fmt.Sprintf("%d min", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h", int(d.Hours()))
	}
	return fmt.Sprintf("%d days", int(d.Hours()/24))
}

// elapsed formats a measured duration; an unknown one, 0, is empty.
func elapsed(d time.Duration) string {
	switch {
	case d == 0:
		return ""
	case d < 10*time.Millisecond:
		return fmt.Sprintf("%.1f ms", float64(d)/float64(time.Millisecond))
	case d < time.Second:
		return fmt.Sprintf("%d ms", d.Milliseconds())
	}
	return fmt.Sprintf("%.1f s", d.Seconds())
}

// capitalised begins a text with a capital letter, as a heading does.
func capitalised(text string) string {
	if text == "" {
		return ""
	}
	return strings.ToUpper(text[:1]) + text[1:]
}

func counted(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

func spaced[T ~string](name T) string { return strings.ReplaceAll(string(name), "_", " ") }
