package status_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/internal/status"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/diagnose"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/workload"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/workload/rehearse"
)

// loginOf is a login at a target, empty for none.
func loginOf(namespace, role, target string, verdict diagnose.WorkloadVerdict) rehearse.Result {
	return rehearse.Result{
		Entry: workload.Entry{
			Login:   workload.Login{Mount: "kubernetes", Role: role, ServiceAccount: evidence.ServiceAccount{Namespace: namespace, Name: "app"}},
			Objects: []workload.Object{{Kind: "Deployment", Namespace: namespace, Name: role, Pods: 3}},
		},
		Target: target, Verdict: verdict, At: noon, Since: noon,
	}
}

var (
	readyLogin  = diagnose.WorkloadVerdict{State: diagnose.WorkloadReady, Detail: "the role admits it"}
	brokenLogin = diagnose.WorkloadVerdict{
		State: diagnose.WorkloadBroken, Reason: diagnose.RoleMissing, Detail: "Vault rejects it: invalid role name",
		Advice: diagnose.Advice{Fix: []string{"vault write auth/kubernetes/role/gone …"}},
	}
)

// shop has a broken login, one that is not rehearsed, and ready ones of the given number.
func shop(ready int) func() (workload.Inventory, []rehearse.Result) {
	unwatched := loginOf("shop", "elsewhere", "", diagnose.WorkloadVerdict{State: diagnose.WorkloadNotRehearsed, Detail: "no target watches this mount"})
	unwatched.Mount, unwatched.Address, unwatched.Elsewhere = "other", "https://lb", rehearse.Elsewhere{Target: "a", Address: "https://vault"}
	results := []rehearse.Result{loginOf("pay", "gone", "a", brokenLogin), unwatched}
	for i := range ready {
		results = append(results, loginOf(fmt.Sprintf("team-%d", i%3), fmt.Sprintf("role-%d", i), "a", readyLogin))
	}
	inventory := workload.Inventory{
		At: noon,
		Sources: []workload.Source{{Name: "pods", State: workload.SourceRead}, {Name: "issuers.cert-manager.io", State: workload.SourceNotInstalled},
			{Name: "serviceaccounts", State: workload.SourceForbidden, Error: "cannot list resource"}},
		Skipped: []workload.Skipped{{Object: workload.Object{Kind: "Pod", Namespace: "shop", Name: "cron"}, Why: "it names no role"}},
	}
	return func() (workload.Inventory, []rehearse.Result) { return inventory, results }
}

func TestWorkloadsPage(t *testing.T) {
	f := open(t, status.Options{Workloads: shop(20), Links: status.Links{Path: "/below"}}, "a")
	_, page := f.do("GET", "/workloads")
	last := 0
	for _, part := range []string{
		"1 of 22 workload logins: broken", `<details class="logins" id="logins-broken" open><summary>1 broken`, "<b>gone</b> as pay/app", `href="/below/targets/a"`,
		"Deployment pay/gone", "3 pods", `href="/below/runbooks/role_missing"`, "invalid role name", "vault write auth/kubernetes/role/gone",
		"1 not rehearsed", "no target watches this mount", `<details class="logins" id="logins-ready"><summary>20 ready`,
		"auth/other at https://lb, 1 login. a watches it at https://vault.", "vault_aliases", "vault_mount", "serviceaccounts", "forbidden: cannot list resource", "Pod shop/cron", "it names no role", "Not installed: issuers.cert-manager.io",
	} {
		at := strings.Index(page[last:], part)
		if at < 0 {
			t.Fatalf("the page lacks %q, or has it too early:\n%s", part, page)
		}
		last += at
	}
}

func TestWorkloadsFilters(t *testing.T) {
	f := open(t, status.Options{Workloads: shop(20)}, "a")
	for query, want := range map[string]int{
		"": 22, "namespace=pay": 1, "namespace=team-*": 20, "namespace=team-%3F": 20, "namespace=team": 0, "namespace=%5Bp%5Day": 0, "namespace=%5C": 0, "namespace=%FF": 0,
		"state=broken": 1, "state=ready&namespace=team-0": 7, "target=a": 21, "target=b": 0, "state=nonsense": 0,
	} {
		_, page := f.do("GET", "/workloads?"+query)
		if got := strings.Count(page, `<li class="login `); got != want {
			t.Errorf("/workloads?%s shows %d logins, want %d", query, got, want)
		}
		var api status.Workloads
		if _, body := f.do("GET", "/api/v1/workloads?"+query); json.Unmarshal([]byte(body), &api) != nil || len(api.Logins) != want {
			t.Errorf("/api/v1/workloads?%s has %d logins, want %d", query, len(api.Logins), want)
		}
	}
	_, page := f.do("GET", "/workloads?namespace=team-*&state=ready")
	for _, part := range []string{`value="team-*"`, `name="state" value="ready"`, `href="/workloads?namespace=team-%2A">all <b>20</b>`} {
		if !strings.Contains(page, part) {
			t.Errorf("the filtered page lacks %q:\n%s", part, page)
		}
	}
}

// Thousands of logins make no large page, and an update of it is small.
func TestWorkloadsAreBounded(t *testing.T) {
	f := open(t, status.Options{Workloads: shop(5000)}, "a")
	_, page := f.do("GET", "/workloads")
	if got := strings.Count(page, `<li class="login `); got != 200 || !strings.Contains(page, "4802 more are not shown") || !strings.Contains(page, "5000 ready") || len(page) > 200_000 {
		t.Errorf("the page shows %d logins in %d bytes", got, len(page))
	}
	version := regexp.MustCompile(`name="version" content="([^"]*)"`).FindStringSubmatch(page)
	if version == nil {
		t.Fatal("the page has no version")
	}
	if _, update := f.do("GET", "/workloads?since="+version[1]); len(update) > 2000 {
		t.Errorf("an update without news has %d bytes:\n%s", len(update), update)
	}
}

func TestWorkloadsOnTheOverview(t *testing.T) {
	f := open(t, status.Options{Workloads: shop(20)}, "a", "b", "c")
	_, page := f.do("GET", "/")
	if !strings.Contains(page, `<a href="/workloads">22 workload logins: 1 broken, 1 not rehearsed, 20 ready</a>`) || strings.Contains(page, "log in here") {
		t.Errorf("the overview of what works:\n%s", page)
	}
	f.ran("a", noon, diagnose.VaultSealed)
	f.ran("c", noon, diagnose.RoleMissing)
	for path, want := range map[string]string{"/": "21 workloads log in here", "/targets/a": `<a href="/workloads?target=a">21 workloads log in here</a>`} {
		if _, page := f.do("GET", path); strings.Count(page, want) != 1 || strings.Contains(page, "0 workloads") {
			t.Errorf("%s does not say once %q:\n%s", path, want, page)
		}
	}
	f.ran("b", noon, diagnose.VaultSealed) // one incident of a and b
	if _, page := f.do("GET", "/"); !strings.Contains(page, "21 workloads log in here") {
		t.Errorf("the card of an incident does not say whom it hits:\n%s", page)
	}
}

func TestWorkloadsOff(t *testing.T) {
	f := open(t, status.Options{}, "a")
	for _, path := range []string{"/workloads", "/api/v1/workloads"} {
		if response, body := f.do("GET", path); response.StatusCode != http.StatusNotFound || !strings.Contains(body, "EXPORTER_WORKLOADS=true") {
			t.Errorf("%s = %d %s", path, response.StatusCode, body)
		}
	}
	if _, page := f.do("GET", "/"); strings.Contains(page, "orkload") {
		t.Errorf("the overview has workloads:\n%s", page)
	}
}

func TestWorkloadsBeforeTheFirstDiscovery(t *testing.T) {
	nothing := func() (workload.Inventory, []rehearse.Result) { return workload.Inventory{}, nil }
	f := open(t, status.Options{Workloads: nothing}, "a")
	if _, page := f.do("GET", "/workloads"); !strings.Contains(page, "not discovered yet") {
		t.Errorf("the page:\n%s", page)
	}
	if _, body := f.do("GET", "/api/v1/workloads"); body != "{\n  \"logins\": [],\n  \"unwatched\": [],\n  \"sources\": [],\n  \"skipped\": []\n}\n" {
		t.Errorf("the JSON: %s", body)
	}
	standby := open(t, status.Options{Workloads: nothing, Standby: func() string { return "exporter-0" }})
	if _, page := standby.do("GET", "/workloads"); !strings.Contains(page, "exporter-0 probes; this process is on standby and rehearses no login") {
		t.Errorf("the page of a standby:\n%s", page)
	}
}

// The names come from whoever may create objects in the cluster.
func TestWorkloadNamesAreText(t *testing.T) {
	const hostile, secret = `</li><script>alert(1)</script><!--{x-->`, "hvs.CAESIPlantedPlantedPlantedPlanted"
	one := loginOf("shop", hostile, "a", brokenLogin)
	one.Objects[0].Name, one.Mount, one.Address = secret, hostile, "https://"+hostile
	f := open(t, status.Options{Workloads: func() (workload.Inventory, []rehearse.Result) {
		return workload.Inventory{At: noon, Skipped: []workload.Skipped{{Object: workload.Object{Kind: hostile, Name: secret}, Why: hostile}}}, []rehearse.Result{one}
	}}, "a")
	_, page := f.do("GET", "/workloads")
	if strings.Contains(page, "<script>alert") || strings.Contains(page, secret) {
		t.Errorf("the page:\n%s", page)
	}
	if got := cmp.Diff(1, strings.Count(page, `<li class="login `)); got != "" {
		t.Error(got)
	}
}
