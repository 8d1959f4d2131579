package status

import (
	"fmt"
	"strings"
	"time"

	"vault-k8s-auth-exporter/probe"
)

// verdicts are a target's state in big words.
var verdicts = map[State]string{
	Unhealthy: "Pods cannot log in",
	Unclear:   "Not known whether pods can log in",
	Stale:     "No news: the last run is too old",
	Waiting:   "Waiting for the first run",
	Healthy:   "Pods can log in",
}

// desks are the parties in words.
var desks = map[probe.Party]string{
	probe.PartyVault:             "Vault",
	probe.PartyMount:             "the auth mount in Vault",
	probe.PartyRole:              "the role in Vault",
	probe.PartyReviewer:          "the reviewer token",
	probe.PartyVaultToKubernetes: "the way from Vault to Kubernetes",
	probe.PartyKubernetes:        "Kubernetes",
	probe.PartyCanary:            "the canary",
	probe.PartyExporter:          "the exporter itself",
	probe.PartyUnknown:           "not known",
}

// stamp is a moment as it is shown: machine-readable, as a date, and in words.
type stamp struct{ ISO, Date, Words string }

func stampOf(t, now time.Time) *stamp {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &stamp{t.Format(time.RFC3339), t.Format("2006-01-02 15:04:05 UTC"), relative(t, now)}
}

func relative(t, now time.Time) string {
	if t.After(now) {
		return "in " + span(t.Sub(now))
	}
	if now.Sub(t) < time.Second {
		return "just now"
	}
	return span(now.Sub(t)) + " ago"
}

// span is a length of time in words, as exact as one needs it to be.
func span(d time.Duration) string {
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

// took is a duration as measured.
func took(d time.Duration) string {
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

func counted(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

func spaced[T ~string](name T) string { return strings.ReplaceAll(string(name), "_", " ") }
