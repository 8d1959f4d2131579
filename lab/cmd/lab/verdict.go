package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/lab"
)

// verdict is the line that the exporter logs for debugging when a target's verdict changes.
type verdict struct {
	Time      time.Time `json:"time"`
	Level     string    `json:"level"`
	Msg       string    `json:"msg"`
	Target    string    `json:"target"`
	Reason    string    `json:"reason"`
	Component string    `json:"component"`
	Detail    string    `json:"detail"`
	Notes     []string  `json:"notes"`
	Check     []string  `json:"check"`
	Fix       []string  `json:"fix"`
}

// formatLogLine returns what the demo prints for one line of the exporter's log, with a newline: changes of the
// verdict, warnings and errors. It is empty for other lines, among them those about incidents: the demo
// prints what happens to each target.
func formatLogLine(line []byte) string {
	var v verdict
	if err := json.Unmarshal(line, &v); err != nil {
		return string(line) + "\n" // a panic, or an error from before logging was set up
	}
	switch level := strings.ToUpper(v.Level); {
	case v.Msg == "Verdict changed":
		return v.String()
	case strings.HasPrefix(v.Msg, "Incident "):
		return ""
	case level == "WARN" || level == "ERROR":
		return fmt.Sprintf("%s  %s  %s%s\n", v.Time.Format(time.TimeOnly), strings.ToLower(level), v.Msg, otherAttributes(line))
	default:
		return ""
	}
}

func (v verdict) String() string {
	at := v.Time.Format(time.TimeOnly)
	if v.Target == lab.SimulatedTarget {
		at += "  " + lab.SimulatedTarget
	}
	if v.Reason == "none" {
		return at + "  up\n"
	}
	text := fmt.Sprintf("%s  down  %s (%s): %s\n", at, v.Reason, v.Component, v.Detail)
	for _, advice := range []struct {
		label string
		lines []string
	}{{"note:  ", v.Notes}, {"check: ", v.Check}, {"fix:   ", v.Fix}} {
		label := advice.label
		for _, line := range advice.lines {
			text += "          " + label + line + "\n"
			label = strings.Repeat(" ", len(label))
		}
	}
	return text
}

// otherAttributes formats the attributes that not every log line has.
func otherAttributes(line []byte) string {
	var attributes map[string]any
	if err := json.Unmarshal(line, &attributes); err != nil {
		return ""
	}
	var text strings.Builder
	for _, key := range slices.Sorted(maps.Keys(attributes)) {
		if !slices.Contains([]string{"time", "level", "msg", "source"}, key) {
			fmt.Fprintf(&text, " %s=%v", key, attributes[key])
		}
	}
	return text.String()
}
