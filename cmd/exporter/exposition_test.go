package main

import (
	"fmt"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/prometheus/common/expfmt"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/metrics"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/diagnose"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
)

// exposed renders the samples that carry a result's verdicts, and its raised
// warnings, without the prefix. They must say what the result says.
func exposed(t *testing.T, result probe.Result) string {
	t.Helper()
	const prefix = "vault_k8s_auth_"
	recorder := metrics.New([]evidence.Target{result.Target})
	recorder.Record(result)
	text, err := testutil.GatherAndFormat(recorder.Registry(), expfmt.TypeTextPlain,
		prefix+"up", prefix+"reviewer_up", prefix+"canary_login_up", prefix+"verdict_info", prefix+"reviewer_verdict_info", prefix+"warning")
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for line := range strings.Lines(string(text)) {
		if !strings.HasPrefix(line, "#") && !(strings.HasPrefix(line, prefix+"warning") && strings.HasSuffix(line, " 0\n")) {
			lines = append(lines, strings.TrimPrefix(line, prefix))
		}
	}
	samples := strings.Join(lines, "")
	for _, want := range verdictSamples(result) {
		if !strings.Contains(samples, want) {
			t.Errorf("the result says %s, the samples are:\n%s", want, samples)
		}
	}
	return samples
}

// verdictSamples are those that a result demands.
func verdictSamples(result probe.Result) []string {
	d, name := result.Diagnosis, result.Target.Name
	samples := []string{fmt.Sprintf("verdict_info{certainty=%q,component=%q,reason=%q,target=%q} 1\n", d.Certainty, d.Component(), d.Reason, name)}
	switch d.Component() {
	case diagnose.ComponentNone:
		samples = append(samples, fmt.Sprintf("up{target=%q} 1\n", name))
	case diagnose.ComponentCanary, diagnose.ComponentExporter: // our own fault says nothing of the pods
	default:
		samples = append(samples, fmt.Sprintf("up{target=%q} 0\n", name))
	}
	if r := d.Reviewer.Reason; r != "" {
		samples = append(samples, fmt.Sprintf("reviewer_verdict_info{component=%q,reason=%q,target=%q} 1\n", r.Component(), r, name))
	}
	for _, w := range result.Raised() {
		samples = append(samples, fmt.Sprintf("warning{target=%q,warning=%q} 1\n", name, w.Code))
	}
	return samples
}
