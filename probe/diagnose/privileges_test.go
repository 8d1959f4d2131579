package diagnose

import (
	"strings"
	"testing"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
)

// rule writes a rule as verbs, groups and resources, each separated by commas; core is the core group.
func ruleOf(verbs, groups, resources string) evidence.Rule {
	return evidence.Rule{
		Verbs: strings.Split(verbs, ","), Resources: strings.Split(resources, ","),
		Groups: strings.Split(strings.ReplaceAll(groups, "core", ""), ","),
	}
}

func TestWorstPermission(t *testing.T) {
	secrets := ruleOf("get,list", "core", "configmaps,secrets")
	for name, test := range map[string]struct {
		rules []evidence.Rule
		want  string
	}{
		"none":            {nil, ""},
		"cluster-admin":   {[]evidence.Rule{secrets, ruleOf("*", "*", "*")}, "do everything to everything"},
		"edit":            {[]evidence.Rule{ruleOf("create", "core", "pods/exec"), secrets}, "get secrets"},
		"view":            {[]evidence.Rule{ruleOf("get,list,watch", "core", "configmaps,pods,pods/log")}, "get configmaps"},
		"any verb":        {[]evidence.Rule{ruleOf("*", "core", "secrets")}, "get secrets"},
		"any in a group":  {[]evidence.Rule{ruleOf("*", "apps", "*")}, "create daemonsets"},
		"any subresource": {[]evidence.Rule{ruleOf("create", "core", "*/exec")}, "create pods/exec"},
		"another group":   {[]evidence.Rule{ruleOf("get", "example.com", "secrets")}, ""},
		"escalate":        {[]evidence.Rule{ruleOf("bind", rbacGroup, "roles")}, "bind roles"},
		"tokens":          {[]evidence.Rule{ruleOf("create", "core", "serviceaccounts/token")}, "create serviceaccounts/token"},
		"workloads":       {[]evidence.Rule{ruleOf("patch", "apps", "deployments")}, "patch deployments"},
		"auth-delegator": {[]evidence.Rule{
			ruleOf("create", "authentication.k8s.io", "tokenreviews"), ruleOf("create", "authorization.k8s.io", "subjectaccessreviews")}, ""},
		"what mounts need": {[]evidence.Rule{ruleOf("get", "core", "namespaces"), ruleOf("get", "core", "serviceaccounts")}, ""},
		// The ClusterRole and Role of Vault's Helm chart.
		"Vault's own account": {[]evidence.Rule{ruleOf("get,watch,list,update,patch", "core", "pods")}, ""},
		"every account, Kubernetes": {[]evidence.Rule{
			ruleOf("create", "authorization.k8s.io", "selfsubjectaccessreviews,selfsubjectrulesreviews"), ruleOf("create", "authentication.k8s.io", "selfsubjectreviews"),
			ruleOf("get,list,watch", "certificates.k8s.io", "clustertrustbundles")}, ""},
		"every account, OpenShift": {[]evidence.Rule{
			ruleOf("get", "core,user.openshift.io", "users"), ruleOf("get,list,watch", rbacGroup, "clusterroles"), ruleOf("get,list", "storage.k8s.io", "storageclasses"),
			ruleOf("create", "core,project.openshift.io", "projectrequests"), ruleOf("create,get", "core,build.openshift.io", "buildconfigs/webhooks"),
			ruleOf("impersonate", "authentication.k8s.io", "userextras/scopes.authorization.openshift.io")}, ""},
	} {
		if got := worstPermission(test.rules); got != test.want {
			t.Errorf("%s: %q, want %q", name, got, test.want)
		}
	}
}

// An authorizer that does not list its rules may allow anything.
func TestIncompleteRulesProveNothing(t *testing.T) {
	for _, test := range []struct {
		privileges   evidence.Privileges
		holds, known bool
	}{
		{evidence.Privileges{}, false, true},
		{evidence.Privileges{Incomplete: true}, false, false},
		{evidence.Privileges{Incomplete: true, Rules: []evidence.Rule{ruleOf("list", "core", "secrets")}}, true, true},
	} {
		e := evidence.Evidence{Privileges: evidence.Fact[evidence.Privileges]{State: evidence.Answered, Value: test.privileges}}
		if f, known := judgeOverprivileged(evidence.Target{}, e); f.holds != test.holds || known != test.known {
			t.Errorf("%+v: raised %t, known %t", test.privileges, f.holds, known)
		}
	}
}

// What the documentation lets the canary read is not too wide.
func TestPolicyTooWide(t *testing.T) {
	target := evidence.Target{Vault: evidence.Vault{Mount: "kubernetes", Role: "canary"}}
	for want, allowed := range map[string][]evidence.Capabilities{
		"":                                       {{Path: "auth/kubernetes/config", Allowed: []string{"read"}}, {Path: "auth/kubernetes/role/canary", Allowed: []string{"read"}}},
		"capabilities update at auth/kubernetes": {{Path: "auth/kubernetes/config", Allowed: []string{"read", "update"}}},
		"capabilities root at sys/raw":           {{Path: "sys/raw/x", Allowed: []string{"root"}}, {Path: "sys/seal", Allowed: []string{"root"}}},
	} {
		e := evidence.Evidence{Capabilities: evidence.Fact[[]evidence.Capabilities]{State: evidence.Answered, Value: allowed}}
		f, known := judgePolicyTooWide(target, e)
		if !known || f.holds != (want != "") || !strings.Contains(f.detail, want) {
			t.Errorf("%+v: %+v, known %t; want %q", allowed, f, known, want)
		}
	}
	if _, known := judgePolicyTooWide(target, evidence.Evidence{}); known {
		t.Error("nothing was asked, but it is judged")
	}
}
