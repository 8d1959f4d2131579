package lab

import (
	"cmp"
	"context"
	"slices"
)

// A Fault is one thing that can be broken in a lab.
type Fault struct {
	Name    string
	Summary string // what is done, as a sentence without its end

	// Bare is what the exporter must say with the environment of [Lab.Env], Full with that of [Lab.FullEnv].
	Bare, Full Verdict
	// Env is what must stand in the exporter's environment beside that, NAME=value each, in which $LAB is the directory of
	// the lab; see [Lab.Expand].
	Env []string

	// Inject breaks it. Heal makes it whole again, also when Inject got only half way or was never called.
	Inject, Heal change
}

// A change of a lab is over when it is in effect, for whoever asks through the proxies.
type change = func(context.Context, *Lab) error

// A Verdict is what the exporter must say, in its own words: the lab knows nothing of the exporter's packages.
type Verdict struct {
	Reason    string // "none" where pods can log in
	Certainty string
	Warning   string // one that must be raised; empty: none is demanded
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

// Faults is the table of all faults, by name. In the files by side a fault whose verdict the optional evidence does not
// change leaves Full out.
func Faults() []Fault {
	return faultTable(reviewerFaults(), vaultToKubernetesFaults(), mountFaults(), roleFaults(), vaultFaults(), kubernetesFaults(), canaryFaults())
}

// table is the parts in one, by name.
func faultTable(parts ...[]Fault) []Fault {
	all := slices.Concat(parts...)
	for i := range all {
		all[i].Full = cmp.Or(all[i].Full, all[i].Bare)
	}
	slices.SortFunc(all, func(a, b Fault) int { return cmp.Compare(a.Name, b.Name) })
	return all
}

// inOrder makes one change after another, up to the first that goes wrong.
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

// nothing is the change of a fault that is in the exporter's environment alone.
func noChange(context.Context, *Lab) error { return nil }
