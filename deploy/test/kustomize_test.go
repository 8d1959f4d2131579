package deploy

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/yaml"
)

var update = flag.Bool("update", false, "write what is generated: the chart's copies of files, the table in its README, and deploy/kustomize")

const kustomizeDir = "../kustomize"

const generated = "# Rendered from the chart by make kustomize. Do not edit.\n"

// TestKustomize compares deploy/kustomize, which has a directory of plain manifests for each of the chart's examples, with what the chart
// renders. exporter.yaml is complete without the Prometheus operator; monitor.yaml needs it.
func TestKustomize(t *testing.T) {
	if *update {
		if err := os.RemoveAll(kustomizeDir); err != nil {
			t.Fatal(err)
		}
	}
	all := examples(t)
	for name, v := range all {
		t.Run(name, func(t *testing.T) {
			want := manifests(t, v)
			exporter, monitor := objects{}, objects{}
			for key, o := range want {
				if o.GetKind() == "ServiceMonitor" {
					monitor[key] = o
				} else {
					exporter[key] = o
				}
			}
			checkFiles(t, name, map[string]string{
				"exporter.yaml": stream(t, exporter),
				"monitor.yaml":  stream(t, monitor),
				"kustomization.yaml": toYAML(t, map[string]any{
					"apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization", "resources": []string{"exporter.yaml", "monitor.yaml"},
				}),
			})
			if diff := cmp.Diff(want, kustomizeBuild(t, name)); diff != "" {
				t.Errorf("(-chart +kustomize):\n%s", diff)
			}
		})
	}
	found, err := os.ReadDir(kustomizeDir)
	if err != nil || len(found) != len(all) {
		t.Errorf("%s has %d directories (%v), want one for each of the %d examples", kustomizeDir, len(found), err, len(all))
	}
}

// manifests returns what the chart renders for an example with a ServiceMonitor, without what is only for Helm.
func manifests(t *testing.T, example values) objects {
	t.Helper()
	all := objects{}
	for key, o := range render(t, merge(example, values{"serviceMonitor": values{"enabled": true}})) {
		if o.GetAnnotations()["helm.sh/hook"] != "" {
			continue
		}
		labels := o.GetLabels()
		delete(labels, "helm.sh/chart")
		delete(labels, "app.kubernetes.io/managed-by")
		o.SetLabels(labels)
		all[key] = o
	}
	return all
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

// checkFiles compares the files of a directory with what was rendered. With -update it writes them first.
func checkFiles(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	dir = filepath.Join(kustomizeDir, dir)
	if *update {
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
