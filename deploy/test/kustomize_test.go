package deploy

import (
	"bytes"
	"flag"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/yaml"
)

var update = flag.Bool("update", false, "write deploy/kustomize")

const kustomizeDir = "../kustomize"

// The chart's examples from which the base and the overlays are rendered.
const baseExample = "vault-in-cluster"

var overlays = map[string]string{"leader-election": "high-availability", "vault-outside": "vault-outside", "self-review": "self-review"}

const generated = "# Rendered from the chart by make kustomize. Do not edit.\n"

// manifests returns what the chart renders for an example, without Helm's labels.
func manifests(t *testing.T, example string) objects {
	t.Helper()
	all := render(t, examples(t)[example])
	for _, o := range all {
		labels := o.GetLabels()
		delete(labels, "helm.sh/chart")
		delete(labels, "app.kubernetes.io/managed-by")
		o.SetLabels(labels)
	}
	return all
}

func TestKustomize(t *testing.T) {
	base := manifests(t, baseExample)
	checkFiles(t, "base", layer{Resources: []string{"manifests.yaml"}}, map[string]string{"manifests.yaml": stream(t, base)})
	if diff := cmp.Diff(base, kustomizeBuild(t, "base")); diff != "" {
		t.Errorf("base (-chart +kustomize):\n%s", diff)
	}
	for name, example := range overlays {
		t.Run(name, func(t *testing.T) {
			want := manifests(t, example)
			dir := filepath.Join("overlays", name)
			l, files := overlay(t, base, want)
			checkFiles(t, dir, l, files)
			if diff := cmp.Diff(want, kustomizeBuild(t, dir)); diff != "" {
				t.Errorf("(-chart +kustomize):\n%s", diff)
			}
		})
	}
}

// layer is a kustomization.yaml.
type layer struct {
	Resources []string `json:"resources"`
	Patches   []patch  `json:"patches,omitempty"`
}

// patch changes a target with a JSON patch, or removes an object.
type patch struct {
	Target *selector `json:"target,omitempty"`
	Patch  string    `json:"patch"`
}

type selector struct {
	Kind      string `json:"kind"`
	Name      string `json:"name"`
	Namespace string `json:"namespace,omitempty"`
}

// overlay returns the layer that turns base into want, with the files that it needs.
func overlay(t *testing.T, base, want objects) (layer, map[string]string) {
	t.Helper()
	l, added, files := layer{Resources: []string{"../../base"}}, objects{}, map[string]string{}
	for _, name := range want.keys() {
		o, old := want[name], base[name]
		if old == nil {
			added[name] = o
		} else if changes := difference("", old.Object, o.Object); changes != nil {
			l.Patches = append(l.Patches, patch{&selector{o.GetKind(), o.GetName(), o.GetNamespace()}, toYAML(t, changes)})
		}
	}
	for _, name := range base.keys() {
		if want[name] == nil {
			o := base[name]
			removed := map[string]any{"apiVersion": o.GetAPIVersion(), "kind": o.GetKind(), "metadata": map[string]any{"name": o.GetName()}, "$patch": "delete"}
			l.Patches = append(l.Patches, patch{nil, toYAML(t, removed)})
		}
	}
	if len(added) > 0 {
		l.Resources = append(l.Resources, "added.yaml")
		files["added.yaml"] = stream(t, added)
	}
	return l, files
}

// operation is one operation of a JSON patch.
type operation struct {
	Op    string `json:"op"`
	Path  string `json:"path"`
	Value any    `json:"value,omitempty"`
}

// difference returns the operations that turn from into to. It replaces lists as a whole.
func difference(path string, from, to map[string]any) []operation {
	var operations []operation
	keys := slices.Sorted(maps.Keys(from))
	for _, key := range slices.Sorted(maps.Keys(to)) {
		if _, both := from[key]; !both {
			keys = append(keys, key)
		}
	}
	for _, key := range keys {
		at := path + "/" + strings.NewReplacer("~", "~0", "/", "~1").Replace(key)
		before, was := from[key]
		after, is := to[key]
		oldMap, wasMap := before.(map[string]any)
		newMap, isMap := after.(map[string]any)
		switch {
		case !is:
			operations = append(operations, operation{Op: "remove", Path: at})
		case !was:
			operations = append(operations, operation{"add", at, after})
		case wasMap && isMap:
			operations = append(operations, difference(at, oldMap, newMap)...)
		case !cmp.Equal(before, after):
			operations = append(operations, operation{"replace", at, after})
		}
	}
	return operations
}

func toYAML(t *testing.T, v any) string {
	t.Helper()
	content, err := yaml.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

func stream(t *testing.T, all objects) string {
	t.Helper()
	var documents []string
	for _, name := range all.keys() {
		documents = append(documents, toYAML(t, all[name].Object))
	}
	return strings.Join(documents, "---\n")
}

// checkFiles compares the files of a layer with what was rendered. With -update it writes them first.
func checkFiles(t *testing.T, dir string, l layer, files map[string]string) {
	t.Helper()
	files["kustomization.yaml"] = toYAML(t, struct {
		APIVersion string `json:"apiVersion"`
		Kind       string `json:"kind"`
		layer
	}{"kustomize.config.k8s.io/v1beta1", "Kustomization", l})
	dir = filepath.Join(kustomizeDir, dir)
	if *update {
		if err := os.RemoveAll(dir); err != nil {
			t.Fatal(err)
		}
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for name, rendered := range files {
		rendered = generated + rendered
		path := filepath.Join(dir, name)
		if *update {
			if err := os.WriteFile(path, []byte(rendered), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(content, []byte(rendered)) {
			t.Errorf("%s differs from what the chart renders; run make kustomize\n%s", path, cmp.Diff(string(content), rendered))
		}
	}
	found, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(found) != len(files) {
		t.Errorf("%s has %d files, want %d", dir, len(found), len(files))
	}
}

// kustomizeBuild runs kustomize build.
func kustomizeBuild(t *testing.T, dir string) objects {
	t.Helper()
	built, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(filesys.MakeFsOnDisk(), filepath.Join(kustomizeDir, dir))
	if err != nil {
		t.Fatal(err)
	}
	out, err := built.AsYaml()
	if err != nil {
		t.Fatal(err)
	}
	all := objects{}
	decode(t, dir, string(out), all)
	return all
}
