package config

import (
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe"
)

// needs says which key each source of a token needs: it is required with that
// source, and a mistake with any other.
type needs map[probe.Source]string

var (
	reviewerNeeds = needs{
		probe.SourceFile:           "REVIEWER_TOKEN_FILE",
		probe.SourceSecret:         "REVIEWER_SECRET",
		probe.SourceServiceAccount: "REVIEWER_SERVICE_ACCOUNT",
		probe.SourceAccessReview:   "REVIEWER_SERVICE_ACCOUNT",
		probe.SourceCanary:         "",
	}
	canaryNeeds = needs{
		probe.SourceFile:           "CANARY_TOKEN_FILE",
		probe.SourceServiceAccount: "CANARY_SERVICE_ACCOUNT",
	}
	reviewerSource = sourceOf(reviewerNeeds)
	canarySource   = sourceOf(canaryNeeds)
)

// sourceOf makes the kind of sources of a token.
func sourceOf(n needs) kind[probe.Source] {
	var names []string
	for _, source := range slices.Sorted(maps.Keys(n)) {
		names = append(names, string(source))
	}
	return kind[probe.Source]{
		shape: shape{allowed: strings.Join(names, ", "), enum: names},
		parse: func(value string) (probe.Source, error) {
			if _, known := n[probe.Source(value)]; !known {
				return "", malformed(quote(value) + " is not supported")
			}
			return probe.Source(value), nil
		},
		format: plain[probe.Source],
	}
}

// use is whether a variable has to be set.
type use int

const (
	optional use = iota
	required
	unused
)

// useOf returns the use of a variable and, where it depends on the source of a
// token, the key by which the source is chosen.
func useOf(s spec, v values) (use, string) {
	for chooser, n := range map[string]needs{"REVIEWER": reviewerNeeds, "CANARY": canaryNeeds} {
		if len(n.sourcesOf(s.key)) == 0 {
			continue
		}
		switch needed, known := n[probe.Source(v[chooser])]; {
		case !known:
			return optional, chooser
		case needed == s.key:
			return required, chooser
		}
		return unused, chooser
	}
	if s.required {
		return required, ""
	}
	return optional, ""
}

// sourcesOf are the sources that need a key.
func (n needs) sourcesOf(key string) []probe.Source {
	var sources []probe.Source
	for source, needed := range n {
		if needed == key {
			sources = append(sources, source)
		}
	}
	return slices.Sorted(slices.Values(sources))
}

// identity checks that the chosen sources have the tokens of the exporter's own that
// they need, and that the pod's own token goes to its own API server alone.
func (r *resolver) identity(t *probe.Target) {
	if key := ownIdentityFor(*t); key != "" && r.values["KUBERNETES_TOKEN_FILE"] == "" {
		r.refuse("KUBERNETES_TOKEN_FILE", inconsistent(
			"is not set although "+r.names.name(key)+" needs the exporter's own identity at the API server",
			"the path of the file with the exporter's own service account token; only for the API server of its own pod has it a default"))
	}
	if t.Reviewer.Source == probe.SourceSecret {
		t.Home = r.home("REVIEWER", "secret")
		if r.pod.serves(t.Kubernetes.Host) { // one server goes by one name
			t.Home.Host, t.Home.CACert, t.Home.TLSServerName = t.Kubernetes.Host, t.Kubernetes.CACert, t.Kubernetes.TLSServerName
		}
	}
	r.podToken("KUBERNETES_TOKEN_FILE", t.Kubernetes.TokenFile)
	r.podToken("REVIEWER_TOKEN_FILE", t.Reviewer.TokenFile)
}

// ownIdentityFor returns the key of a source that has the exporter itself ask the
// API server, empty where none does.
func ownIdentityFor(t probe.Target) string {
	switch {
	case t.Reviewer.Source == probe.SourceServiceAccount, t.Reviewer.Source == probe.SourceAccessReview:
		return "REVIEWER"
	case t.Canary.Source == probe.SourceServiceAccount:
		return "CANARY"
	}
	return ""
}

// home is the cluster that the exporter runs in, for what can be nowhere else.
func (r *resolver) home(key, value string) probe.Kubernetes {
	if !r.pod.exists() {
		r.refuse(key, inconsistent(value+" is of the cluster that the exporter runs in, and this is no pod", "it in a pod only"))
		return probe.Kubernetes{}
	}
	if _, err := os.Stat(r.pod.tokenFile()); err != nil {
		r.refuse(key, inconsistent(value+" needs the pod's own token, and there is no "+shown(r.pod.tokenFile()),
			"it where the pod's spec mounts a service account token there"))
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
