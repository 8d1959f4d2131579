package soak

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/lab"
)

// A run is one run of a target, as the exporter reports it.
type run struct {
	target            string
	started, ended    time.Time
	reason, certainty string // the certainty is empty if only the history has the run
}

func (r run) healthy() bool { return r.reason == "none" }

func (r run) String() string {
	return fmt.Sprintf("the run of %s from %s to %s found %s %s", r.target, clock(r.started), clock(r.ended), r.reason, r.certainty)
}

// The targets of the soak. The evidence of all others is something between that of these two.
const (
	bareTarget = "bare" // has what every exporter has
	fullTarget = "full" // has the optional evidence too
)

// wanted returns the verdicts that a target may give of a fault that holds alone.
func wanted(target string, f lab.Fault) []lab.Verdict {
	switch target {
	case bareTarget:
		return []lab.Verdict{f.Bare}
	case fullTarget:
		return []lab.Verdict{f.Full}
	}
	return []lab.Verdict{f.Bare, f.Full}
}

// judgeRun returns an error if a run's verdict contradicts the timeline. A run during which something changed may have
// any verdict, but it is not healthy if another fault held all the time.
func judgeRun(r run, spans []span) error {
	holding, changing := during(r, spans)
	blocking := slices.DeleteFunc(slices.Clone(holding), func(f lab.Fault) bool { return !hidesLogins(f) })
	switch {
	case r.healthy() && len(blocking) > 0:
		return fmt.Errorf("%s, while %s held", r, names(blocking))
	case r.healthy() || changing || slices.Contains(allowed(r.target, holding), r.reason):
		return nil
	case len(holding) == 0:
		return fmt.Errorf("%s, and nothing was wrong", r)
	case len(blocking) > 0 && isUnspecific(r):
		return nil
	}
	return fmt.Errorf("%s, while %s held, which allows %s", r, names(holding), strings.Join(allowed(r.target, holding), ", "))
}

// judgeSettled returns an error if a run is not exactly as it must be a while after a change. Of two faults either may
// be named.
func judgeSettled(r run, spans []span) error {
	holding, changing := during(r, spans)
	if changing || len(holding) > 1 {
		return nil
	}
	want := []lab.Verdict{{Reason: "none", Certainty: "proven"}}
	if len(holding) == 1 {
		want = wanted(r.target, holding[0])
	}
	for _, v := range want {
		if r.reason == v.Reason && (r.certainty == v.Certainty || r.certainty == "") {
			return nil
		}
	}
	return fmt.Errorf("%s, while %s held: want %s", r, names(holding), want[len(want)-1])
}

// during returns the faults that held during the whole run, and whether anything else may have affected it.
func during(r run, spans []span) (holding []lab.Fault, changing bool) {
	for _, s := range spans {
		switch {
		case s.holds(r.started, r.ended):
			holding = append(holding, *s.fault)
		case s.mayHold(r.started, r.ended):
			changing = true
		}
	}
	return holding, changing
}

// allowed returns the reasons of the faults that no other hides.
func allowed(target string, holding []lab.Fault) []string {
	var reasons []string
	for _, f := range holding {
		if slices.ContainsFunc(holding, func(other lab.Fault) bool { return hides(other, f) }) {
			continue
		}
		for _, v := range wanted(target, f) {
			reasons = append(reasons, v.Reason)
		}
		if slices.ContainsFunc(holding, func(other lab.Fault) bool { return reveals(other, f) }) {
			reasons = append(reasons, f.Full.Reason)
		}
	}
	return reasons
}

// reveals reports whether the fault f is seen better while the other holds: a role with a namespace selector has Vault
// read the namespace from the API server, and say why it cannot, as the diagnostic role does.
func reveals(other, f lab.Fault) bool {
	return other.Name != f.Name && (other.Name == "role_namespace_mismatch_selector" || other.Name == "role_namespace_selector_failed")
}

// hides reports whether nobody can see the fault f while the other holds. Of two faults that do not hide each other
// either may be named.
func hides(other, f lab.Fault) bool {
	behindVault := partOf(f) != vaultPart && partOf(f) != certificatePart
	switch {
	case !hidesLogins(other), other.Name == f.Name:
		return false
	case isWithoutToken(f) && isSeenByLoginsAlone(other):
		return false // no login is sent
	case partOf(other) == vaultPart || partOf(other) == certificatePart:
		return behindVault // no login is served
	case isWithoutToken(other):
		return behindVault || isSeenByLoginsAlone(f)
	case removesMount(other):
		return behindVault && !isWithoutToken(f) // a login ends at the mount
	}
	return false
}

// isWithoutToken reports whether there is no canary token that could be sent.
func isWithoutToken(f lab.Fault) bool {
	return f.Name == "canary_token_missing" || f.Name == "canary_token_malformed"
}

// isSeenByLoginsAlone reports whether Vault's health is good.
func isSeenByLoginsAlone(f lab.Fault) bool {
	return f.Name == "vault_internal_error" || f.Name == "vault_rate_limited"
}

// isUnspecific reports whether a verdict says that a login was refused and not why. Two faults, or the first run after
// a change, can leave no more to be said.
func isUnspecific(r run) bool {
	return r.certainty != "proven" && (r.reason == "vault_to_kubernetes_failed" || r.reason == "unexplained")
}

func names(faults []lab.Fault) string {
	if len(faults) == 0 {
		return "no fault"
	}
	var all []string
	for _, f := range faults {
		all = append(all, f.Name)
	}
	return strings.Join(all, " and ")
}

func clock(t time.Time) string { return t.UTC().Format("15:04:05.000") }
