package diagnose

import (
	"fmt"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
)

// rule judges the evidence by one thought. It gives a verdict where it holds.
type rule func(evidence.Target, evidence.Evidence) (Verdict, bool)

// rules stand in the order of cause before symptom: the first that holds gives the
// verdict. Whether pods can log in is the question throughout; a login that
// succeeded answers it whatever else was seen.
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
	reviewerAtFault,
	canaryAtFault,
	kubernetesAtFault,
	vaultToKubernetes,
	followUpsPostponed,
}

// Diagnose judges one run's evidence. It is pure: it asks nobody and looks at no
// clock. It never claims more than was seen.
func Diagnose(t evidence.Target, e evidence.Evidence) Diagnosis {
	d := Diagnosis{Verdict: firstOf(rules, t, e), Reviewer: judgeReviewer(t, e)}
	d.Verdict.Advice = d.Reason.Advice(t, e)
	d.Reviewer.Advice = d.Reviewer.Reason.Advice(t, e)
	return d
}

func firstOf(rules []rule, t evidence.Target, e evidence.Evidence) Verdict {
	for _, holds := range rules {
		if v, ok := holds(t, e); ok {
			return v
		}
	}
	return unexplained(t, e)
}

// proven is a verdict that an answer gives, and nothing else explains.
func proven(reason Reason, detail string, because ...string) (Verdict, bool) {
	return Verdict{Reason: reason, Detail: detail, Because: because, Certainty: Proven}, true
}

// eliminated is a verdict that remains when every cause that could be told apart
// was ruled out.
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

// concludedFrom is proven for an answer that is certain. One that was carried over from an
// earlier run may no longer be true, and one in unknown words only suggests a cause: both
// conclude by elimination.
func concludedFrom(certain bool) func(Reason, string, ...string) (Verdict, bool) {
	if certain {
		return proven
	}
	return byElimination
}

// unexplained is the verdict where no rule holds. It names what was seen and what
// would tell more.
func unexplained(t evidence.Target, e evidence.Evidence) Verdict {
	detail := fmt.Sprintf("the login at %s failed with %q, which no rule explains", loginPath(t), e.Login.Failure.Error())
	switch {
	case e.BareRefusal() && !e.MountExists():
		detail = fmt.Sprintf("the login at %s got a bare 403 and the mount probe got no answer: the mount may be missing, "+
			"or Vault cannot have the token reviewed", loginPath(t))
	case e.BareRefusal() && !e.RoleProbePassed():
		detail = fmt.Sprintf("the login at %s got a bare 403 before Vault looked at the token's times: token_bound_cidrs of the role, "+
			"or pem_keys of the mount, which the exporter may not read", loginPath(t))
	default:
		if f, failed := exporterFailureAtKubernetes(t, e); failed {
			detail = fmt.Sprintf("the login at %s failed with %q, and the exporter itself cannot ask the API server why: %s",
				loginPath(t), e.Login.Failure.Error(), f.Error())
		}
	}
	v, _ := byElimination(Unexplained, detail, because(e)...)
	return v
}

// because tells each side's answer in a sentence.
func because(e evidence.Evidence) []string {
	var facts []string
	for _, s := range e.Steps() {
		if s.State != evidence.StepSkipped {
			facts = append(facts, fmt.Sprintf("%s: %s", s.Name, s.Detail))
		}
	}
	return facts
}

func loginPath(t evidence.Target) string { return t.Vault.LoginPath() }
