package diagnose

import (
	"fmt"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
)

// The rules on what is the exporter's own: its files, its host, its proxy. They stand
// before those on Vault and Kubernetes, of which such a failure says nothing.

var exporterReasonOf = map[evidence.Class]Reason{
	evidence.ClassCAUnreadable:     ExporterCAUnreadable,
	evidence.ClassResources:        ExporterResources,
	evidence.ClassProxyUnreachable: ExporterProxy,
	evidence.ClassProxyRefused:     ExporterProxy,
}

// exporterAtFault holds where the exporter itself could not get the canary's token, or
// could not ask Vault.
func exporterAtFault(t evidence.Target, e evidence.Evidence) (Verdict, bool) {
	f, asked := exporterFailure(e)
	var detail, because string
	switch asked {
	case endVault:
		detail = fmt.Sprintf("the exporter cannot ask Vault at %s: %s", t.Vault.Addr, f.Error())
		because = "Vault was not reached: " + f.Error()
	case endKubernetes:
		detail = "the exporter cannot get the canary's token: " + f.Error()
		because = "the login was not attempted"
	default:
		return Verdict{}, false
	}
	if f.Class == evidence.ClassProxyRefused && (f.Status < 400 || f.Status >= 500) {
		return byElimination(exporterReasonOf[f.Class], detail, because,
			"the proxy does not say whether it failed itself or did not reach the server")
	}
	return proven(exporterReasonOf[f.Class], detail, because)
}

// end is one of the two ends that the exporter asks.
type end int

const (
	endNone end = iota
	endVault
	endKubernetes
)

// exporterFailure is the failure of the exporter's own that kept it from logging in, and
// the end that it was about to ask. A login that was answered says more than sys/health.
func exporterFailure(e evidence.Evidence) (evidence.Failure, end) {
	vault := e.Login.Failure
	if e.Login.State == evidence.NotAsked || vault.Class == evidence.ClassTimeout {
		vault = e.Health.Failure
	}
	switch {
	case vault.IsExporters():
		return vault, endVault
	case e.CanaryToken.Failure.IsExporters():
		return e.CanaryToken.Failure, endKubernetes
	}
	return evidence.Failure{}, endNone
}

// exporterFailureAtKubernetes is the failure of the exporter's own that kept it from asking
// the API server. Logins, and their failures, are judged without what it would have said.
func exporterFailureAtKubernetes(t evidence.Target, e evidence.Evidence) (evidence.Failure, bool) {
	f := e.Review.Failure
	switch {
	case e.ReviewerToken.Failed():
		f = e.ReviewerToken.Failure
	case t.Reviewer.Source.Spec().AccessReview:
		f = e.Access.Failure
	}
	return f, f.IsExporters()
}
