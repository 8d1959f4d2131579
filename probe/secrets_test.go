package probe_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"log/slog"
	"maps"
	"os"
	"path"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/incident"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/probetest"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/workload"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/workload/rehearse"
)

// No value that a view is made from leads to a credential, whatever its fields become.
func TestViewsReachNoSecret(t *testing.T) {
	for _, of := range []reflect.Type{
		reflect.TypeFor[probe.Result](), reflect.TypeFor[probe.TargetState](), reflect.TypeFor[evidence.Rehearsal](),
		reflect.TypeFor[incident.Incident](), reflect.TypeFor[incident.Record](), reflect.TypeFor[incident.History](), reflect.TypeFor[incident.Change](),
		reflect.TypeFor[workload.Inventory](), reflect.TypeFor[rehearse.Result](), reflect.TypeFor[rehearse.Assigned](),
	} {
		if paths := probetest.PathsToSecrets(of); len(paths) > 0 {
			t.Errorf("credentials may be reached by %q", paths)
		}
	}
	for of, want := range map[reflect.Type]string{
		reflect.TypeFor[evidence.Token]():              "evidence.Token.Secret",
		reflect.TypeFor[map[string][]evidence.Token](): "map[string][]evidence.Token.Secret",
		reflect.TypeFor[struct{ hidden any }]():        "struct { hidden interface {} }.hidden (interface {})",
	} {
		if diff := gocmp.Diff([]string{want}, probetest.PathsToSecrets(of)); diff != "" {
			t.Errorf("what leads to a credential (-want +got):\n%s", diff)
		}
	}
}

// holders are the types from which a credential can be reached, and the test that prints each.
var holders = map[string]string{
	"evidence.Secret": "probe/evidence/clean_test.go", "evidence.Token": "probe/gather/secrets_test.go",
	"gather.loginAnswer": "probe/gather/secrets_test.go", "gather.minted": "probe/gather/secrets_test.go", "gather.vaultRequest": "probe/gather/secrets_test.go", "gather.tokensMinted": "probe/gather/secrets_test.go",
	"gather.Memory": "probe/gather/secrets_test.go", "gather.run": "probe/gather/secrets_test.go", "gather.tokenSource": "probe/gather/secrets_test.go",
	"probe.Memory": "probe/secrets_test.go", "setup.Input": "internal/setup/secrets_test.go", "setup.decision": "internal/setup/secrets_test.go",
}

// Every type of the program from which a credential can be reached is one of holders, and is printed
// by a test.
func TestHoldersOfSecretsAreKnown(t *testing.T) {
	found := typesThatReach(t, "evidence.Secret", "probe", "internal", "cmd", "metrics")
	if diff := gocmp.Diff(slices.Sorted(maps.Keys(holders)), found); diff != "" {
		t.Errorf("types that lead to a credential (-listed +found):\n%s", diff)
	}
	for name, file := range holders {
		content, err := os.ReadFile(filepath.Join("..", file))
		_, local, _ := strings.Cut(name, ".")
		if err != nil || !strings.Contains(string(content), local+"{") && !strings.Contains(string(content), "New"+local) {
			t.Errorf("%s prints no %s: %v", file, name, err)
		}
	}
}

// typesThatReach lists the types below these directories that have a field of a type, or of a type
// that has one, as package.Name.
func typesThatReach(t *testing.T, wanted string, dirs ...string) []string {
	t.Helper()
	mentions := map[string][]string{} // the types in each type's declaration
	for _, dir := range dirs {
		err := filepath.WalkDir(filepath.Join("..", dir), func(file string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() || !strings.HasSuffix(file, ".go") || strings.HasSuffix(file, "_test.go") || strings.Contains(file, "probetest") {
				return err
			}
			parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
			if err == nil {
				addMentions(mentions, parsed)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	reach := map[string]bool{wanted: true}
	for grows := true; grows; {
		grows = false
		for name, others := range mentions {
			if !reach[name] && slices.ContainsFunc(others, func(other string) bool { return reach[other] }) {
				reach[name], grows = true, true
			}
		}
	}
	return slices.Sorted(maps.Keys(reach))
}

// addMentions adds the types that those of a file hold.
func addMentions(mentions map[string][]string, file *ast.File) {
	pkg := file.Name.Name
	imported := map[string]string{}
	for _, i := range file.Imports {
		if i.Name != nil {
			imported[i.Name.Name] = path.Base(strings.Trim(i.Path.Value, `"`))
		}
	}
	for _, declaration := range file.Decls { // those inside of functions live as long as a call
		general, ok := declaration.(*ast.GenDecl)
		if !ok {
			continue
		}
		for _, one := range general.Specs {
			if spec, ok := one.(*ast.TypeSpec); ok {
				name := pkg + "." + spec.Name.Name
				mentions[name] = append(mentions[name], typesIn(spec.Type, pkg, imported)...)
			}
		}
	}
}

// typesIn lists the types that values of a type hold. What a function takes and returns is not held.
func typesIn(of ast.Expr, pkg string, imported map[string]string) (names []string) {
	ast.Inspect(of, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncType, *ast.InterfaceType:
			return false
		case *ast.Field:
			names = append(names, typesIn(n.Type, pkg, imported)...)
			return false
		case *ast.SelectorExpr:
			if from, ok := n.X.(*ast.Ident); ok {
				names = append(names, cmp.Or(imported[from.Name], from.Name)+"."+n.Sel.Name)
			}
			return false
		case *ast.Ident:
			names = append(names, pkg+"."+n.Name)
		}
		return true
	})
	return names
}

// The memory of a target holds the tokens that the exporter has minted.
func TestMemoryIsNotPrinted(t *testing.T) {
	w := probetest.NewWorld(t)
	w.MintCanary()
	_, memory := w.Probe(probe.Memory{})
	empty := probe.Memory{}
	if reflect.DeepEqual(memory, empty) {
		t.Fatal("nothing is remembered")
	}
	encoded, err := json.Marshal([]any{memory})
	if err != nil {
		t.Fatal(err)
	}
	var log strings.Builder
	slog.New(slog.NewJSONHandler(&log, nil)).Info("m", "memory", memory)
	slog.New(slog.NewTextHandler(&log, nil)).Info("m", "memory", &memory)
	printed := fmt.Sprintf("%v %+v %#v", memory, &memory, memory) + string(encoded) + log.String()
	if leaks := probetest.Leaks(printed, w.Credentials()...); len(leaks) > 0 || strings.Contains(printed, "eyJ") {
		t.Errorf("the memory is printed with %q: %s", leaks, printed)
	}
}
