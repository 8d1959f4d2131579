package diagnose

import (
	"fmt"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
)

// The rules on a candidate, which is a change of the mount's config before it is written. The
// API server is asked what Vault would ask it, with the candidate's token, host and CA.

var candidateRules = []rule{
	internalError,
	candidateNotTried,
	candidateRefused,
	candidateForAnotherCluster,
	candidateKeepsAnotherCA,
	candidateWorks,
	candidateNotJudged,
}

// candidateNotTried holds if a failure of the exporter itself kept it from the API server.
func candidateNotTried(t evidence.Target, e evidence.Evidence) (Verdict, bool) {
	f, failed := exporterFailureAtKubernetes(t, e)
	if !failed {
		return Verdict{}, false
	}
	return concludedFrom(f.Class != evidence.ClassProxyRefused)(exporterReasonOf[f.Class],
		"the exporter cannot try the candidate: "+f.Error(), "the API server was not reached: "+f.Error())
}

// candidateRefused holds if no TokenReview can be created. What fails with another host or CA
// than those of the configuration is the candidate's.
func candidateRefused(t evidence.Target, e evidence.Evidence) (Verdict, bool) {
	v, known := firstReviewerVerdict(t, e)
	if !known || v.Reason == None {
		return Verdict{}, false
	}
	reason := atVaultsEnd[v.Reason]
	if c := t.Candidate; reason != "" && (c.Host || c.CACert && reason == VaultToKubernetesTLS) {
		v.Reason = reason
	}
	if v.Reason == VaultToKubernetesMisconfigured && !hasScheme.MatchString(t.Kubernetes.Host) {
		v.Certainty = Proven
	}
	if t.Candidate.Reviewer && e.ReviewerToken.Value.Opaque {
		v.Detail += fmt.Sprintf("; what %s holds is not a JWT, and every token of a service account is one", t.Reviewer.TokenFile)
	}
	return v, true
}

// candidateForAnotherCluster holds if the API server does not take the canary's token for the
// canary's. A token that expired or was revoked is not the candidate's fault.
func candidateForAnotherCluster(_ evidence.Target, e evidence.Evidence) (Verdict, bool) {
	v, ok := canaryNotReviewed(e)
	return v, ok && (v.Reason == CanaryWrongCluster || v.Reason == CanaryRejected || v.Component() == ComponentKubernetes)
}

// candidateKeepsAnotherCA holds if the mount keeps a CA that does not verify the new host.
func candidateKeepsAnotherCA(t evidence.Target, e evidence.Evidence) (Verdict, bool) {
	if !t.Candidate.Host || !e.MountCA.Ok() || e.MountCA.Value.Verified {
		return Verdict{}, false
	}
	return byElimination(VaultToKubernetesTLS,
		fmt.Sprintf("the candidate has no CA, and the one in the config of %s does not verify the certificate of %s: %s", mountPath(t), t.Kubernetes.Host, e.MountCA.Value.Why),
		"the certificate that the host serves does not verify with the config's CA")
}

func candidateWorks(t evidence.Target, e evidence.Evidence) (Verdict, bool) {
	v, known := firstReviewerVerdict(t, e)
	if !known {
		return Verdict{}, false
	}
	v.Detail += " at " + t.Kubernetes.Host
	if t.Kubernetes.CACert != "" {
		v.Because = append(v.Because, "the certificate of the host verifies with "+t.Kubernetes.CACert+" alone")
	}
	if e.CanaryReviewed() {
		v.Because = append(v.Because, "it authenticated the canary "+canaryName(e))
	}
	return v, true
}

// candidateNotJudged holds if the exporter may not ask about the reviewer.
func candidateNotJudged(t evidence.Target, e evidence.Evidence) (Verdict, bool) {
	f := e.ReviewerToken.Failure
	if !e.ReviewerToken.Failed() {
		f = e.Access.Failure
	}
	return byElimination(Unexplained, "whether the reviewer may create TokenReviews is not known: "+f.Error(), stepFacts(e)...)
}
