package deploy

import (
	"strings"
	"testing"
)

// TestContradictoryValuesAreRejected checks that each error is one sentence that names the values.
func TestContradictoryValuesAreRejected(t *testing.T) {
	for _, c := range []struct{ values, wantError string }{
		{`{leaderElection: {enabled: true}, sharding: {enabled: true}, targets: [{name: a}]}`, "leaderElection.enabled and sharding.enabled are mutually exclusive"},
		{`{sharding: {enabled: true}, replicaCount: 2, targets: [{name: a}]}`, "replicaCount is not used with sharding.enabled: set sharding.shards"},
		{`replicaCount: 2`, "replicaCount is more than 1, so every pod would probe every target"},
		{`sharding: {enabled: true}`, "sharding.enabled divides the targets, but there is only one"},
		{`serviceAccount: {create: false}`, "set serviceAccount.name"},
		{`{serviceMonitor: {enabled: true}, podMonitor: {enabled: true}}`, "serviceMonitor.enabled and podMonitor.enabled are mutually exclusive"},
		{`{podMonitor: {enabled: true}, vmServiceScrape: {enabled: true}, podMonitoring: {enabled: true}}`, "podMonitor.enabled and vmServiceScrape.enabled and podMonitoring.enabled are mutually exclusive"},
		{`state: {enabled: true, existingClaim: a, persistentVolumeClaim: {accessModes: [ReadWriteOnce]}}`, "state.existingClaim and state.persistentVolumeClaim are mutually exclusive"},
		{`state: {existingClaim: a}`, "state.existingClaim and state.persistentVolumeClaim are not used without state.enabled"},
		{`{state: {enabled: true, existingClaim: a}, sharding: {enabled: true}, targets: [{name: a}]}`, "state.existingClaim is one file for all shards"},
		{`{targets: [{name: a}], targetsFrom: {existingSecret: b}}`, "targets and targetsFrom.existingSecret are mutually exclusive"},
		{`{ingress: {enabled: true}, statusPage: false}`, "ingress.enabled is for the status page, which statusPage false disables"},
		{`httpRoute: {enabled: true}`, "httpRoute.enabled requires httpRoute.parentRefs"},
		{`podDisruptionBudget: {enabled: true, minAvailable: 1}`, "podDisruptionBudget.minAvailable and podDisruptionBudget.maxUnavailable are mutually exclusive"},
		{`podDisruptionBudget: {enabled: true, maxUnavailable: ""}`, "requires podDisruptionBudget.minAvailable or podDisruptionBudget.maxUnavailable"},
		{`vault: {ca: {existingConfigMap: a, existingSecret: b}}`, "vault.ca.existingConfigMap and vault.ca.existingSecret are mutually exclusive"},
		{`kubernetes: {ca: {existingConfigMap: a, existingSecret: b}}`, "kubernetes.ca.existingConfigMap and kubernetes.ca.existingSecret are mutually exclusive"},
		{`kubernetes: {thisCluster: true}`, "kubernetes.thisCluster describes kubernetes.host, which is empty"},
		{`kubernetes: {host: "https://api", thisCluster: true, token: {existingSecret: a}}`, "kubernetes.token.existingSecret is for another cluster"},
		{`kubernetes: {host: "https://api"}`, "reviewer.mode accessreview and canary.mode file use the exporter's own identity at https://api"},
		{`vault: {addr: ""}`, "vault.addr is empty"},
		{`vault: {role: ""}`, "vault.role is empty"},
		{`{vault: {role: ""}, targets: [{name: a, vault_role: x}, {name: b}]}`, "- targets[1] (b): vault.role is empty"},
		{`reviewer: {mode: file, serviceAccount: ""}`, "reviewer.mode file requires reviewer.existingSecret"},
		{`reviewer: {mode: secret, serviceAccount: ""}`, "reviewer.mode secret requires reviewer.secret"},
		{`reviewer: {serviceAccount: ""}`, "reviewer.mode accessreview requires reviewer.serviceAccount"},
		{`reviewer: {mode: serviceaccount, serviceAccount: ""}`, "reviewer.mode serviceaccount requires reviewer.serviceAccount"},
		{`targets: [{name: a, reviewer: secret}]`, "- targets[0] (a): reviewer.mode secret requires reviewer.secret"},
		{`reviewer: {mode: canary}`, "reviewer.serviceAccount is not used with reviewer.mode canary, only with serviceaccount and accessreview"},
		{`reviewer: {existingSecret: a}`, "reviewer.existingSecret is not used with reviewer.mode accessreview, only with file"},
		{`reviewer: {secret: a/b}`, "reviewer.secret is not used with reviewer.mode accessreview"},
		{`reviewer: {mode: file, serviceAccount: "", existingSecret: a, tokenFile: /b}`, "reviewer.existingSecret and reviewer.tokenFile are mutually exclusive"},
		{`canary: {mode: serviceaccount}`, "canary.mode serviceaccount requires canary.serviceAccount"},
		{`{canary: {mode: serviceaccount, serviceAccount: a/b}, targets: [{name: a, canary: file}]}`, "- targets[0] (a): canary file requires canary_token_file"},
		{`canary: {serviceAccount: a/b}`, "canary.serviceAccount is not used with canary.mode file"},
		{`canary: {mode: serviceaccount, serviceAccount: a/b, tokenFile: /c}`, "canary.tokenFile is not used with canary.mode serviceaccount"},
	} {
		if _, err := renderTexts(t, merged(t, c.values)); err == nil || !strings.Contains(err.Error(), c.wantError) {
			t.Errorf("%s: %v; want %q", c.values, err, c.wantError)
		}
	}
}

// TestAllMistakesAtOnce checks that one error names every contradiction.
func TestAllMistakesAtOnce(t *testing.T) {
	_, err := renderTexts(t, merged(t, `{vault: {role: ""}, replicaCount: 2, reviewer: {secret: a/b}, serviceAccount: {create: false}}`))
	if err == nil {
		t.Fatal("the values are accepted")
	}
	for _, want := range []string{"\n- replicaCount is more than 1", "\n- serviceAccount.create is false", "\n- reviewer.secret is not used", "\n- vault.role is empty"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%v; it lacks %q", err, want)
		}
	}
}
