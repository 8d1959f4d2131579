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
	if confirmed, ok := confirmedByVault(t, e, v.Reason); known && ok {
		v.Certainty = Proven
		v.Because = append(v.Because, confirmed)
	}
	return v, known
}

// confirmedByVault returns what shows that Vault's login fails for this reason too. Without
// the diagnostic role that is its login, which fails only where Vault calls the API server:
// then a failure counts that is the API server's own and the same for every client. What
// depends on the client (DNS, routes, CA, name) is not confirmed by it.
func confirmedByVault(t evidence.Target, e evidence.Evidence, reason Reason) (fact string, ok bool) {
	switch says := e.FollowUps.DiagnosticRole; {
	case says.Ok() && tellsOfCall(says.Value.Text):
		return "Vault reports the same: " + afterErr(says.Value.Text), !says.Carried && agrees(reason, says.Value.Text)
	case !failsAtCall(e), mountedElsewhere(t, e):
		return "", false
	case reason == KubernetesTimeout:
		return "Vault answers at once what it refuses by itself, and waited too where it calls the API server", e.LoginHangs() || e.Login.Elapsed >= slowRefusal
	}
	return "the login passes all that Vault checks before it calls the API server", isServersOwn(t, e, reason)
}

// failsAtCall reports whether the login fails where Vault calls the API server: this run saw
// that it passes everything before.
func failsAtCall(e evidence.Evidence) bool {
	return (e.BareRefusal() || e.LoginHangs()) && e.MountExists() && !e.FollowUps.MountProbe.Carried && e.RoleAdmits() && !e.RoleProbeIsBlind()
}

// isServersOwn reports whether the failure that this reason is about is the API server's
// own, so that Vault meets it too. What it answers counts only if it was asked what Vault
// asks, a TokenReview, as who Vault is, the reviewer.
func isServersOwn(t evidence.Target, e evidence.Evidence, reason Reason) bool {
	switch reason {
	case KubernetesThrottled, KubernetesUnavailable:
		return e.Review.Failed() && !e.Review.Failure.Foreign && !t.Reviewer.Source.Spec().AccessReview
	case KubernetesTLSExpired:
		return e.Health.Ok() && e.Health.Value.Skew.Abs() <= evidence.Leeway // two clocks
	}
	return false
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
	KubernetesUnavailable:  VaultToKubernetesFailed,
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
		{0, answered + "5", KubernetesUnavailable},
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
	case f.Status == 403 && evidence.Contains(f.Text, evidence.TextAdmission):
		return KubernetesUnavailable
	case f.Class != evidence.ClassRefused || f.Status == 401 || f.Status == 403:
		return ""
	case f.Status == 429:
		return KubernetesThrottled
	case f.Status >= 500:
		return KubernetesUnavailable
	}
	return KubernetesBadResponse
}
