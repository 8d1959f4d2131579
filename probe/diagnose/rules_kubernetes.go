package diagnose

import (
	"fmt"
	"time"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
)

// The rules on Kubernetes' part of the login. They apply to logins that got a bare 403, or
// that timed out although Vault itself responds.

// slowRefusal is just below Vault's shortest timeout for an API server that does not
// respond: 10 s for a TLS handshake, 30 s for a connection.
const slowRefusal = 9500 * time.Millisecond

// kubernetesAtFault holds if the API server fails for the exporter as it does for Vault.
func kubernetesAtFault(t evidence.Target, e evidence.Evidence) (Verdict, bool) {
	f := e.Review.Failure
	if t.Reviewer.Source.Spec().AccessReview {
		f = e.Access.Failure
	}
	if !e.BareRefusal() && !e.LoginHangs() {
		return Verdict{}, false
	}
	v, known := kubernetesFailed(t, f)
	if e.ReviewerToken.Failed() {
		v, known = unreachedForToken(t, e)
	}
	v.Because = append(v.Because, "the login failed as well: "+e.Login.Failure.Error())
	if says := e.FollowUps.DiagnosticRole; known && says.Ok() && !says.Carried && agrees(v.Reason, says.Value.Text) {
		v.Certainty = Proven
		v.Because = append(v.Because, "Vault reports the same: "+afterErr(says.Value.Text))
	}
	return v, known
}

// atVaultsEnd maps a failure of the exporter's request to the same failure of Vault's.
var atVaultsEnd = map[Reason]Reason{
	KubernetesDNS:          VaultToKubernetesUnreachable,
	KubernetesUnreachable:  VaultToKubernetesUnreachable,
	KubernetesTimeout:      VaultToKubernetesTimeout,
	KubernetesTLSUntrusted: VaultToKubernetesTLS,
	KubernetesTLSExpired:   VaultToKubernetesTLS,
	KubernetesTLSName:      VaultToKubernetesTLS,
	KubernetesTLSFailed:    VaultToKubernetesTLS,
	KubernetesBadResponse:  VaultToKubernetesMisconfigured,
}

// agrees reports whether Vault, through the diagnostic role, reports the same failure of
// the API server.
func agrees(ours Reason, text string) bool {
	reason, known := diagnosticReason(text)
	return known && reason != None && reason == atVaultsEnd[ours] && inWords(text) == ours
}

// inWords tells apart failures that are one at Vault's end, by what Go says of them.
func inWords(text string) Reason {
	for _, s := range []textReason{
		{0, "lookup ", KubernetesDNS}, {0, "no such host", KubernetesDNS},
		{0, "unknown authority", KubernetesTLSUntrusted},
		{0, "expired or is not yet valid", KubernetesTLSExpired},
		{0, "certificate is valid for", KubernetesTLSName}, {0, "not valid for any names", KubernetesTLSName}, {0, "IP SANs", KubernetesTLSName},
	} {
		if evidence.Contains(text, s.text) {
			return s.reason
		}
	}
	return inOtherWords[callReason(text)]
}

var inOtherWords = map[Reason]Reason{
	VaultToKubernetesUnreachable:   KubernetesUnreachable,
	VaultToKubernetesTimeout:       KubernetesTimeout,
	VaultToKubernetesTLS:           KubernetesTLSFailed,
	VaultToKubernetesMisconfigured: KubernetesBadResponse,
}

// unreachedForToken holds if the API server failed before the exporter had a reviewer
// token.
func unreachedForToken(t evidence.Target, e evidence.Evidence) (Verdict, bool) {
	if !e.ReviewerToken.Failed() {
		return Verdict{}, false
	}
	v, known := reviewerNotObtained(t, e)
	v.Certainty = ByElimination
	return v, known && v.Component() == ComponentKubernetes
}

var kubernetesTransportReasons = map[evidence.Class]Reason{
	evidence.ClassDNS:          KubernetesDNS,
	evidence.ClassUnreachable:  KubernetesUnreachable,
	evidence.ClassTimeout:      KubernetesTimeout,
	evidence.ClassTLSUntrusted: KubernetesTLSUntrusted,
	evidence.ClassTLSExpired:   KubernetesTLSExpired,
	evidence.ClassTLSName:      KubernetesTLSName,
	evidence.ClassTLSFailed:    KubernetesTLSFailed,
	evidence.ClassRedirect:     KubernetesBadResponse,
	evidence.ClassBadResponse:  KubernetesBadResponse,
}

// kubernetesFailed returns what is wrong with the API server if it neither responded
// successfully nor rejected the caller.
func kubernetesFailed(t evidence.Target, f evidence.Failure) (Verdict, bool) {
	reason := kubernetesReason(f)
	if reason == "" {
		return Verdict{}, false
	}
	return byElimination(reason, fmt.Sprintf("the API server at %s does not review tokens: %s", t.Kubernetes.Host, f.Error()),
		"the API server did not answer the exporter: "+f.Error())
}

// kubernetesReason returns what a failure says about the API server; empty if it says
// nothing about it: there is no failure, or the caller was rejected.
func kubernetesReason(f evidence.Failure) Reason {
	switch {
	case f.IsTransport():
		return kubernetesTransportReasons[f.Class]
	case f.Class != evidence.ClassRefused || f.Status == 401 || f.Status == 403:
		return ""
	case f.Status == 429:
		return KubernetesThrottled
	case f.Status >= 500:
		return KubernetesUnavailable
	}
	return KubernetesBadResponse
}
