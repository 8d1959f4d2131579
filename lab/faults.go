package lab

import (
	"cmp"
	"context"
	"slices"
)

// A Fault is one thing that can be broken in a lab.
type Fault struct {
	Name    string
	Summary string // what is broken, as a sentence without a full stop

	// The verdict that the exporter must give: Bare with the environment of [Lab.Env], Full with that of [Lab.FullEnv].
	Bare, Full Verdict
	// Env is added to the exporter's environment, as NAME=value. $LAB in it is the lab's directory; see [Lab.Expand].
	Env []string

	// Needs returns whether the servers can have the fault; nil means that all can.
	Needs func(Installation) bool

	// Inject breaks the lab. Heal undoes that, and must also work if Inject failed half way or was never called.
	Inject, Heal change
}

// CanOccur returns whether servers of these installation can have the fault.
func (f Fault) CanOccur(v Installation) bool { return f.Needs == nil || f.Needs(v) }

// A change of a lab returns when it is in effect for every client of the proxies.
type change = func(context.Context, *Lab) error

// A Verdict is what the exporter must report, as the strings in its output: this package imports none of the
// exporter's.
type Verdict struct {
	Reason    string // "none" if pods can log in
	Certainty string
	Warning   string // a warning that must be present; empty requires none
}

func (v Verdict) String() string {
	if v.Warning != "" {
		return v.Reason + " with the warning " + v.Warning
	}
	return v.Reason + " (" + v.Certainty + ")"
}

func proven(reason string) Verdict { return Verdict{Reason: reason, Certainty: "proven"} }
func byElimination(reason string) Verdict {
	return Verdict{Reason: reason, Certainty: "by_elimination"}
}
func healthyWithWarning(warning string) Verdict {
	return Verdict{Reason: "none", Certainty: "proven", Warning: warning}
}

// Faults returns all faults, sorted by name. In the tables of the other files, a fault whose Full is zero has the same
// verdict with all evidence.
func Faults() []Fault {
	return faultTable(reviewerFaults(), vaultToKubernetesFaults(), mountFaults(), roleFaults(), vaultFaults(), vaultClusterFaults(), kubernetesFaults(), canaryFaults())
}

// faultTable joins the parts, sorts them by name, and fills in Full.
func faultTable(parts ...[]Fault) []Fault {
	all := slices.Concat(parts...)
	for i := range all {
		all[i].Full = cmp.Or(all[i].Full, all[i].Bare)
	}
	slices.SortFunc(all, func(a, b Fault) int { return cmp.Compare(a.Name, b.Name) })
	return all
}

func needing(needs func(Installation) bool, f Fault) Fault {
	f.Needs = needs
	return f
}

// sequence makes the changes in order and stops at the first error.
func sequence(changes ...change) change {
	return func(ctx context.Context, l *Lab) error {
		for _, change := range changes {
			if err := change(ctx, l); err != nil {
				return err
			}
		}
		return nil
	}
}

// noChange is for a fault that consists of the exporter's environment.
func noChange(context.Context, *Lab) error { return nil }
