package main

import (
	"fmt"
	"log/slog"
	"os"
	"strings"
	"time"

	"github.com/prometheus/common/version"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/internal/config"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/internal/events"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/internal/status"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/diagnose"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/incident"
)

// newEvents returns what writes Kubernetes Events about the configured object, or about the
// exporter's pod. It is nil if they are off.
func newEvents(settings config.Config, logger *slog.Logger) *events.Writer {
	if !settings.KubernetesEvents.Enabled {
		return nil
	}
	home := settings.Home
	server := events.Server{Host: home.Host, CACert: home.CACert, TokenFile: home.TokenFile, UserAgent: "vault-k8s-auth-exporter/" + version.Version}
	pod, named := server.Pod(), settings.KubernetesEvents.Object
	about := events.Object{APIVersion: named.APIVersion, Kind: named.Kind, Namespace: named.Namespace, Name: named.Name}
	if about.Kind == "Pod" && pod.Namespace == about.Namespace && pod.Name == about.Name {
		about = pod // with its UID
	}
	instance, err := os.Hostname()
	if err != nil {
		instance = "unknown"
	}
	return events.New(server, about, instance, logger)
}

// maxNoted is how many targets an Event names.
const maxNoted = 5

// eventOf returns the Event of a change of an incident; reported is false for those that have none. The
// result is what brought it about, nil if none did.
func eventOf(links status.Links, c incident.Change, r *probe.Result) (event events.Event, reported bool) {
	of := c.Record
	cause := fmt.Sprintf("%s (%s, owner: %s) at %s", of.Reason.Title(), of.Reason, of.Component.Owner(), of.Object)
	switch {
	case c.Kind == incident.Ended:
		return events.Event{
			Key: of.ID + "-ended", Reason: "IncidentEnded",
			Note: fmt.Sprintf("Ended after %s, %s: %s.", of.Duration().Round(time.Second), strings.ReplaceAll(string(of.Ending), "_", " "), cause),
		}, true
	case c.Kind == incident.Continued || r == nil:
		return events.Event{}, false // it was reported before the restart
	}
	sentence := "Pods cannot log in to Vault"
	if of.Reason.LoginStatus() == diagnose.LoginsUnknown {
		sentence = "Whether pods can log in to Vault is not known"
	}
	note := fmt.Sprintf("%s: %s. %s: %s. %s.", sentence, cause, counted(of.Failing, "target"), firstOf(of.Names, maxNoted), r.Diagnosis.Detail)
	if runbook := links.Runbook(of.Reason, r.Target.Name); runbook != "" {
		note += " See " + runbook
	}
	return events.Event{Key: of.ID, Warning: true, Reason: camelCase(string(of.Reason)), Note: note}, true
}

// camelCase makes VaultSealed of vault_sealed.
func camelCase(code string) string {
	var word strings.Builder
	for part := range strings.SplitSeq(code, "_") {
		word.WriteString(strings.ToUpper(part[:min(1, len(part))]) + part[min(1, len(part)):])
	}
	return word.String()
}
