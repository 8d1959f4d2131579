package lab

import (
	"fmt"
	"net/http"
	"time"
)

// Variants are the configurations of a healthy installation, sorted by name. They have the form of [Faults], but the
// exporter must find no fault.
func Variants() []Fault {
	healthy := Verdict{Reason: "none", Certainty: "proven"}
	variant := func(name, summary string, inject, heal change, env ...string) Fault {
		return Fault{Name: name, Summary: summary, Bare: healthy, Env: env, Inject: inject, Heal: heal}
	}
	own := "EXPORTER_KUBERNETES_TOKEN_FILE=$LAB/" + exporterFile
	of := func(key string, a account) string { return key + "=" + a.namespace + "/" + a.name }
	return faultTable([]Fault{
		variant("accessreview", "the exporter checks the reviewer's permissions without its token", noChange, noChange,
			"EXPORTER_REVIEWER=accessreview", "EXPORTER_REVIEWER_TOKEN_FILE=", of("EXPORTER_REVIEWER_SERVICE_ACCOUNT", reviewerAccount), own),
		variant("as_it_is", "nothing is changed", noChange, noChange),
		variant("batch_tokens", "the canary role gives batch tokens", setRole(fields{"token_type": "batch"}), healRole),
		variant("issuer_checked", "the mount requires the cluster's own issuer",
			setConfig(func(*Lab) fields { return fields{"issuer": issuer, "disable_iss_validation": false} }), healConfig),
		variant("legacy_secret", "the reviewer's token comes from a Secret", setReviewerToken(legacyToken), healReviewer),
		variant("minted_canary", "the exporter creates the canary's token", bindRole(canaryMinterBinding), unbindRole(canaryMinterBinding),
			"EXPORTER_CANARY=serviceaccount", "EXPORTER_CANARY_TOKEN_FILE=", "EXPORTER_CANARY_AUDIENCES="+canaryAccount.audience,
			of("EXPORTER_CANARY_SERVICE_ACCOUNT", canaryAccount), own),
		variant("minted_reviewer", "the exporter creates the reviewer's token", bindRole(reviewerMinterBinding), unbindRole(reviewerMinterBinding),
			"EXPORTER_REVIEWER=serviceaccount", "EXPORTER_REVIEWER_TOKEN_FILE=", of("EXPORTER_REVIEWER_SERVICE_ACCOUNT", reviewerAccount), own),
		variant("namespace_selector", "the canary role selects the canary's namespace by its label",
			sequence(bindRole(namespaceReaderBinding), setRole(namespaceSelector("kubernetes.io/metadata.name", canaryAccount.namespace))),
			sequence(unbindRole(namespaceReaderBinding), healRole)),
		variant("pem_keys", "Vault verifies signatures with the cluster's key",
			setPEMKeys(clusterSigner), healConfig),
		variant("role_without_audience", "the canary role requires no audience", setRole(fields{"audience": ""}), healRole),
		variant("self_review", "Vault has no reviewer token, and the canary may create TokenReviews",
			sequence(bindRole(canaryBinding), setCanaryToken(tokenForAudiences(canaryAccount.audience, issuer)), unsetReviewerInVault),
			sequence(unbindRole(canaryBinding), healCanary, healConfig),
			"EXPORTER_REVIEWER=canary", "EXPORTER_REVIEWER_TOKEN_FILE="),
		variant("standby", "a standby that forwards requests responds at Vault's address", startRaft, stopRaft),
		variant("standby_that_redirects", "a standby that redirects clients responds at Vault's address",
			onProxy(vaultProxyOf, serveFake(redirectingStandbyVault, issuedBy(vaultCA))), onProxy(vaultProxyOf, forward)),
	})
}

// redirectingStandbyVault responds like a standby node that redirects clients to the active one. It responds to
// sys/health with 429, the status of a standby, whatever status the client asks for: a load balancer in between may drop
// the query.
func redirectingStandbyVault(p *proxy) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "https://"+p.backend+r.URL.Path, http.StatusTemporaryRedirect)
	})
	mux.HandleFunc("GET /v1/sys/health", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusTooManyRequests)
		fmt.Fprintf(w, `{"initialized":true,"sealed":false,"standby":true,"performance_standby":false,"server_time_utc":%d,"version":"1.21.4"}`, time.Now().Unix())
	})
	return mux
}
