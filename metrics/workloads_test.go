package metrics_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/metrics"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/diagnose"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/workload"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/workload/rehearse"
)

func loginResult(target, role string, state diagnose.WorkloadState, reason diagnose.Reason) rehearse.Result {
	return rehearse.Result{
		Entry: workload.Entry{
			Login: workload.Login{Mount: "kubernetes", Role: role, ServiceAccount: evidence.ServiceAccount{Namespace: "shop", Name: "web"}},
			Objects: []workload.Object{
				{Kind: "VaultAuth", Namespace: "shop", Name: "web"}, {Kind: "Deployment", Namespace: "shop", Name: "web", Pods: 3},
			},
		},
		Target: target, Verdict: diagnose.WorkloadVerdict{State: state, Reason: reason},
	}
}

// workloadSnapshot shows every metric of workloads.
func workloadSnapshot() (workload.Inventory, []rehearse.Result) {
	twice := loginResult("a", "gone", diagnose.WorkloadBroken, diagnose.RoleMissing)
	twice.Audiences = "vault"
	return workload.Inventory{At: time.Unix(1000, 0), Sources: []workload.Source{
			{Name: "pods", State: workload.SourceRead, ReadAt: time.Unix(1000, 0)},
			{Name: "vaultauths.secrets.hashicorp.com", State: workload.SourceNotInstalled},
			{Name: "issuers.cert-manager.io", State: workload.SourceForbidden, ReadAt: time.Unix(400, 0)},
		}}, []rehearse.Result{
			loginResult("a", "gone", diagnose.WorkloadBroken, diagnose.RoleMissing), twice,
			loginResult("", "elsewhere", diagnose.WorkloadNotRehearsed, ""),
			loginResult("a", "web", diagnose.WorkloadReady, ""),
		}
}

func TestWorkloads(t *testing.T) {
	rec := metrics.New([]evidence.Target{target("a")})
	rec.Workloads(workloadSnapshot)
	expect(t, rec, `
		workload_discovery_last_success_timestamp_seconds{source="issuers.cert-manager.io"} 400
		workload_discovery_last_success_timestamp_seconds{source="pods"} 1000
		workload_discovery_success{source="issuers.cert-manager.io"} 0
		workload_discovery_success{source="pods"} 1
		workload_forged_token_accepted{target=""} 0
		workload_forged_token_accepted{target="a"} 0
		workload_login_broken_info{reason="role_missing",role="gone",service_account="web",service_account_namespace="shop",source="Deployment/shop/web",target="a"} 1
		workload_logins{state="broken",target=""} 0
		workload_logins{state="broken",target="a"} 2
		workload_logins{state="not_rehearsed",target=""} 1
		workload_logins{state="not_rehearsed",target="a"} 0
		workload_logins{state="ready",target=""} 0
		workload_logins{state="ready",target="a"} 1
		workload_logins{state="unknown",target=""} 0
		workload_logins{state="unknown",target="a"} 0
		workload_logins_broken_omitted 0
	`, "workload_forged_token_accepted", "workload_logins", "workload_login_broken_info", "workload_logins_broken_omitted", "workload_discovery_success",
		"workload_discovery_last_success_timestamp_seconds")
}

// One target's mount says nothing of another's.
func TestForgedTokenAccepted(t *testing.T) {
	rec := metrics.New(nil)
	rec.Workloads(func() (workload.Inventory, []rehearse.Result) {
		return workload.Inventory{At: time.Unix(1000, 0)}, []rehearse.Result{
			loginResult("a", "web", diagnose.WorkloadBroken, diagnose.Reason(diagnose.MountAcceptsInvalidToken)),
			loginResult("a", "api", diagnose.WorkloadReady, ""),
			loginResult("b", "web", diagnose.WorkloadReady, ""),
		}
	})
	expect(t, rec, `
		workload_forged_token_accepted{target="a"} 1
		workload_forged_token_accepted{target="b"} 0
	`, "workload_forged_token_accepted")
}

func TestBrokenLoginsAreBounded(t *testing.T) {
	rec := metrics.New(nil)
	rec.Workloads(func() (workload.Inventory, []rehearse.Result) {
		var results []rehearse.Result
		for i := range 250 {
			results = append(results, loginResult("a", fmt.Sprint("role-", i), diagnose.WorkloadBroken, diagnose.RoleMissing))
		}
		return workload.Inventory{At: time.Unix(1000, 0)}, results
	})
	_, series := gathered(t, rec)
	if n := series["vault_k8s_auth_workload_login_broken_info"]; n != 200 {
		t.Errorf("%d broken logins are listed", n)
	}
	expect(t, rec, "workload_logins_broken_omitted 50", "workload_logins_broken_omitted")
}

func TestNoWorkloadsBeforeTheFirstDiscovery(t *testing.T) {
	rec := metrics.New(nil)
	rec.Workloads(func() (workload.Inventory, []rehearse.Result) { return workload.Inventory{}, nil })
	expect(t, rec, "", "workload_logins", "workload_logins_broken_omitted")
}
