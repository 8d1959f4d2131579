package diagnose

import (
	"strings"
	"testing"
	"time"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
)

func TestCandidateRules(t *testing.T) {
	reviewed := func(status evidence.Review) evidence.Evidence {
		return evidence.Evidence{Review: evidence.Fact[evidence.Review]{State: evidence.Answered, Value: status}}
	}
	failed := func(class evidence.Class, status int) evidence.Evidence {
		return evidence.Evidence{Review: evidence.Fact[evidence.Review]{State: evidence.Failed, Failure: evidence.Failure{Class: class, Status: status, Text: "no"}}}
	}
	keptCA := reviewed(evidence.Review{Placeholder: true})
	keptCA.MountCA = evidence.Fact[evidence.CACheck]{State: evidence.Answered, Value: evidence.CACheck{Why: "x509: certificate signed by unknown authority"}}
	unasked := evidence.Evidence{Access: evidence.Fact[evidence.Access]{State: evidence.Failed, Failure: evidence.Failure{Class: evidence.ClassForbidden}}}
	token, host, ca := evidence.Candidate{Reviewer: true}, evidence.Candidate{Host: true}, evidence.Candidate{CACert: true}
	file := evidence.Origin{Source: evidence.SourceFile}
	for name, test := range map[string]struct {
		candidate evidence.Candidate
		reviewer  evidence.Origin
		e         evidence.Evidence
		want      Reason
		logins    LoginStatus
	}{
		"works":                      {token, file, reviewed(evidence.Review{Placeholder: true}), None, LoginsWork},
		"the canary expired":         {token, file, reviewed(evidence.Review{Error: "service account token has expired"}), None, LoginsWork},
		"another cluster":            {host, file, reviewed(evidence.Review{Error: "invalid bearer token"}), CanaryWrongCluster, LoginsUnknown},
		"a kept CA, another host":    {host, file, keptCA, VaultToKubernetesTLS, LoginsFail},
		"a kept CA, the same host":   {token, file, keptCA, None, LoginsWork},
		"503 at another host":        {host, file, failed(evidence.ClassRefused, 503), VaultToKubernetesFailed, LoginsUnknown},
		"503 at the same host":       {token, file, failed(evidence.ClassRefused, 503), KubernetesUnavailable, LoginsUnknown},
		"503 with another CA":        {ca, file, failed(evidence.ClassRefused, 503), KubernetesUnavailable, LoginsUnknown},
		"another CA does not verify": {ca, file, failed(evidence.ClassTLSUntrusted, 0), VaultToKubernetesTLS, LoginsFail},
		"401":                        {token, file, failed(evidence.ClassRefused, 401), ReviewerUnauthorized, LoginsFail},
		"403":                        {token, file, failed(evidence.ClassRefused, 403), ReviewerForbidden, LoginsFail},
		"not reached":                {token, file, failed(evidence.ClassUnreachable, 0), KubernetesUnreachable, LoginsUnknown},
		"another host, not reached":  {host, file, failed(evidence.ClassUnreachable, 0), VaultToKubernetesUnreachable, LoginsUnknown},
		"another host, another page": {host, file, failed(evidence.ClassBadResponse, 0), VaultToKubernetesMisconfigured, LoginsFail},
		"throttled":                  {host, file, failed(evidence.ClassRefused, 429), KubernetesThrottled, LoginsUnknown},
		"not reached by us":          {host, file, failed(evidence.ClassCAUnreadable, 0), ExporterCAUnreadable, LoginsUnknown},
		"may not ask":                {host, evidence.Origin{Source: evidence.SourceAccessReview}, unasked, Unexplained, LoginsUnknown},
	} {
		test.e.At = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
		target := evidence.Target{Candidate: &test.candidate, Reviewer: test.reviewer, Kubernetes: evidence.Kubernetes{Host: "https://new.example"}}
		d := Diagnose(target, test.e)
		if d.Reason != test.want || d.Detail == "" || d.Reason != None && d.Advice.IsEmpty() {
			t.Errorf("%s: %s: %s, %+v; want %s", name, d.Reason, d.Detail, d.Advice, test.want)
		}
		if d.CandidateStatus() != test.logins {
			t.Errorf("%s: logins: %s, want %s", name, d.CandidateStatus(), test.logins)
		}
		for _, line := range d.Fix {
			if writes := len(line) > 11 && line[:11] == "vault write"; writes && d.Reason != None {
				t.Errorf("%s: a candidate that does not work is written: %s", name, line)
			}
		}
	}
}

// TestAdviceOnACandidatesCA checks that what is wrong with a candidate's CA is not said of the pod's files.
func TestAdviceOnACandidatesCA(t *testing.T) {
	for file, want := range map[string]string{"new-ca.crt": "--kubernetes-cacert is new-ca.crt: ", evidence.StandardInput: "Standard input must hold certificates"} {
		target := evidence.Target{
			Candidate: &evidence.Candidate{CACert: true}, Pod: evidence.Pod{Namespace: "monitoring", Name: "exporter"},
			Kubernetes: evidence.Kubernetes{Host: "https://new.example", CACert: file}, Home: evidence.Kubernetes{CACert: "/var/run/ca.crt"},
		}
		a := ExporterCAUnreadable.Advice(target, evidence.Evidence{})
		if len(a.Check) > 0 || len(a.Notes) != 1 || !strings.HasPrefix(a.Notes[0], want) {
			t.Errorf("%s: %+v", file, a)
		}
	}
}
