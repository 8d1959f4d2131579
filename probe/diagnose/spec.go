package diagnose

import (
	"cmp"
	"slices"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
)

// Spec is everything that is said of a reason. The specs of a component stand in one
// file, beside the constants; lists, docs/reasons.md and runbook links come from them.
type Spec struct {
	Code      Reason
	Component Component
	// Title is a short sentence that is the same for every target.
	Title string
	// Means, Seen and Remedy are for docs/reasons.md, in Markdown: what has happened, what
	// shows it and how certain that is, what to do.
	Means, Seen, Remedy string
	// Reported names public reports of the fault, in Markdown; owner/repository#1 becomes
	// a link. Empty where none is known.
	Reported string
	// Backoff is set where a server asks for fewer requests: no run confirms the verdict.
	Backoff bool

	advise adviser
}

// adviser gives the advice on one target. It is as pure as [Diagnose].
type adviser func(evidence.Target, evidence.Evidence) Advice

// WarningSpec is everything that is said of a warning.
type WarningSpec struct {
	Code      WarningCode
	Component Component
	Title     string
	// Means, Seen, Remedy and Reported are as those of [Spec].
	Means, Seen, Remedy, Reported string

	// judge says whether the condition holds; judged is false where the evidence does
	// not tell.
	judge func(evidence.Target, evidence.Evidence) (f finding, judged bool)
}

// Specs lists the spec of every reason but None, by component, then by name.
func Specs() []Spec {
	return slices.Concat(vaultReasons, mountReasons, roleReasons, reviewerReasons, vaultToKubernetesReasons,
		kubernetesReasons, canaryReasons, exporterReasons, unknownReasons)
}

// WarningSpecs lists the spec of every warning, by component.
func WarningSpecs() []WarningSpec {
	return slices.Concat(vaultWarnings, mountWarnings, roleWarnings, reviewerWarnings, kubernetesWarnings, canaryWarnings)
}

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

// sorted puts the specs of one component into the order of their names.
func sorted(specs ...Spec) []Spec {
	slices.SortFunc(specs, func(a, b Spec) int { return cmp.Compare(a.Code, b.Code) })
	return specs
}
