package config

import (
	"maps"
	"os"
	"slices"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
)

// needs is the key that each source of a token needs: required with that source, and
// a mistake with any other.
type needs map[evidence.SourceName]string

var (
	reviewerNeeds  = keysOf("REVIEWER_", func(evidence.Source) bool { return true })
	canaryNeeds    = keysOf("CANARY_", func(s evidence.Source) bool { return s.ForCanary })
	reviewerSource = choice(slices.Sorted(maps.Keys(reviewerNeeds))...)
	canarySource   = choice(slices.Sorted(maps.Keys(canaryNeeds))...)
)

// keysOf lists the sources that fit, each with the key that it needs.
func keysOf(prefix string, fits func(evidence.Source) bool) needs {
	n := needs{}
	for _, s := range evidence.Sources {
		switch {
		case !fits(s):
		case s.Key == "":
			n[s.Name] = ""
		default:
			n[s.Name] = prefix + s.Key
		}
	}
	return n
}

// requirement is whether a variable must be set.
type requirement int

const (
	optional requirement = iota
	required
	unused
)

// needOf returns whether a variable must be set and, where the source of a token
// decides that, the key by which the source is chosen.
func needOf(s spec, v values) (requirement, string) {
	chooser := chooserOf[s.key]
	if chooser == "" && s.required {
		return required, ""
	}
	needed, known := needsOf[chooser][evidence.SourceName(v[chooser])]
	switch {
	case !known:
		return optional, chooser
	case needed == s.key:
		return required, chooser
	}
	return unused, chooser
}

// needsOf are the needs by the key that chooses the source; chooserOf is that key for
// each that some source needs.
var (
	needsOf   = map[string]needs{"REVIEWER": reviewerNeeds, "CANARY": canaryNeeds}
	chooserOf = func() map[string]string {
		choosers := map[string]string{}
		for chooser, n := range needsOf {
			for _, key := range n {
				choosers[key] = chooser
			}
		}
		delete(choosers, "")
		return choosers
	}()
)

// identity checks that the chosen sources have the tokens of the exporter's own that
// they need, and that the pod's own token goes to its own API server alone.
func (r *resolver) identity(t *evidence.Target) {
	if key := ownIdentityFor(*t); key != "" && r.values["KUBERNETES_TOKEN_FILE"] == "" {
		r.refuse("KUBERNETES_TOKEN_FILE", inconsistent(
			"is not set although "+r.names.name(key)+" needs the exporter's own identity at the API server",
			"the path of the file with the exporter's own service account token; it has a default only for the pod's own API server"))
	}
	t.Kubernetes.Alias = r.pod.alias(t.Kubernetes.Host)
	if t.Reviewer.Source.Spec().Home {
		t.Home = r.home("REVIEWER", "the Secret")
		if r.pod.serves(t.Kubernetes.Host) { // rules compare servers by name
			t.Home.Host, t.Home.CACert, t.Home.TLSServerName = t.Kubernetes.Host, t.Kubernetes.CACert, t.Kubernetes.TLSServerName
		}
	}
	r.podToken("KUBERNETES_TOKEN_FILE", t.Kubernetes.TokenFile)
	r.podToken("REVIEWER_TOKEN_FILE", t.Reviewer.TokenFile)
}

// ownIdentityFor returns the key of a source that has the exporter itself ask the
// API server, empty where none does.
func ownIdentityFor(t evidence.Target) string {
	switch {
	case t.Reviewer.Source.Spec().OwnIdentity:
		return "REVIEWER"
	case t.Canary.Source.Spec().OwnIdentity:
		return "CANARY"
	}
	return ""
}

// home returns the API server of the cluster that the exporter runs in, for the value of key:
// object is what it needs there.
func (r *resolver) home(key, object string) evidence.Kubernetes {
	value := r.values[key]
	if !r.pod.exists() {
		r.refuse(key, inconsistent(value+" works only in a pod, because "+object+" is in the exporter's own cluster", "another value outside a pod"))
		return evidence.Kubernetes{}
	}
	if _, err := os.Stat(r.pod.tokenFile()); err != nil {
		r.refuse(key, inconsistent(value+" needs the pod's own token, and there is no "+shown(r.pod.tokenFile()),
			"another value, unless the pod's spec mounts a service account token there"))
	}
	return r.pod.home()
}

// podToken refuses the pod's own token for another API server than the pod's.
func (r *resolver) podToken(key, tokenFile string) {
	if host := r.values["KUBERNETES_HOST"]; tokenFile != "" && host != "" && isPodToken(tokenFile) && !r.pod.serves(host) {
		r.refuse(key, inconsistent("is the pod's own token, and "+r.names.name("KUBERNETES_HOST")+" is not the pod's own API server",
			"a token that is meant for that API server"))
	}
}
