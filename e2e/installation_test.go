package e2e

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/lab"
)

// release and chart are the names of the guide's release, and the chart of this checkout.
const release = "vault-k8s-auth-exporter"

var chart = func() string {
	path, err := filepath.Abs("../deploy/helm/vault-k8s-auth-exporter")
	if err != nil {
		panic(err)
	}
	return path
}()

// An installation is one way to follow docs/installation.md.
type installation struct {
	sections []string // the sections whose commands are run, in this order, before the chart is installed
	// Commands for what the guide assumes to exist: how Vault reviews tokens.
	before []string
	// What the exporter's service account may then do at the API server, beyond what every account
	// may, in the format of kubectl auth can-i --list.
	permissions []string
	// The row of the cost table that counts its requests to the API server.
	cost string
	// Checks for this installation alone.
	extra func(administrator, pod)
}

// writeConfig writes the mount's config. Further fields can be appended.
const writeConfig = `vault write auth/kubernetes/config disable_local_ca_jwt=true kubernetes_host="$EXPORTER_KUBERNETES_HOST" ` +
	`kubernetes_ca_cert=@"$EXPORTER_KUBERNETES_CACERT" `

var installations = map[string]installation{
	"Vault inside": {
		// The lab's Vault does not run in a pod, so its config has what it would read there.
		before: []string{
			"kubectl -n vault create serviceaccount vault",
			"kubectl create clusterrolebinding vault-server-binding --clusterrole=system:auth-delegator --serviceaccount=vault:vault",
			writeConfig + `token_reviewer_jwt="$(kubectl -n vault create token vault)"`,
		},
		sections: []string{"1. Find out whose token Vault reviews with", "2. Create the canary", "3. Write the values"},
		permissions: []string{
			"monitoring: subjectaccessreviews.authorization.k8s.io [] [] [create]",
			"vault: subjectaccessreviews.authorization.k8s.io [] [] [create]",
		},
		cost:  "API server, `accessreview`",
		extra: wantTargetOfOperator,
	},
	"Vault outside, Secret": {
		sections:    []string{"2. Create the canary", "Vault outside the cluster", "The reviewer from its Secret"},
		permissions: []string{"vault: secrets [] [vault-auth-token] [get]"},
		cost:        "API server, `secret`",
		extra:       wantServiceTokenCosts,
	},
	"Vault outside, file": {
		sections: []string{"2. Create the canary", "Vault outside the cluster", "The reviewer from a file"},
		cost:     "API server, `file` or `canary`",
		extra:    wantAuditEntries,
	},
	"self review": {
		// Every cluster has this account; the lab runs no controller that creates it.
		before:   []string{writeConfig, "kubectl -n default create serviceaccount default"},
		sections: []string{"2. Create the canary", "Each client reviews itself"},
		permissions: []string{ // the same as every client of such a Vault
			"monitoring: tokenreviews.authentication.k8s.io [] [] [create]",
			"vault: tokenreviews.authentication.k8s.io [] [] [create]",
		},
		cost: "API server, `file` or `canary`",
	},
}

// everyInstallation are the sections that end each of the installations.
var everyInstallation = []string{"4. Install the chart", "5. See what it finds"}

// otherSections are the sections that no installation runs, and where or why not they are tested.
var otherSections = map[string]string{
	"6. Let Prometheus scrape it":       "TestGuideToAPage",
	"7. Route the alerts":               "TestGuideToAPage",
	"8. Hold a fire drill":              "TestGuideToAPage",
	"9. Remove it":                      "TestGuideToAPage",
	"An image of your own":              "left out: the lab runs no container; deploy/test renders the values of an image",
	"Many clusters from one place":      "TestManyClusters",
	"The status page behind an Ingress": "TestPrefixes of cmd/exporter has real proxies, deploy/test renders the Ingress",
	"What it costs":                     "TestInstallations counts it",
	"What security will see":            "TestInstallations looks for it",
	"A listener without TLS":            "left out: the lab's Vault has a listener with TLS",
	"Without Helm":                      "the tests of deploy/test render it and submit it to a real API server",
	"Machines without Kubernetes":       "left out: the lab has no systemd",
	"Platforms":                         "left out: facts about managed clusters",
	"Operators that log in for pods":    "TestInstallations, as a target of Vault inside",
	"Before you change the reviewer":    "TestCandidateIsJudged and TestCandidateIsWritten",
	"Kubernetes Events":                 "TestKubernetesEvents",
	"Incidents survive a restart":       "TestStateSurvivesKills",
	"Why did it page?":                  "TestGuideToAPage has the command from the page",
	"HCP and Enterprise namespaces":     "left out: the lab's Vault is the Community edition, which takes no notice of a namespace",
	"OpenBao":                           "left out: no OpenBao can be had as a module; probetest answers as it does",
}

// TestEverySectionIsTested fails for a section that was added, renamed or removed, and for one that is left out without
// saying so.
func TestEverySectionIsTested(t *testing.T) {
	tested := maps.Clone(otherSections)
	for name, i := range installations {
		for _, section := range slices.Concat(i.sections, everyInstallation) {
			tested[section] = name
		}
	}
	page := readGuide(t)
	for section, how := range otherSections {
		if words := strings.Join(strings.Fields(page[section]), " "); strings.HasPrefix(how, "left out") && !strings.Contains(words, "No test follows this section") {
			t.Errorf("the section %q does not say that no test follows it", section)
		}
	}
	want, got := slices.Sorted(maps.Keys(page)), slices.Sorted(maps.Keys(tested))
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("sections (-page +tests):\n%s", diff)
	}
}

// TestInstallations follows the guide for every installation, and requires the health, costs and
// permissions that the guide promises.
func TestInstallations(t *testing.T) {
	t.Parallel()
	for name, i := range installations {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a, exporter := i.install(t)

			tokens, counters := a.accessors(), a.auditCounters(batchTokens, i.cost)
			a.wantAuditCosts(1, 1, counters, func() { wantHealthy(t, checkAs(t, exporter.binary, exporter.env)) })
			a.wantAuditCosts(2, 1, counters, func() { a.probeTwice(exporter) })
			if after := a.accessors(); after != tokens {
				t.Errorf("%d tokens in Vault before three runs, %d after", tokens, after)
			}
			if got := a.clients() - a.clientsBefore; got != 1 {
				t.Errorf("the exporter's runs added %d clients in Vault, want 1", got)
			}
			if diff := cmp.Diff(i.permissions, a.permissionsOf(a.ownToken())); diff != "" {
				t.Errorf("permissions of the exporter at the API server (-want +got):\n%s", diff)
			}
			a.wantMinimalCanary(exporter)
			if i.extra != nil {
				i.extra(a, exporter)
			}
		})
	}
}

// wantHealthy requires a proven healthy verdict without warnings, and a readable config.
func wantHealthy(t *testing.T, r targetReport) {
	t.Helper()
	if !r.Healthy || r.Reason != "none" || r.Certainty != "proven" || r.Reviewer.Reason != "none" || len(r.Warnings) > 0 {
		t.Errorf("%s: %s (%s), reviewer %s (%s), warnings %+v", r.Target, r.Reason, r.Detail, r.Reviewer.Reason, r.Reviewer.Detail, r.Warnings)
	}
	for _, s := range r.Steps {
		if s.Step == "config" && s.State != "ok" {
			t.Errorf("%s: the config is %s: %s", r.Target, s.State, s.Detail)
		}
	}
}

// An administrator follows the guide in a shell.
type administrator struct {
	shell
	guide guide
	tools string // the directory of helm, and of the kubectl that can run commands in the pod
	// Commands that set the variables which the guide assumes to be set.
	exports []string
	// The clients in Vault before the exporter is installed.
	clientsBefore int
}

// install follows the guide in a lab from which everything of the exporter has been removed.
func (i installation) install(t *testing.T) (administrator, pod) {
	t.Helper()
	a := newAdministrator(t, startLab(t))
	a.mustRun(
		"kubectl -n monitoring delete serviceaccount canary vault-k8s-auth-exporter",
		"kubectl -n vault delete serviceaccount vault-auth",
		"kubectl delete clusterrolebinding vault-k8s-auth-exporter vault-auth-delegator",
		"vault delete sys/auth/kubernetes", "vault auth enable kubernetes",
		"vault delete sys/policies/acl/vault-k8s-auth-exporter",
	)
	a.mustRun(i.before...)
	a.clientsBefore = a.clients()
	a.runSections(i.sections...)
	return a, a.installChart()
}

// ownToken returns a file with a token of the exporter's service account.
func (a administrator) ownToken() string {
	a.t.Helper()
	file := filepath.Join(a.dir, "own-token")
	a.mustRun("kubectl -n monitoring create token " + release + " > " + file)
	return file
}

// installChart follows the sections that end each installation, and returns the exporter's pod.
func (a administrator) installChart() pod {
	a.t.Helper()
	a.runSections("4. Install the chart")
	p := a.startPod()
	// The pod of a real cluster takes longer to start than permissions take to be in force.
	var out string
	eventually(a.t, 10*time.Second, "a healthy report", func() bool {
		var err error
		out, err = a.run(slices.Concat(a.exports, a.guide.commands("5. See what it finds"))...)
		return err == nil
	}, func() string { return out })
	return p
}

// startPod prepares the pod of the chart's Deployment, in which kubectl exec then runs commands.
func (a administrator) startPod() pod {
	a.t.Helper()
	p := a.createPod(release, "https://vault.vault.svc:8200", a.vault(), "http://vault.vault.svc:8200", a.vault())
	a.execIn(p)
	return p
}

func newAdministrator(t *testing.T, l *lab.Lab) administrator {
	t.Helper()
	a := administrator{shell: newShell(t, l), guide: readGuide(t), tools: t.TempDir()}
	helm, err := lab.BuildHelm(t.Context(), os.Stderr)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(helm, filepath.Join(a.tools, "helm")); err != nil {
		t.Fatal(err)
	}
	a.exports = []string{`export VAULT_ADDR="$EXPORTER_VAULT_ADDR" VAULT_CACERT="$EXPORTER_VAULT_CACERT" PATH="` + a.tools + `:$PATH"`}
	a.mustRun("kubectl label namespace monitoring pod-security.kubernetes.io/warn=restricted",
		// What the controller manager creates in every namespace: the lab has none.
		`kubectl -n monitoring create configmap kube-root-ca.crt --from-file=ca.crt="$EXPORTER_KUBERNETES_CACERT"`)
	return a
}

// execIn makes kubectl exec run the exporter with the environment of this pod: the lab has no
// kubelet. Any other command of kubectl stays what it is.
func (a administrator) execIn(p pod) {
	a.t.Helper()
	var script strings.Builder
	fmt.Fprintf(&script, "#!/bin/sh\ncase \"$*\" in\n*' exec deploy/%s -- /exporter '*)\n"+
		"while [ \"$1\" != /exporter ]; do shift; done; shift\nexec env -i", release)
	for _, variable := range p.env {
		script.WriteString(" " + quoteForShell(variable))
	}
	fmt.Fprintf(&script, " %s \"$@\" ;;\nesac\nPATH=\"${PATH#*:}\" exec kubectl \"$@\"\n", p.binary)
	if err := os.WriteFile(filepath.Join(a.tools, "kubectl"), []byte(script.String()), 0o700); err != nil {
		a.t.Fatal(err)
	}
}

func quoteForShell(text string) string { return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'" }

func (a administrator) mustRun(lines ...string) string {
	a.t.Helper()
	return a.shell.mustRun(slices.Concat(a.exports, lines)...)
}

// runSections runs the commands of these sections unchanged, each block in a new shell.
func (a administrator) runSections(sections ...string) {
	a.t.Helper()
	for _, section := range sections {
		blocks := a.guide.commands(section)
		if len(blocks) == 0 {
			a.t.Errorf("the section %q has no commands", section)
		}
		for _, block := range blocks {
			if out := a.mustRun(block); strings.Contains(out, "Warning") {
				a.t.Errorf("%s:\n%s", section, out)
			}
		}
	}
}

func (a administrator) vault() string { return strings.TrimSpace(a.mustRun(`echo "$VAULT_ADDR"`)) }

func (a administrator) accessors() int {
	a.t.Helper()
	n, err := a.lab.Accessors(a.t.Context())
	if err != nil {
		a.t.Fatal(err)
	}
	return n
}

// clients counts the entities. Vault Enterprise bills by them.
func (a administrator) clients() int {
	a.t.Helper()
	out, err := a.run(slices.Concat(a.exports, []string{"vault list -format=json identity/entity/id"})...)
	if err != nil && strings.Contains(out, "No value found") { // the list is empty
		return 0
	}
	var list struct {
		Data struct{ Keys []string }
	}
	if err := json.Unmarshal([]byte(out), &list); err != nil {
		a.t.Fatalf("listing entities: %v\n%s", err, out)
	}
	return len(list.Data.Keys)
}

// wantMinimalCanary logs the canary in, and requires that its token may do what the guide promises
// and nothing else.
func (a administrator) wantMinimalCanary(p pod) {
	a.t.Helper()
	var login struct {
		Auth struct {
			Policies  []string `json:"policies"`
			Type      string   `json:"token_type"`
			Seconds   int      `json:"lease_duration"`
			Renewable bool     `json:"renewable"`
		} `json:"auth"`
	}
	file := p.variable("EXPORTER_CANARY_TOKEN_FILE")
	a.json(&login, "vault write -format=json auth/kubernetes/login role=canary jwt=@"+file)
	if got := login.Auth; got.Type != "batch" || got.Seconds != 60 || got.Renewable ||
		!slices.Equal(got.Policies, []string{"vault-k8s-auth-exporter"}) {
		a.t.Errorf("the canary's token has %+v", got)
	}

	// A token with the canary's policy, plus one that lets it read its own ACL.
	var acl struct {
		Data struct {
			Root  bool                                       `json:"root"`
			Exact map[string]struct{ Capabilities []string } `json:"exact_paths"`
			Globs map[string]struct{ Capabilities []string } `json:"glob_paths"`
		} `json:"data"`
	}
	a.json(&acl,
		`echo 'path "sys/internal/ui/resultant-acl" { capabilities = ["read"] }' | vault policy write asking - > /dev/null`,
		`vault write auth/token/roles/asking token_no_default_policy=true allowed_policies=asking,vault-k8s-auth-exporter > /dev/null`,
		`VAULT_TOKEN="$(vault write -field=token auth/token/create/asking)"`,
		"export VAULT_TOKEN", "vault read -format=json sys/internal/ui/resultant-acl")
	var may []string
	for path, granted := range acl.Data.Exact {
		may = append(may, fmt.Sprint(path, granted.Capabilities))
	}
	slices.Sort(may)
	want := []string{"auth/kubernetes/config[read]", "auth/kubernetes/role/canary[read]", "sys/capabilities-self[update]", "sys/internal/ui/resultant-acl[read]"}
	if diff := cmp.Diff(want, may); diff != "" || acl.Data.Root || len(acl.Data.Globs) > 0 {
		a.t.Errorf("permissions of the canary's token, globs %v (-want +got):\n%s", acl.Data.Globs, diff)
	}
}

// wantTargetOfOperator adds the guide's target for an operator, which logs in with a role and a
// service account of its own.
func wantTargetOfOperator(a administrator, _ pod) {
	a.t.Helper()
	if err := os.WriteFile(filepath.Join(a.dir, "operators.yaml"), []byte(a.guide.yaml("Operators that log in for pods")), 0o600); err != nil {
		a.t.Fatal(err)
	}
	a.mustRun("kubectl create namespace external-secrets", "kubectl -n external-secrets create serviceaccount external-secrets",
		"vault write auth/kubernetes/role/external-secrets bound_service_account_names=external-secrets "+
			"bound_service_account_namespaces=external-secrets audience=vault token_policies=default token_ttl=60s",
		"helm upgrade "+release+" "+chart+" --namespace monitoring --values values.yaml --values operators.yaml")
	p := a.startPod()
	o := runAs(a.t, p.binary, p.env, "check", "--output=json")
	var r report
	if err := json.Unmarshal([]byte(o.stdout), &r); err != nil || len(r.Targets) != 2 {
		a.t.Fatalf("reading the report of check: %v\n%s%s", err, o.stdout, o.stderr)
	}
	for _, target := range r.Targets {
		if !target.Healthy {
			a.t.Errorf("%s: %s (%s)", target.Target, target.Reason, target.Detail)
		}
	}
}

// json decodes the output of the commands.
func (a administrator) json(into any, lines ...string) {
	a.t.Helper()
	text := a.mustRun(lines...)
	if err := json.Unmarshal([]byte(text), into); err != nil {
		a.t.Fatalf("%v\n%s", err, text)
	}
}

func (p pod) variable(name string) string {
	for _, variable := range p.env {
		if value, ok := strings.CutPrefix(variable, name+"="); ok {
			return value
		}
	}
	return ""
}

// TestManyClusters has two clusters with one Vault, and the exporter in one of the clusters.
func TestManyClusters(t *testing.T) {
	t.Parallel()
	here, there := startLab(t), startLab(t)
	a := newAdministrator(t, here)
	a.mustRun("kubectl -n monitoring delete serviceaccount canary vault-k8s-auth-exporter")
	newShell(t, there).mustRun("kubectl -n monitoring delete serviceaccount canary vault-k8s-auth-exporter")
	for name, l := range map[string]*lab.Lab{"prod": here, "staging": there} {
		s := newShell(t, l)
		config := filepath.Join(a.dir, name+".kubeconfig")
		reviewer := strings.TrimSpace(s.mustRun(`sed 's/\(name\|cluster\|user\|current-context\): \(lab\|admin\)/\1: `+name+`/g' "$KUBECONFIG" > `+config,
			"kubectl -n vault create token vault-auth"))
		a.mustRun("vault auth enable -path=k8s/"+name+" kubernetes",
			"vault write auth/k8s/"+name+"/config disable_local_ca_jwt=true token_reviewer_jwt="+reviewer+
				" "+s.mustRun(`echo kubernetes_host="$EXPORTER_KUBERNETES_HOST" kubernetes_ca_cert=@"$EXPORTER_KUBERNETES_CACERT"`))
	}
	a.exports = append(a.exports, "export KUBECONFIG=prod.kubeconfig:staging.kubeconfig")
	a.runSections("Many clusters from one place")
	exporter := a.installChart()

	o := runAs(t, exporter.binary, exporter.env, "check", "--output=json")
	var r report
	if err := json.Unmarshal([]byte(o.stdout), &r); err != nil || len(r.Targets) != 2 {
		t.Fatalf("reading the report of check: %v\n%s%s", err, o.stdout, o.stderr)
	}
	for _, target := range r.Targets {
		wantHealthy(t, target)
	}
}
