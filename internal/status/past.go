package status

import (
	"fmt"
	"strings"
	"time"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/incident"
)

// pastIncidents is the part of the overview about incidents that have ended. Nothing in it
// changes with the time of day, so an update without a new incident leaves it as it is.
type pastIncidents struct {
	Since pastTime
	Open  bool // unfolded: nothing else needs attention
	Gaps  []pastGap
	Rows  []pastRow
}

// pastGap is a time in which no exporter ran.
type pastGap struct{ From, To pastTime }

func pastGapOf(g probe.Gap) pastGap { return pastGap{pastTimeOf(g.From), pastTimeOf(g.To)} }

type pastRow struct {
	Begin, End       pastTime
	BeginSeen        bool
	Duration         string
	Reason, Title    string
	Object           string
	Ending           string
	Who, Recurrences string
}

// pastTime is a point in time for programs and for people.
type pastTime struct{ ISO, Date string }

func pastTimeOf(t time.Time) pastTime {
	return pastTime{t.UTC().Format(time.RFC3339), t.UTC().Format("2006-01-02 15:04:05 UTC")}
}

// maxPastNames is how many targets a row names.
const maxPastNames = 3

// past returns nil if this process has not probed.
func (s *Server) past(quiet bool) *pastIncidents {
	history := s.options.Incidents()
	if history.Since.IsZero() {
		return nil
	}
	past := &pastIncidents{Since: pastTimeOf(history.Since), Open: quiet}
	for _, g := range history.Gaps {
		past.Gaps = append(past.Gaps, pastGapOf(g))
	}
	for _, r := range history.Past {
		past.Rows = append(past.Rows, pastRowOf(r))
	}
	return past
}

func pastRowOf(r incident.Record) pastRow {
	row := pastRow{
		Begin: pastTimeOf(r.Begin), End: pastTimeOf(r.End), BeginSeen: r.BeginSeen, Duration: approximate(r.Duration()),
		Reason: string(r.Reason), Title: r.Reason.Title(), Object: r.Object, Ending: endings[r.Ending], Who: affected(r),
	}
	switch {
	case r.Ending == incident.EndUnseen && r.Next != "":
		row.Ending += ", then " + string(r.Next)
	case r.Next != "":
		row.Ending += " " + string(r.Next)
	}
	if r.Recurrences > 0 {
		row.Recurrences = "returned " + counted(r.Recurrences, "time")
	}
	return row
}

// endings say how an incident ended.
var endings = map[incident.Ending]string{
	incident.EndRecovered: "recovered", incident.EndOtherCause: "then", incident.EndRemoved: "target removed or changed",
	incident.EndUnseen: "gone after a restart",
}

// affected names the targets of an incident, or the first of many and how many there were.
func affected(r incident.Record) string {
	if r.Affected <= maxPastNames {
		return strings.Join(r.Names, ", ")
	}
	return fmt.Sprintf("%d targets: %s, …", r.Affected, strings.Join(first(r.Names, maxPastNames), ", "))
}
