package docs_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v4"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/diagnose"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/incident"
)

// settings are the labels of an alert about a target, and how to change what each stands for.
var settings = map[string]func(*evidence.Target){
	"target":          func(t *evidence.Target) { t.Name = "other" },
	"vault_addr":      func(t *evidence.Target) { t.Vault.Addr = "https://other" },
	"vault_namespace": func(t *evidence.Target) { t.Vault.Namespace = "other" },
	"mount":           func(t *evidence.Target) { t.Vault.Mount = "other" },
	"role":            func(t *evidence.Target) { t.Vault.Role = "other" },
	"kubernetes_host": func(t *evidence.Target) { t.Kubernetes.Host = "https://other" },
}

// routedOtherwise are the differences between a notification and an incident, by what differs
// between two targets: a component, or a reason of it.
var routedOtherwise = map[string]string{
	"vault_namespace_missing vault_namespace":     "Alertmanager does not know the reason, and a Vault that is down has no working namespace",
	"vault_namespace_unavailable vault_namespace": "Alertmanager does not know the reason, and a Vault that is down has no working namespace",
	"reviewer vault_addr":                         "the reviewer's account is no label",
	"reviewer vault_namespace":                    "the reviewer's account is no label",
	"reviewer mount":                              "the reviewer's account is no label",
	"reviewer kubernetes_host":                    "a mount has one API server",
}

// One notification is one incident: two targets that fail for one reason share an incident if
// and only if Alertmanager's route groups them.
func TestRouteGroupsAsIncidents(t *testing.T) {
	used := map[string]bool{}
	for _, reason := range diagnose.Reasons() {
		if reason.LoginStatus() != diagnose.LoginsFail {
			continue
		}
		groupBy := groupedBy(t, "VaultK8sAuthLoginFailing", reason.Component())
		for label, change := range settings {
			one := evidence.Target{Name: "one", Vault: evidence.Vault{Addr: "https://v", Mount: "m", Role: "r"}, Kubernetes: evidence.Kubernetes{Host: "https://k"}}
			other := one
			other.Name = "two"
			change(&other)
			verdict := diagnose.Diagnosis{Verdict: diagnose.Verdict{Reason: reason}}
			together := len(incident.Group([]probe.Result{{Target: one, Diagnosis: verdict}, {Target: other, Diagnosis: verdict}})) == 1
			if together != slices.Contains(groupBy, label) {
				continue
			}
			byReason, byComponent := fmt.Sprintf("%s %s", reason, label), fmt.Sprintf("%s %s", reason.Component(), label)
			switch {
			case routedOtherwise[byReason] != "":
				used[byReason] = true
			case routedOtherwise[byComponent] != "":
				used[byComponent] = true
			default:
				t.Errorf("%s: two targets that differ in %s are one incident: %t; the route groups by %s", reason, label, together, strings.Join(groupBy, ", "))
			}
		}
	}
	for difference := range routedOtherwise {
		if !used[difference] {
			t.Errorf("%s: there is no such difference", difference)
		}
	}
}

// groupedBy returns group_by of the first route that matches the alert.
func groupedBy(t *testing.T, name string, component diagnose.Component) []string {
	t.Helper()
	var config struct {
		Route struct {
			Routes []struct {
				Matchers []string
				GroupBy  []string `yaml:"group_by"`
			}
		}
	}
	if err := yaml.Unmarshal([]byte(read(t, "../deploy/prometheus/alertmanager.yaml")), &config); err != nil {
		t.Fatal(err)
	}
	alert := map[string]string{"alertname": name, "component": string(component), "severity": "critical"}
	for _, route := range config.Route.Routes {
		if !slices.ContainsFunc(route.Matchers, func(matcher string) bool {
			label, value, isEqual := strings.Cut(matcher, " = ")
			return !isEqual || alert[label] != value
		}) {
			return route.GroupBy
		}
	}
	t.Fatalf("no route matches %v", alert)
	return nil
}
