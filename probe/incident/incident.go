// Package incident groups the targets that fail for one cause, so that a sealed Vault with
// two hundred mounts is one incident and not two hundred.
package incident

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/diagnose"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
)

// Incident is one cause, and the targets that fail for it.
type Incident struct {
	Reason    diagnose.Reason
	Component diagnose.Component
	// Object names what is broken, for people: the address of a Vault, a mount, a role, a
	// service account, the host of an API server.
	Object string
	// Since is when the first of its targets began to fail, with whatever reason the others
	// had then.
	Since time.Time
	// Results are the latest runs of its targets, by name. There is at least one, and the
	// first speaks for all: they differ in the names of their mounts and roles at most.
	Results []probe.Result
}

// LoginStatus is whether pods can log in at the incident's targets.
func (i Incident) LoginStatus() diagnose.LoginStatus { return i.Reason.LoginStatus() }

// Targets lists the names of its targets.
func (i Incident) Targets() []string {
	names := make([]string, 0, len(i.Results))
	for _, r := range i.Results {
		names = append(names, r.Target.Name)
	}
	return names
}

// Group returns the incidents of these results, at most one for each of them; healthy results
// are left out. Incidents that keep pods from logging in come first, then those with more
// targets, then the older ones. The order of the results does not matter.
func Group(results []probe.Result) []Incident {
	failed := make([]*probe.Result, 0, len(results))
	for _, r := range results {
		if !r.Healthy() {
			failed = append(failed, &r)
		}
	}
	slices.SortFunc(failed, func(a, b *probe.Result) int { return strings.Compare(a.Target.Name, b.Target.Name) })
	byCause := map[cause]*Incident{}
	for _, r := range failed {
		c := causeOf(r)
		i := byCause[c]
		if i == nil {
			i = &Incident{Reason: c.reason, Component: r.Diagnosis.Component(), Object: c.object, Since: r.Since}
			byCause[c] = i
		}
		if r.Since.Before(i.Since) {
			i.Since = r.Since
		}
		i.Results = append(i.Results, *r)
	}
	incidents := make([]Incident, 0, len(byCause))
	for _, i := range byCause {
		incidents = append(incidents, *i)
	}
	slices.SortFunc(incidents, moreUrgent)
	return incidents
}

func moreUrgent(a, b Incident) int {
	rank := func(i Incident) int {
		if i.LoginStatus() == diagnose.LoginsFail {
			return 0
		}
		return 1
	}
	return cmp.Or(
		cmp.Compare(rank(a), rank(b)),
		cmp.Compare(len(b.Results), len(a.Results)),
		a.Since.Compare(b.Since),
		strings.Compare(string(a.Reason), string(b.Reason)),
		strings.Compare(a.Object, b.Object),
	)
}

// cause is equal for results that one repair would heal.
type cause struct {
	reason diagnose.Reason
	object string
}

func causeOf(r *probe.Result) cause {
	return cause{r.Diagnosis.Reason, strings.TrimSpace(objectOf(r))}
}

// objectOf returns what has to be repaired. What belongs to Vault is named with its address, and
// with its namespace where it is in one, since two Vaults have mounts and roles of the same name.
func objectOf(r *probe.Result) string {
	t := r.Target
	vault := t.Vault.Addr
	if t.Vault.Namespace != "" {
		vault += " namespace " + t.Vault.Namespace
	}
	mount := vault + " auth/" + t.Vault.Mount
	switch r.Diagnosis.Component() {
	case diagnose.ComponentVault:
		if r.Diagnosis.Reason != diagnose.VaultNamespaceMissing && r.Diagnosis.Reason != diagnose.VaultNamespaceUnavailable {
			return t.Vault.Addr // a sealed Vault has no working namespace
		}
		return vault
	case diagnose.ComponentRole:
		return mount + "/role/" + t.Vault.Role
	case diagnose.ComponentReviewer:
		return t.Kubernetes.Host + " " + account(cmp.Or(r.Evidence.Identity.Value.Username, r.Evidence.ReviewerToken.Value.Subject), t.Reviewer)
	case diagnose.ComponentKubernetes:
		return t.Kubernetes.Host
	case diagnose.ComponentCanary:
		return t.Kubernetes.Host + " " + account(r.Evidence.CanaryToken.Value.Subject, t.Canary)
	case diagnose.ComponentExporter:
		return "exporter"
	default: // the mount, its way to Kubernetes, and what is not known
		return mount
	}
}

// account names the service account of a token: as the server or the token says, or else by
// where the token comes from.
func account(name string, o evidence.Origin) string {
	return cmp.Or(name, o.ServiceAccount.String(), o.Secret.String(), o.TokenFile, string(o.Source))
}
