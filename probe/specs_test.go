package probe_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/lab"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/diagnose"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/probetest"
)

// fakesOnly lists the reasons and warnings for which the lab has no fault, and why.
var fakesOnly = map[string]string{
	"vault_lease_quota":            "lease count quotas are Enterprise's",
	"vault_forwarded_for_rejected": "no proxy is in front of the lab's Vault",
	"vault_overloaded":             "overload protection is Enterprise's",
	"vault_namespace_missing":      "namespaces are Enterprise's and OpenBao's",
	"vault_namespace_unavailable":  "namespaces are Enterprise's and OpenBao's",
	"vault_clock_skew":             "both servers have the clock of one machine",
	"clock_skew":                   "both servers have the clock of one machine",
	"mount_local_ca_unreadable":    "since Vault 1.11 such a config cannot be written",
	"mount_drift":                  "its baseline needs earlier runs of one process: TestDriftIsRestored in e2e",
	"role_drift":                   "its baseline needs earlier runs of one process: TestDriftIsRestored in e2e",
	"canary_rejected":              "the lab has no authentication webhook",
	"exporter_internal_error":      "no server can cause it",
	"exporter_ca_unreadable":       "check does not start without the files of its certificates",
	"exporter_resources":           "the lab cannot use up what its own servers need",
	"exporter_proxy":               "no proxy is used on loopback, where the lab's servers are",
}

// TestEveryReasonIsComplete ranges over the constants in the source. Each has a spec, a rule
// or text that returns it, a scenario, and either a fault in the lab or an entry in
// fakesOnly.
func TestEveryReasonIsComplete(t *testing.T) {
	source := parse(t, "diagnose")
	scenarios, faults := probetest.Scenarios(), lab.Faults()
	for name, code := range source.constants("Reason") {
		if code == string(diagnose.None) || code == string(diagnose.ServiceAccountMissing) { // that of workloads only
			continue
		}
		at := slices.IndexFunc(diagnose.Specs(), func(s diagnose.Spec) bool { return string(s.Code) == code })
		if at < 0 {
			t.Errorf("%s has no spec", name)
			continue
		}
		s := diagnose.Specs()[at]
		if s.Component == "" || s.Title == "" || s.Means == "" || s.Seen == "" || s.Remedy == "" {
			t.Errorf("the spec of %s is incomplete", name)
		}
		if !slices.Contains(diagnose.Components, s.Component) {
			t.Errorf("the component %q of %s is not listed", s.Component, name)
		}
		if source.uses(name, "rules_", "texts.go", "diagnose.go") == 0 {
			t.Errorf("no rule or text returns %s", name)
		}
		if !slices.ContainsFunc(scenarios, func(s probetest.Scenario) bool {
			return (string(s.Bare.Reason) == code || string(s.Full.Reason) == code) && strings.HasPrefix(s.Name, code)
		}) {
			t.Errorf("%s has no scenario", name)
		}
		requireFault(t, code, slices.ContainsFunc(faults, func(f lab.Fault) bool { return f.Bare.Reason == code || f.Full.Reason == code }))
	}
}

func TestEveryWarningIsComplete(t *testing.T) {
	source := parse(t, "diagnose")
	scenarios, faults := probetest.Scenarios(), lab.Faults()
	for name, code := range source.constants("WarningCode") {
		at := slices.IndexFunc(diagnose.WarningSpecs(), func(s diagnose.WarningSpec) bool { return string(s.Code) == code })
		if at < 0 {
			t.Errorf("%s has no spec", name)
			continue
		}
		if s := diagnose.WarningSpecs()[at]; s.Component == "" || s.Title == "" || s.Means == "" || s.Seen == "" || s.Remedy == "" {
			t.Errorf("the spec of %s is incomplete", name)
		}
		if !slices.ContainsFunc(scenarios, func(s probetest.Scenario) bool {
			return string(s.Bare.Warning) == code || string(s.Full.Warning) == code
		}) {
			t.Errorf("%s has no scenario", name)
		}
		requireFault(t, code, slices.ContainsFunc(faults, func(f lab.Fault) bool { return f.Bare.Warning == code || f.Full.Warning == code }))
	}
}

// requireFault fails the test unless a code has either a fault or an entry in fakesOnly.
func requireFault(t *testing.T, code string, hasFault bool) {
	t.Helper()
	why, exempt := fakesOnly[code]
	switch {
	case !hasFault && !exempt:
		t.Errorf("%s has no fault in the lab and no entry in fakesOnly", code)
	case hasFault && exempt:
		t.Errorf("%s has a fault in the lab, although %s", code, why)
	}
}

// sources are the files of a package, without its tests.
type sources map[string]*ast.File

func parse(t *testing.T, folder string) sources {
	t.Helper()
	paths, err := filepath.Glob(folder + "/*.go")
	if err != nil || len(paths) == 0 {
		t.Fatalf("finding the sources: %d files, %v", len(paths), err)
	}
	found := sources{}
	for _, path := range paths {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		if found[path], err = parser.ParseFile(token.NewFileSet(), path, nil, 0); err != nil {
			t.Fatal(err)
		}
	}
	return found
}

// constants returns the values of all constants of a type, by name.
func (s sources) constants(typeName string) map[string]string {
	found := map[string]string{}
	for _, file := range s {
		ast.Inspect(file, func(n ast.Node) bool {
			spec, ok := n.(*ast.ValueSpec)
			if !ok || len(spec.Values) != 1 {
				return true
			}
			value, isLiteral := spec.Values[0].(*ast.BasicLit)
			if of, ok := spec.Type.(*ast.Ident); ok && isLiteral && of.Name == typeName {
				found[spec.Names[0].Name], _ = strconv.Unquote(value.Value)
			}
			return true
		})
	}
	return found
}

// uses counts the uses of a name in the files whose names have one of these prefixes.
func (s sources) uses(name string, prefixes ...string) int {
	count := 0
	for path, file := range s {
		if !slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(filepath.Base(path), p) }) {
			continue
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if ident, ok := n.(*ast.Ident); ok && ident.Name == name {
				count++
			}
			return true
		})
	}
	return count
}
