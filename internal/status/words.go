package status

import (
	"fmt"
	"strings"
	"time"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/diagnose"
)

// verdicts are a target's state in big words.
var verdicts = map[State]string{
	Unhealthy: "Pods cannot log in",
	Unclear:   "Not known whether pods can log in",
	Stale:     "No news: the last run is too old",
	Waiting:   "Waiting for the first run",
	Healthy:   "Pods can log in",
}

// componentNames are the components as the page shows them.
var componentNames = map[diagnose.Component]string{
	diagnose.ComponentVault:             "Vault",
	diagnose.ComponentMount:             "the auth mount in Vault",
	diagnose.ComponentRole:              "the role in Vault",
	diagnose.ComponentReviewer:          "the reviewer token",
	diagnose.ComponentVaultToKubernetes: "the way from Vault to Kubernetes",
	diagnose.ComponentKubernetes:        "Kubernetes",
	diagnose.ComponentCanary:            "the canary",
	diagnose.ComponentExporter:          "the exporter itself",
	diagnose.ComponentUnknown:           "not known",
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

func counted(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

func spaced[T ~string](name T) string { return strings.ReplaceAll(string(name), "_", " ") }
