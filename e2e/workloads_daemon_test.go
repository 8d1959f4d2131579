package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/lab"
)

// TestWorkloadsOfTheDaemon runs the daemon and the command with the same forty logins. Its metrics, its API, its page and the
// command name the same 25 as broken, for the reasons for which logins with real tokens fail; the other 15 log in. No
// rehearsal of either issues a token.
func TestWorkloadsOfTheDaemon(t *testing.T) {
	t.Parallel()
	l := startLab(t)
	administrator := newShell(t, l)
	administrator.mustRun(append([]string{`export VAULT_ADDR="$EXPORTER_VAULT_ADDR"`}, workloadRoles("kubernetes")...)...)
	logins := workloadLogins()
	administrator.declare("kubernetes", logins[:len(logins)-2])
	administrator.declareMissing()
	administrator.permitDiscovery()

	accessors := accessorsOf(t, l)
	binary, pod := inPod(t, l)
	exporter := serveAs(t, binary, slices.Concat(environment(l.FullEnv(), "EXPORTER_WORKLOADS=true"), pod.Env))
	metrics := exporter.address("")
	began := time.Now()
	o, command := workloads(t, slices.Concat(environment(l.FullEnv()), l.AdminEnv())) // as long as the daemon needs for a round
	eventually(t, 3*time.Minute, "every login to be rehearsed", func() bool {
		e := scrape(t, metrics)
		return e.sample("workload_logins", "state", "ready") == "15" && e.sample("workload_logins", "state", "broken") == "25"
	}, exporter.out.String)
	t.Logf("the command and the daemon rehearsed %d logins in %s", len(logins), time.Since(began).Round(time.Second))

	var api workloadsReport
	if status, body := get(metrics, "/api/v1/workloads"); status != http.StatusOK || json.Unmarshal([]byte(body), &api) != nil {
		t.Fatalf("the API responds with %d: %s", status, body)
	}
	wantVerdicts(t, api, logins)
	wantVerdicts(t, command, logins)
	if o.code != 1 {
		t.Errorf("the command exits with %d", o.code)
	}
	_, page := get(metrics, "/workloads?state=broken")
	var want []string
	for _, one := range logins {
		if one.reason != "" {
			want = append(want, brokenLine(one.role, one.namespace+"/"+one.account, one.reason))
		}
	}
	slices.Sort(want)
	e := scrape(t, metrics)
	for view, got := range map[string][]string{
		"the metrics": e.brokenLogins(), "the API": api.broken(), "the page": brokenOnPage(page), "the command": command.broken(),
	} {
		slices.Sort(got)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", view, diff)
		}
	}
	if forged, omitted := e.value("workload_forged_token_accepted"), e.value("workload_logins_broken_omitted"); forged != "0" || omitted != "0" {
		t.Errorf("workload_forged_token_accepted is %s, %s broken logins are omitted", forged, omitted)
	}
	if code, _ := exporter.terminate(); code != 0 {
		t.Errorf("the exporter exits with %d", code)
	}
	if issued := accessorsOf(t, l) - accessors; issued != 0 {
		t.Errorf("%d tokens are left", issued)
	}
	wantTokensOfTheCanaryAlone(t, l)
	for _, one := range logins {
		wantLogin(t, l, one)
	}
}

// permitDiscovery has the account of the lab's pod list what the logins of these tests are discovered in.
func (s shell) permitDiscovery() {
	s.t.Helper()
	s.mustRun("kubectl create clusterrole exporter-workloads --verb=list --resource=pods,serviceaccounts",
		"kubectl create clusterrolebinding exporter-workloads --clusterrole=exporter-workloads --serviceaccount=monitoring:exporter")
}

// brokenLine is a broken login as these tests compare it.
func brokenLine(role, account, reason string) string {
	return fmt.Sprintf("%s as %s: %s", role, account, reason)
}

func (r workloadsReport) broken() (lines []string) {
	for _, one := range r.Logins {
		if one.State == "broken" {
			lines = append(lines, brokenLine(one.Role, one.Namespace+"/"+one.ServiceAccount, one.Reason))
		}
	}
	return lines
}

func (e exposition) brokenLogins() (lines []string) {
	for _, m := range e["vault_k8s_auth_workload_login_broken_info"].GetMetric() {
		labels := map[string]string{}
		for _, pair := range m.Label {
			labels[pair.GetName()] = pair.GetValue()
		}
		lines = append(lines, brokenLine(labels["role"], labels["service_account_namespace"]+"/"+labels["service_account"], labels["reason"]))
	}
	return lines
}

var loginOnPage = regexp.MustCompile(`(?s)<b>([^<]*)</b> as ([^<]*)</span>.*?<code>([^<]*)</code>`)

// brokenOnPage reads the rows of a page that has broken logins alone.
func brokenOnPage(page string) (lines []string) {
	for _, row := range strings.Split(page, `<li class="login `)[1:] {
		if match := loginOnPage.FindStringSubmatch(row); match != nil {
			lines = append(lines, brokenLine(match[1], match[2], match[3]))
		}
	}
	return lines
}

// wantTokensOfTheCanaryAlone requires of Vault's audit log that every login that got a token was one with the canary's
// role. A count of accessors does not show tokens that have expired.
func wantTokensOfTheCanaryAlone(t *testing.T, l *lab.Lab) {
	t.Helper()
	response := []string{`"type":"response"`, `"path":"auth/kubernetes/login"`, `"accessor":`}
	all := linesWith(t, l.AuditLog(), response...)
	if canary := linesWith(t, l.AuditLog(), append(response, `"role":"canary"`)...); canary == 0 || all != canary {
		t.Errorf("%d logins got a token, %d of them the canary's", all, canary)
	}
}

// wantLogin logs in with a real token of the account, and requires what the rehearsal found.
func wantLogin(t *testing.T, l *lab.Lab, one workloadLogin) {
	t.Helper()
	err := l.LogIn(t.Context(), lab.Workload{Mount: "kubernetes", Role: one.role, Namespace: one.namespace, Account: one.account, Audience: one.audience})
	switch {
	case one.reason == "" && err != nil:
		t.Errorf("a false ready: %+v: %v", one, err)
	case one.reason != "" && (err == nil || !strings.Contains(err.Error(), loginTextOf[one.reason])):
		t.Errorf("a real login of %+v: %v", one, err)
	}
}
