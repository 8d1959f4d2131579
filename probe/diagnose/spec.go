package diagnose

import (
	"cmp"
	"slices"
	"sync"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
)

// Spec defines a reason and its texts. The specs of a component are in one file, next to
// the constants. Lists, docs/reasons.md, docs/warnings.md and runbook links are generated from them.
type Spec struct {
	Code      Reason
	Component Component
	// Title is a short description, the same for every target.
	Title string
	// Means, Seen and Remedy are Markdown for docs/reasons.md and docs/warnings.md: what has happened, what shows
	// it and how certain that is, and what to do.
	Means, Seen, Remedy string
	// Reported is Markdown that names public reports of the fault; owner/repository#1 becomes
	// a link. Empty if none is known.
	Reported string
	// Backoff is set if a server asks for fewer requests: the verdict is not rechecked.
	Backoff bool

	advise adviser
}

// adviser returns the advice for one target. It is a pure function.
type adviser func(evidence.Target, evidence.Evidence) Advice

// WarningSpec defines a warning and its texts.
type WarningSpec struct {
	Code      WarningCode
	Component Component
	Title     string
	// Means, Seen, Remedy and Reported are as in [Spec].
	Means, Seen, Remedy, Reported string

	// judge returns whether the condition holds; judged is false if the evidence does not
	// show it.
	judge func(evidence.Target, evidence.Evidence) (f finding, judged bool)
}

// Specs lists the spec of every reason but None, by component, then by name.
func Specs() []Spec {
	return slices.Concat(vaultReasons, mountReasons, roleReasons, reviewerReasons, vaultToKubernetesReasons,
		kubernetesReasons, canaryReasons, exporterReasons, unknownReasons)
}

// WarningSpecs lists the spec of every warning, by component.
func WarningSpecs() []WarningSpec { return warningSpecs() }

var warningSpecs = sync.OnceValue(func() []WarningSpec {
	return slices.Concat(vaultWarnings, mountWarnings, roleWarnings, reviewerWarnings, kubernetesWarnings, canaryWarnings)
})

// Reasons lists every reason but None, in the order of [Specs].
func Reasons() []Reason { return codes(Specs(), func(s Spec) Reason { return s.Code }) }

// WarningCodes lists every warning, in the order of [WarningSpecs].
func WarningCodes() []WarningCode {
	return codes(WarningSpecs(), func(s WarningSpec) WarningCode { return s.Code })
}

func codes[S, C any](specs []S, code func(S) C) []C {
	list := make([]C, 0, len(specs))
	for _, s := range specs {
		list = append(list, code(s))
	}
	return list
}

var healthy = Spec{Code: None, Component: ComponentNone, Title: "pods can log in"}

var specOf = func() map[Reason]Spec {
	all := map[Reason]Spec{None: healthy}
	for _, s := range Specs() {
		all[s.Code] = s
	}
	return all
}()

// sorted sorts the specs of one component by code.
func sorted(specs ...Spec) []Spec {
	slices.SortFunc(specs, func(a, b Spec) int { return cmp.Compare(a.Code, b.Code) })
	return specs
}
