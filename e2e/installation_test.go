package e2e

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/lab"
)

// An installation is one way to follow docs/installation.md.
type installation struct {
	sections []string // the sections whose commands are run, in this order
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
		sections: []string{"Which installation is yours", "The canary", "Vault inside the cluster", "The pod"},
		permissions: []string{
			"monitoring: subjectaccessreviews.authorization.k8s.io [] [] [create]",
			"vault: subjectaccessreviews.authorization.k8s.io [] [] [create]",
		},
		cost: "API server, `accessreview`",
	},
	"Vault outside, Secret": {
		sections:    []string{"The canary", "Vault outside the cluster", "The reviewer from its Secret", "The pod"},
		permissions: []string{"vault: secrets [] [vault-auth-token] [get]"},
		cost:        "API server, `secret`",
		extra:       wantServiceTokenCosts,
	},
	"Vault outside, file": {
		sections: []string{"The canary", "Vault outside the cluster", "The reviewer from a file", "The pod"},
		cost:     "API server, `file` or `canary`",
		extra:    wantAuditEntries,
	},
	"self review": {
		before:   []string{writeConfig},
		sections: []string{"The canary", "Each client reviews itself", "The pod"},
		permissions: []string{ // the same as every client of such a Vault
			"monitoring: subjectaccessreviews.authorization.k8s.io [] [] [create]",
			"monitoring: tokenreviews.authentication.k8s.io [] [] [create]",
			"vault: subjectaccessreviews.authorization.k8s.io [] [] [create]",
			"vault: tokenreviews.authentication.k8s.io [] [] [create]",
		},
		cost: "API server, `file` or `canary`",
	},
}

// otherSections are the sections that no installation runs, and where or why not they are tested.
var otherSections = map[string]string{
	"Many clusters from one place":  "TestManyClusters",
	"What it costs":                 "TestInstallations counts it",
	"What security will see":        "TestInstallations looks for it",
	"See what it finds":             "left out: the lab has no kubelet to run a command in a pod; the tests run the same command outside",
	"HCP and Enterprise namespaces": "left out: the lab's Vault is the Community edition, which takes no notice of a namespace",
	"OpenBao":                       "left out: no OpenBao can be had as a module; probetest answers as it does",
}

// TestEverySectionIsTested fails for a section that was added, renamed or removed.
func TestEverySectionIsTested(t *testing.T) {
	tested := maps.Clone(otherSections)
	for name, i := range installations {
		for _, section := range i.sections {
			tested[section] = name
		}
	}
	want, got := slices.Sorted(maps.Keys(readGuide(t))), slices.Sorted(maps.Keys(tested))
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("sections (-page +tests):\n%s", diff)
	}
}

// TestInstallations follows the guide for every installation, and requires the health, costs and
// permissions that the guide promises.
func TestInstallations(t *testing.T) {
	for name, i := range installations {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a, exporter := i.install(t)

			tokens, clients, counters := a.accessors(), a.clients(), a.auditCounters(batchTokens, i.cost)
			a.wantAuditCosts(1, 1, counters, func() { wantHealthy(t, checkAs(t, exporter.binary, exporter.env)) })
			a.wantAuditCosts(2, 1, counters, func() { a.probeTwice(exporter) })
			if after := a.accessors(); after != tokens {
				t.Errorf("%d tokens in Vault before three runs, %d after", tokens, after)
			}
			if got := a.clients() - clients; got != 1 {
				t.Errorf("three runs added %d clients in Vault, want 1", got)
			}
			if diff := cmp.Diff(i.permissions, a.permissionsOf(exporter.tokenFile(serviceAccountFiles))); diff != "" {
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
	// Commands that set the variables which the guide assumes to be set.
	exports []string
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
	a.runSections(i.sections...)
	return a, a.createPod("vault-k8s-auth-exporter", "https://vault.vault.svc:8200", a.vault())
}

func newAdministrator(t *testing.T, l *lab.Lab) administrator {
	t.Helper()
	a := administrator{shell: newShell(t, l), guide: readGuide(t)}
	a.exports = []string{`export VAULT_ADDR="$EXPORTER_VAULT_ADDR" VAULT_CACERT="$EXPORTER_VAULT_CACERT"`}
	a.mustRun("kubectl label namespace monitoring pod-security.kubernetes.io/warn=restricted")
	return a
}

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
	if err != nil && strings.Contains(out, "404") { // Vault's response for an empty list
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
		"export VAULT_TOKEN", "vault read sys/internal/ui/resultant-acl")
	var may []string
	for path, granted := range acl.Data.Exact {
		may = append(may, fmt.Sprint(path, granted.Capabilities))
	}
	slices.Sort(may)
	want := []string{"auth/kubernetes/config[read]", "auth/kubernetes/role/canary[read]", "sys/internal/ui/resultant-acl[read]"}
	if diff := cmp.Diff(want, may); diff != "" || acl.Data.Root || len(acl.Data.Globs) > 0 {
		a.t.Errorf("permissions of the canary's token, globs %v (-want +got):\n%s", acl.Data.Globs, diff)
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
	a.runSections("Many clusters from one place", "The pod")
	exporter := a.createPod("vault-k8s-auth-exporter")

	o := runAs(t, exporter.binary, exporter.env, "check", "--output=json")
	var r report
	if err := json.Unmarshal([]byte(o.stdout), &r); err != nil || len(r.Targets) != 2 {
		t.Fatalf("reading the report of check: %v\n%s%s", err, o.stdout, o.stderr)
	}
	for _, target := range r.Targets {
		wantHealthy(t, target)
	}
}

// A guide has the text of docs/installation.md by the headings of its sections.
type guide map[string]string

var heading = regexp.MustCompile(`(?m)^#{2,3} (.+)$`)

func readGuide(t *testing.T) guide {
	t.Helper()
	content, err := os.ReadFile("../docs/installation.md")
	if err != nil {
		t.Fatal(err)
	}
	page, sections := string(content), guide{}
	found := heading.FindAllStringSubmatchIndex(page, -1)
	for i, at := range found {
		end := len(page)
		if i+1 < len(found) {
			end = found[i+1][0]
		}
		sections[page[at[2]:at[3]]] = page[at[1]:end]
	}
	return sections
}

var fenced = regexp.MustCompile("(?ms)^```sh\n(.*?)^```$")

// commands returns the shell blocks of a section.
func (g guide) commands(section string) []string {
	var blocks []string
	for _, match := range fenced.FindAllStringSubmatch(g[section], -1) {
		blocks = append(blocks, match[1])
	}
	return blocks
}
