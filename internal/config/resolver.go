package config

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
)

// resolver parses and checks the values of a target or of the process, and collects
// every mistake.
type resolver struct {
	values   values
	names    keyNames
	pod      pod
	files    fileChecks
	mistakes []error
}

// resolveTarget fills in the defaults of a pod and checks every value. With a mistake
// the target is not to be used.
func resolveTarget(v values, names keyNames, p pod, checked fileChecks) (evidence.Target, []error) {
	v, names = p.fill(v, names)
	r := &resolver{values: v, names: names, pod: p, files: checked}
	var t evidence.Target
	store(r, targetVariables, &t)
	r.clientPair(t)
	r.identity(&t)
	r.timing(t)
	return t, r.sorted()
}

// store parses the values of a table into their fields.
func store[T any](r *resolver, table []variable[T], into *T) {
	for _, v := range table {
		if err := storeOne(r, v, into); err != nil {
			r.refuse(v.key, allowing(err, v.allowed))
		}
	}
}

func storeOne[T any](r *resolver, v variable[T], into *T) error {
	value := r.values[v.key]
	need, chooser := needOf(v.spec, r.values)
	switch {
	case need == unused && (value == "" || r.names.inherited[v.key]):
		return nil
	case need == unused:
		return inconsistent(fmt.Sprintf("is not used, since %s is %s", r.names.name(chooser), r.values[chooser]), "nothing, or a source that uses it")
	case isCredential(value):
		return invalid("holds a credential, or what looks like one, which is not repeated here",
			"no credential in a variable: it goes into a file, and the variable names the file")
	case need == required && value == "":
		return inconsistent("is not set", cmp.Or(v.missing, v.allowed)+r.otherSources(chooser))
	case value == "" && v.builtIn == "":
		return nil
	case strings.Contains(value, "://") && !v.url:
		return invalid(injected, noServiceLinks)
	}
	if v.content != nil {
		if err := r.files.check(value, v.shape); err != nil {
			return err
		}
	}
	return v.parse(into, value)
}

// otherSources says what else the default source of a token can be replaced by; empty for no
// chooser or another source.
func (r *resolver) otherSources(chooser string) string {
	if chooser == "" || r.values[chooser] != string(evidence.SourceFile) {
		return ""
	}
	others := slices.DeleteFunc(slices.Sorted(maps.Keys(needsOf[chooser])), func(s evidence.SourceName) bool { return s == evidence.SourceFile })
	text := fmt.Sprintf("; or another source, %s: %s", r.names.name(chooser), strings.Join(collect(others, plain[evidence.SourceName]), ", "))
	if chooser == "REVIEWER" {
		text += "; exporter setup prints the one that fits, and all else that an installation needs"
	}
	return text
}

// The problem of a value that Kubernetes injects for a Service.
const (
	injected       = "is a URL where a bare value belongs: Kubernetes injects such values for Services"
	noServiceLinks = "a value of your own; set enableServiceLinks: false in the pod's spec to have none injected"
)

// refuse records a mistake, unless the environment's name already reports it.
func (r *resolver) refuse(key string, err error) {
	if !r.names.reported[key] {
		r.mistakes = append(r.mistakes, &mistake{key, r.names.name(key), err})
	}
}

// sorted returns the mistakes in the order in which the variables are documented.
func (r *resolver) sorted() []error {
	order := func(err error) int {
		m, _ := errors.AsType[*mistake](err)
		return indexOf(m.key)
	}
	slices.SortStableFunc(r.mistakes, func(a, b error) int { return order(a) - order(b) })
	return r.mistakes
}

// clientPair refuses half a pair, and halves that do not belong together.
func (r *resolver) clientPair(t evidence.Target) {
	const both = "both, or neither"
	certificate, key := r.values["VAULT_CLIENT_CERT"], r.values["VAULT_CLIENT_KEY"]
	switch {
	case certificate == "" && key != "":
		r.refuse("VAULT_CLIENT_CERT", inconsistent("is not set although "+r.names.name("VAULT_CLIENT_KEY")+" is", both))
	case certificate != "" && key == "":
		r.refuse("VAULT_CLIENT_KEY", inconsistent("is not set although "+r.names.name("VAULT_CLIENT_CERT")+" is", both))
	case t.Vault.ClientCert != "" && t.Vault.ClientKey != "":
		if err := checkPair(certificate, key); err != nil {
			r.refuse("VAULT_CLIENT_KEY", err)
		}
	}
}

// timing checks the durations against each other.
func (r *resolver) timing(t evidence.Target) {
	if longest := t.Timeout + evidence.Overrun; t.Interval > 0 && t.Timeout > 0 && t.Interval < longest {
		r.refuse("INTERVAL", inconsistent(
			fmt.Sprintf("%v is shorter than the longest run, %v: the %v of %s, and %v for follow-ups and revocation",
				t.Interval, longest, t.Timeout, r.names.name("TIMEOUT"), evidence.Overrun),
			fmt.Sprintf("%v or more%s", longest, orTimeout(t.Interval-evidence.Overrun))))
	}
	if t.Interval > 0 && t.Recheck > t.Interval {
		r.refuse("RECHECK_INTERVAL", inconsistent(
			fmt.Sprintf("%v is longer than the %v of %s", t.Recheck, t.Interval, r.names.name("INTERVAL")),
			fmt.Sprintf("%v to %v", minDuration, t.Interval)))
	}
}

// orTimeout suggests the timeout that fits, if one does.
func orTimeout(fitting time.Duration) string {
	if fitting < minDuration {
		return ""
	}
	return fmt.Sprintf(", or a timeout of %v or less", fitting)
}
