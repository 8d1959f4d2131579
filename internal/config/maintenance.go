package config

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/maintenance"
)

// maintenanceKey is a key of the targets file that has no variable.
const maintenanceKey = "maintenance"

// Limits of the maintenance of a target.
const (
	maxWindows = 50
	maxComment = 200
)

// windowKeys are the keys of one maintenance.
var windowKeys = []string{"begin", "end", "schedule", "timezone", "comment"}

// windowText is one unparsed maintenance; name says where it is.
type windowText struct {
	name   string
	line   int
	values map[string]string
}

// windows reads the maintenance of a target.
func (f *fileReader) windows(node *yaml.Node) []windowText {
	const allowed = "a list of mappings with begin and end, or with schedule"
	if node.Kind != yaml.SequenceNode {
		f.refuse(node.Line, maintenanceKey, invalid("is "+describe(node), allowed))
		return nil
	}
	var windows []windowText
	for _, item := range node.Content {
		if item.Kind != yaml.MappingNode {
			f.refuse(item.Line, maintenanceKey, invalid("has "+describe(item), allowed))
			continue
		}
		w := windowText{name: fmt.Sprintf("%s:%d: %s", f.file, item.Line, maintenanceKey), line: item.Line, values: map[string]string{}}
		f.eachPair(item, maintenanceKey, func(key, value *yaml.Node) {
			switch {
			case !slices.Contains(windowKeys, key.Value):
				f.refuse(key.Line, maintenanceKey, invalid(quote(key.Value)+" is not known", strings.Join(windowKeys, ", ")))
			case value.Kind != yaml.ScalarNode || value.ShortTag() != "!!str" && value.ShortTag() != "!!timestamp":
				f.refuse(value.Line, maintenanceKey, invalid(key.Value+" is "+describe(value), "a string; what looks like something else goes into quotes"))
			default:
				w.values[key.Value] = strings.TrimSpace(value.Value)
			}
		})
		windows = append(windows, w)
	}
	return windows
}

// resolveWindows checks the maintenance of a target.
func resolveWindows(written []windowText) (windows maintenance.Windows, mistakes []error) {
	if len(written) > maxWindows {
		return nil, []error{fmt.Errorf("%s: %w", written[0].name, invalid(fmt.Sprintf("has %d entries", len(written)), fmt.Sprintf("up to %d for a target", maxWindows)))}
	}
	lines := map[int]int{} // of the windows
	for _, text := range written {
		w, err := text.resolve()
		if err == nil {
			if at := slices.IndexFunc(windows, func(earlier maintenance.Window) bool { return maintenance.Overlap(earlier, w) }); at >= 0 {
				err = invalid(fmt.Sprintf("overlaps that in line %d", lines[at]), "one entry for a time that several would cover")
			}
		}
		if err != nil {
			mistakes = append(mistakes, fmt.Errorf("%s: %w", text.name, err))
			continue
		}
		lines[len(windows)] = text.line
		windows = append(windows, w)
	}
	return windows, mistakes
}

func (w windowText) resolve() (maintenance.Window, error) {
	comment, err := parseComment(w.values["comment"])
	if err != nil {
		return maintenance.Window{}, err
	}
	single := w.values["begin"] != "" || w.values["end"] != ""
	switch recurs := w.values["schedule"] != ""; {
	case single && recurs:
		return maintenance.Window{}, invalid("has a schedule, and begin or end", "begin and end, or schedule")
	case single && w.values["timezone"] != "":
		return maintenance.Window{}, invalid("has a timezone, which begin and end have by themselves", "timezone only with schedule")
	case single:
		return w.single(comment)
	case recurs:
		return w.recurring(comment)
	}
	return maintenance.Window{}, invalid("says no time", "begin and end, or schedule")
}

func (w windowText) single(comment string) (maintenance.Window, error) {
	times := map[string]time.Time{}
	for _, key := range []string{"begin", "end"} {
		at, err := time.Parse(time.RFC3339, w.values[key])
		if err != nil {
			return maintenance.Window{}, invalid(key+" "+quote(w.values[key])+" is not a time", "RFC 3339 with a time zone, such as 2026-12-01T22:00:00Z or 2026-12-01T23:00:00+01:00")
		}
		times[key] = at
	}
	if !times["begin"].Before(times["end"]) {
		return maintenance.Window{}, invalid(fmt.Sprintf("ends at %s, not after its beginning at %s", w.values["end"], w.values["begin"]), "an end after the begin")
	}
	return maintenance.Window{Begin: times["begin"].UTC(), End: times["end"].UTC(), Comment: comment}, nil
}

func (w windowText) recurring(comment string) (maintenance.Window, error) {
	zone := time.UTC
	if name := w.values["timezone"]; name != "" {
		var err error
		if zone, err = time.LoadLocation(name); err != nil || name == "Local" {
			return maintenance.Window{}, invalid("timezone "+quote(name)+" is not known", "a name of the system's time zone database, such as Europe/Berlin, or UTC")
		}
	}
	schedule, err := maintenance.ParseSchedule(w.values["schedule"], zone)
	if err != nil {
		return maintenance.Window{}, invalid("schedule "+quote(w.values["schedule"])+" "+err.Error(),
			"days and times, such as Sun 02:00-04:00, Mon-Fri,Sun 22:00-24:00 or daily 23:30-00:30")
	}
	return maintenance.Window{Schedule: schedule, Comment: comment}, nil
}

func parseComment(text string) (string, error) {
	switch {
	case isCredential(text):
		return "", invalid("has a comment that holds a credential, or what looks like one, which is not repeated here", "no credential in a comment")
	case utf8.RuneCountInString(text) > maxComment || strings.ContainsFunc(text, func(c rune) bool { return c == unicode.ReplacementChar || !unicode.IsPrint(c) }):
		return "", invalid("has a comment that is too long or cannot be printed", fmt.Sprintf("up to %d printable characters in one line", maxComment))
	}
	return text, nil
}

// maintenanceNode is the maintenance of a target in the targets file.
func maintenanceNode(windows maintenance.Windows) *yaml.Node {
	list := &yaml.Node{Kind: yaml.SequenceNode}
	for _, w := range windows {
		mapping := &yaml.Node{Kind: yaml.MappingNode}
		for _, key := range windowKeys {
			if value := windowValues(w)[key]; value != "" {
				mapping.Content = append(mapping.Content, scalar("!!str", key), scalar("!!str", value))
			}
		}
		list.Content = append(list.Content, mapping)
	}
	return list
}

// windowValues are the values of one maintenance by their keys.
func windowValues(w maintenance.Window) map[string]string {
	values := map[string]string{"comment": w.Comment}
	if w.Schedule == nil {
		maps.Copy(values, map[string]string{"begin": w.Begin.Format(time.RFC3339), "end": w.End.Format(time.RFC3339)})
	} else {
		maps.Copy(values, map[string]string{"schedule": w.Schedule.String(), "timezone": w.Schedule.Zone.String()})
	}
	return values
}
