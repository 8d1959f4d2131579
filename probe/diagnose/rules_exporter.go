package diagnose

import (
	"fmt"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
)

// The rules on the exporter itself: its files, its host, its proxy. They come before those
// on Vault and Kubernetes, about which such a failure says nothing.

var exporterReasonOf = map[evidence.Class]Reason{
	evidence.ClassCAUnreadable:     ExporterCAUnreadable,
	evidence.ClassResources:        ExporterResources,
	evidence.ClassProxyUnreachable: ExporterProxy,
	evidence.ClassProxyRefused:     ExporterProxy,
}

// exporterAtFault holds if a failure of the exporter itself kept it from obtaining the
// canary's token or from reaching Vault.
func exporterAtFault(t evidence.Target, e evidence.Evidence) (Verdict, bool) {
	f, asked := exporterFailure(e)
	var detail, fact string
	switch asked {
	case serverVault:
		detail = fmt.Sprintf("the exporter cannot reach Vault at %s: %s", t.Vault.Addr, f.Error())
		fact = "Vault was not reached: " + f.Error()
	case serverKubernetes:
		detail = "the exporter cannot obtain the canary's token: " + f.Error()
		fact = "the login was not attempted"
	default:
		return Verdict{}, false
	}
	if f.Class == evidence.ClassProxyRefused && (f.Status < 400 || f.Status >= 500) {
		return byElimination(exporterReasonOf[f.Class], detail, fact,
			"the proxy does not say whether it failed itself or could not reach the server")
	}
	return proven(exporterReasonOf[f.Class], detail, fact)
}

// server is one of the two servers that the exporter connects to.
type server int

const (
	noServer server = iota
	serverVault
	serverKubernetes
)

// exporterFailure returns the failure of the exporter itself that kept it from logging in,
// and the server that it was connecting to. The login takes precedence over sys/health.
func exporterFailure(e evidence.Evidence) (evidence.Failure, server) {
	f := e.Login.Failure
	if e.Login.State == evidence.NotAsked || f.Class == evidence.ClassTimeout {
		f = e.Health.Failure
	}
	switch {
	case f.IsExporters():
		return f, serverVault
	case e.CanaryToken.Failure.IsExporters():
		return e.CanaryToken.Failure, serverKubernetes
	}
	return evidence.Failure{}, noServer
}

// exporterFailureAtKubernetes returns the failure of the exporter itself that kept it from
// reaching the API server. Logins are then judged without evidence from the API server.
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
