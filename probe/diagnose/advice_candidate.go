package diagnose

import (
	"fmt"
	"time"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/shell"
)

// adviseCandidate returns the write of a candidate that works.
func adviseCandidate(t evidence.Target, e evidence.Evidence) Advice {
	a := Advice{Notes: endsOfReviewer(e), Fix: changeConfig(t, e, candidateSettings(t, e)...)}
	a.Notes = append(a.Notes, changedByCandidate(t, e)...)
	a.Notes = append(a.Notes, sharedWrites(t, a.Fix)...)
	a.Notes = append(a.Notes, "It keeps every other field, as Vault returns it when the fix runs. Then run exporter check: only a login shows that Vault itself reaches the API server.")
	return a
}

// candidateSettings lists the fields that change. The reviewer's token is always written, since
// Vault does not return it: then it is the one that was tried.
func candidateSettings(t evidence.Target, e evidence.Evidence) []setting {
	var changes []setting
	c := t.Candidate
	if c.Host {
		changes = append(changes, hostSetting(t))
	}
	if ca := caSetting(t, e); c.CACert {
		changes = append(changes, setting{name: kubernetesCA, value: "@" + evidence.QuoteFile(t.Kubernetes.CACert)})
	} else if c.Host && ca.value != "" {
		changes = append(changes, ca) // the stored CA is that of the stored host
	}
	isFile := t.Reviewer.Source == evidence.SourceFile
	if c.Reviewer || isFile && len(changes) > 0 && mayStoreReviewer(e) {
		changes = append(changes, triedReviewer(t))
	}
	return changes
}

// triedReviewer returns the token in the reviewer's file.
func triedReviewer(t evidence.Target) setting {
	file := t.Reviewer.TokenFile
	if command, known := t.Pod.Read(file); known && !t.Candidate.Reviewer {
		return setting{name: reviewerJWT, value: "@reviewer-token", fetch: []string{command + " > reviewer-token"}}
	}
	return setting{name: reviewerJWT, value: "@" + evidence.QuoteFile(file)}
}

// endsOfReviewer returns a sentence for each event that makes the reviewer's token invalid.
func endsOfReviewer(e evidence.Evidence) []string {
	c := e.ReviewerToken.Value
	var ends []string
	switch {
	case !e.ReviewerToken.Ok():
	case c.Opaque:
		ends = append(ends, "The token is no JWT: when it expires is not known.")
	case c.Expires.IsZero():
		ends = append(ends, "The token does not expire.")
	default:
		ends = append(ends, fmt.Sprintf("The token expires at %s, in %s: logins fail from then on, unless another token is written before.", date(c.Expires), span(c.Expires.Sub(e.At))))
	}
	if bound := boundTo(c); bound != "" {
		ends = append(ends, "It becomes invalid with "+bound+".")
	} else if c.Node != "" {
		ends = append(ends, "It becomes invalid with the node "+c.Node+".")
	}
	return ends
}

// span returns a duration in days or, below two, in hours.
func span(d time.Duration) string {
	const day = 24 * time.Hour
	if d >= 2*day {
		return fmt.Sprintf("%d days", d/day)
	}
	return fmt.Sprintf("%.1f hours", d.Hours())
}

// changedByCandidate says what the write replaces, as far as the exporter may read the config.
func changedByCandidate(t evidence.Target, e evidence.Evidence) []string {
	config := e.Mount.Config
	if !config.Ok() {
		return []string{"The exporter may not read the config of " + mountPath(t) + ": what the write changes in it is not known."}
	}
	var notes []string
	if c := t.Candidate; c.Host && config.Value.Host != t.Kubernetes.Host {
		notes = append(notes, fmt.Sprintf("The write changes kubernetes_host from %s to %s.", evidence.Clean(config.Value.Host), t.Kubernetes.Host))
	}
	if t.Kubernetes.CACert == "" && config.Value.CACert == "" {
		notes = append(notes, "Neither the candidate nor the config has a CA: the host was verified with the system's certificates, and Vault uses its own, or its pod's.")
	}
	return notes
}

// adviseCandidateHost is for a candidate whose host or CA does not work for the exporter.
func adviseCandidateHost(r Reason, t evidence.Target) Advice {
	a := Advice{Notes: []string{"Do not write it. Nothing was changed in Vault."}}
	if !r.isOfHost() {
		a.Notes = []string{"Do not write it, unless Vault reaches this host where the exporter does not. Nothing was changed in Vault."}
	}
	if !hasScheme.MatchString(t.Kubernetes.Host) {
		a.Notes = append(a.Notes, "kubernetes_host must be an https URL, such as https://kubernetes.default.svc.")
		return a
	}
	ca := ""
	if t.Kubernetes.CACert != "" {
		ca = "--cacert " + evidence.QuoteFile(t.Kubernetes.CACert) + " "
	}
	a.Check = []Check{{"curl -sS --max-time 5 " + ca + shell.Quote(t.Kubernetes.Host+"/readyz"), anythingButOK}}
	return a
}
