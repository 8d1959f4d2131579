package deploy

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/hcl/v2/hclparse"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/hashicorp/hcl/v2/hclwrite"
	rbac "k8s.io/api/rbac/v1"
)

// printed returns what `exporter setup` prints in one format, by the name of the installation.
func printed(t *testing.T, extension string) map[string]string {
	t.Helper()
	files, err := filepath.Glob("../../internal/setup/testdata/*" + extension)
	if err != nil || len(files) < 5 {
		t.Fatalf("%d files %s: %v", len(files), extension, err)
	}
	texts := map[string]string{}
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		texts[strings.TrimSuffix(filepath.Base(file), extension)] = string(content)
	}
	return texts
}

// between returns what is in a here document.
func between(t *testing.T, text, delimiter string) string {
	t.Helper()
	_, rest, found := strings.Cut(text, "<<'"+delimiter+"'\n")
	document, _, ends := strings.Cut(rest, "\n"+delimiter+"\n")
	if !found || !ends {
		t.Fatalf("there is no here document %s", delimiter)
	}
	return document + "\n"
}

// TestSetupPrintsHCL checks that the output is valid and formatted, and has the policy and the values of the other formats.
func TestSetupPrintsHCL(t *testing.T) {
	scripts := printed(t, ".sh")
	for name, text := range printed(t, ".tf") {
		file, diagnostics := hclparse.NewParser().ParseHCL([]byte(text), name)
		if diagnostics.HasErrors() {
			t.Errorf("%s: %v", name, diagnostics)
			continue
		}
		if diff := cmp.Diff(string(hclwrite.Format([]byte(text))), text); diff != "" {
			t.Errorf("%s (-terraform fmt +printed):\n%s", name, diff)
		}
		same := map[string]string{"policy": between(t, scripts[name], "POLICY"), "vault_k8s_auth_exporter_values": between(t, scripts[name], "VALUES")}
		for _, block := range file.Body.(*hclsyntax.Body).Blocks {
			for attribute, a := range block.Body.Attributes {
				want, found := same[attribute]
				if !found {
					continue
				}
				delete(same, attribute)
				value, diagnostics := a.Expr.Value(nil)
				if diagnostics.HasErrors() {
					t.Errorf("%s: %s: %v", name, attribute, diagnostics)
				} else if diff := cmp.Diff(want, value.AsString()); diff != "" {
					t.Errorf("%s: %s (-sh +hcl):\n%s", name, attribute, diff)
				}
			}
		}
		if len(same) > 0 {
			t.Errorf("%s lacks what the other formats have: %v", name, same)
		}
	}
}

// TestSetupPrintsValues checks that the chart takes the values, and creates no account or permission then. With its own, the chart grants
// the same permission as setup's manifest.
func TestSetupPrintsValues(t *testing.T) {
	scripts := printed(t, ".sh")
	for name, text := range printed(t, ".yaml") {
		v := with(t, text)
		all := render(t, v)
		for _, o := range all {
			into(t, o, typed(t, o))
		}
		if kinds := []string{"ServiceAccount", "Role", "ClusterRole"}; slices.ContainsFunc(all.keys(), func(key string) bool { return slices.Contains(kinds, strings.Split(key, "/")[0]) }) {
			t.Errorf("%s: the chart creates %v", name, all.keys())
		}
		manifest := objects{}
		decode(t, name, between(t, scripts[name], "MANIFEST"), manifest)
		account := podOf(t, all).Spec.ServiceAccountName
		if !slices.ContainsFunc(manifest.keys(), func(key string) bool {
			return strings.HasPrefix(key, "ServiceAccount/") && strings.HasSuffix(key, "/"+account)
		}) {
			t.Errorf("%s: the pod's account %s is not in %v", name, account, manifest.keys())
		}
		var got []string
		for _, o := range manifest {
			if kind := o.GetKind(); kind == "Role" || kind == "ClusterRole" {
				var r rbac.ClusterRole
				into(t, o, &r)
				for _, rule := range r.Rules {
					got = append(got, row(o.GetNamespace(), rule))
				}
			}
		}
		delete(v, "rbac")
		delete(v, "serviceAccount")
		if diff := cmp.Diff(granted(t, render(t, v)), got); diff != "" {
			t.Errorf("%s (-chart +setup):\n%s", name, diff)
		}
	}
}
