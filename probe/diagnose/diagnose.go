package diagnose

import (
	"fmt"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
)

// rule checks the evidence for one kind of failure. It returns a verdict and true if it
// holds.
type rule func(evidence.Target, evidence.Evidence) (Verdict, bool)

// rules are ordered with causes before symptoms: the first one that holds decides the
// verdict. If the login succeeded, pods can log in, whatever else was observed.
var rules = []rule{
	internalError,
	loggedIn,
	exporterAtFault,
	noLeader,
	vaultTransport,
	vaultState,
	canaryNotObtained,
	loginText,
	mountProbe,
	roleProbe,
	diagnosticRole,
	storedReviewer,
	reviewerAtFault,
	canaryAtFault,
	kubernetesAtFault,
	entityDisabled,
	vaultToKubernetes,
	followUpsPostponed,
}

// Diagnose derives the diagnosis from one run's evidence. It is a pure function: it makes no
// requests and reads no clock.
func Diagnose(t evidence.Target, e evidence.Evidence) Diagnosis {
	ordered := rules
	if t.Candidate != nil {
		ordered = candidateRules
	}
	d := Diagnosis{Verdict: firstOf(ordered, t, e), Reviewer: judgeReviewer(t, e)}
	d.Verdict.Advice = d.Reason.Advice(t, e)
	d.Reviewer.Advice = d.Reviewer.Reason.Advice(t, e)
	return d
}

func firstOf(ordered []rule, t evidence.Target, e evidence.Evidence) Verdict {
	for _, holds := range ordered {
		if v, ok := holds(t, e); ok {
			return v
		}
	}
	return unexplained(t, e)
}

// proven returns a verdict for which a response is proof.
func proven(reason Reason, detail string, because ...string) (Verdict, bool) {
	return Verdict{Reason: reason, Detail: detail, Because: because, Certainty: Proven}, true
}

// byElimination returns a verdict that remains after every other distinguishable cause was
// ruled out.
func byElimination(reason Reason, detail string, because ...string) (Verdict, bool) {
	return Verdict{Reason: reason, Detail: detail, Because: because, Certainty: ByElimination}, true
}

func internalError(_ evidence.Target, e evidence.Evidence) (Verdict, bool) {
	if e.Panic == "" {
		return Verdict{}, false
	}
	return proven(ExporterInternalError, "the probe panicked: "+e.Panic, "a panic was recovered in the probe")
}

func loggedIn(t evidence.Target, e evidence.Evidence) (Verdict, bool) {
	if !e.Login.Ok() {
		return Verdict{}, false
	}
	return proven(None, fmt.Sprintf("the canary logged in at %s with the role %s", loginPath(t), t.Vault.Role),
		"the login returned a token")
}

// concludedFrom returns proven if the answer is certain, else byElimination. An answer that
// was carried over from an earlier run may no longer be true, and an unknown text only
// suggests a cause: neither is certain.
func concludedFrom(certain bool) func(Reason, string, ...string) (Verdict, bool) {
	if certain {
		return proven
	}
	return byElimination
}

// unexplained returns the verdict if no rule holds. It names the remaining candidates.
func unexplained(t evidence.Target, e evidence.Evidence) Verdict {
	detail := fmt.Sprintf("the login at %s failed with %q, which no rule explains", loginPath(t), e.Login.Failure.Error())
	switch {
	case e.BareRefusal() && !e.MountExists():
		detail = fmt.Sprintf("the login at %s got a bare 403 and the mount probe got no response: the mount may be missing, "+
			"or Vault cannot have the token reviewed", loginPath(t))
	case e.BareRefusal() && !e.RoleProbePassed():
		detail = fmt.Sprintf("the login at %s got a bare 403 before Vault looked at the token's times: token_bound_cidrs of the role, "+
			"or pem_keys of the mount, which the exporter may not read", loginPath(t))
	default:
		if f, failed := exporterFailureAtKubernetes(t, e); failed {
			detail = fmt.Sprintf("the login at %s failed with %q, and the exporter itself cannot query the API server for the cause: %s",
				loginPath(t), e.Login.Failure.Error(), f.Error())
		}
	}
	v, _ := byElimination(Unexplained, detail, stepFacts(e)...)
	return v
}

// stepFacts returns a sentence for each step that was not skipped.
func stepFacts(e evidence.Evidence) []string {
	var facts []string
	for _, s := range e.Steps() {
		if s.State != evidence.StepSkipped {
			facts = append(facts, fmt.Sprintf("%s: %s", s.Name, s.Detail))
		}
	}
	return facts
}

func loginPath(t evidence.Target) string { return t.Vault.LoginPath() }
