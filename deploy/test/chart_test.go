package deploy

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"helm.sh/helm/v4/pkg/chart/common"
	"helm.sh/helm/v4/pkg/chart/common/util"
	chart "helm.sh/helm/v4/pkg/chart/v2"
	"helm.sh/helm/v4/pkg/chart/v2/loader"
	"helm.sh/helm/v4/pkg/engine"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/yaml"
	sigsyaml "sigs.k8s.io/yaml"
)

const (
	chartDir  = "../helm/vault-k8s-auth-exporter"
	release   = "vault-k8s-auth-exporter"
	namespace = "monitoring"
)

type values = map[string]any

// with parses values written as YAML.
func with(t testing.TB, text string) values {
	t.Helper()
	var v values
	if err := sigsyaml.UnmarshalStrict([]byte(text), &v); err != nil {
		t.Fatalf("reading values: %v\n%s", err, text)
	}
	return v
}

func load(t testing.TB) *chart.Chart {
	t.Helper()
	c, err := loader.LoadDir(chartDir)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// renderTexts renders the chart as helm does. It returns the rendered texts by the path of their template.
func renderTexts(t testing.TB, v values) (map[string]string, error) {
	t.Helper()
	return renderChart(load(t), v)
}

func renderChart(c *chart.Chart, v values) (map[string]string, error) {
	options := common.ReleaseOptions{Name: release, Namespace: namespace, Revision: 1, IsInstall: true}
	rendered, err := util.ToRenderValues(c, v, options, nil)
	if err != nil {
		return nil, err
	}
	return engine.Render(c, rendered)
}

// objects are rendered objects by kind/namespace/name.
type objects map[string]*unstructured.Unstructured

func objectKey(o *unstructured.Unstructured) string {
	return path.Join(o.GetKind(), o.GetNamespace(), o.GetName())
}

func (o objects) keys() []string { return slices.Sorted(maps.Keys(o)) }

// only returns the single object of one of these kinds.
func (o objects) only(t testing.TB, kinds ...string) *unstructured.Unstructured {
	t.Helper()
	var found *unstructured.Unstructured
	for _, object := range o {
		if slices.Contains(kinds, object.GetKind()) {
			if found != nil {
				t.Fatalf("more than one of %s in %v", kinds, o.keys())
			}
			found = object
		}
	}
	if found == nil {
		t.Fatalf("none of %s in %v", kinds, o.keys())
	}
	return found
}

// render returns the objects that the chart renders. The test fails if the chart rejects the values.
func render(t testing.TB, v values) objects {
	t.Helper()
	rendered, err := renderTexts(t, v)
	if err != nil {
		t.Fatal(err)
	}
	return decodeAll(t, rendered)
}

// decodeAll returns the objects in the rendered templates.
func decodeAll(t testing.TB, rendered map[string]string) objects {
	t.Helper()
	all := objects{}
	for name, text := range rendered {
		if path.Ext(name) != ".yaml" {
			continue
		}
		decode(t, name, text, all)
	}
	return all
}

// decode adds the objects of a YAML stream. Duplicate keys and duplicate objects fail the test.
func decode(t testing.TB, name, text string, all objects) {
	t.Helper()
	reader := yaml.NewYAMLReader(bufio.NewReader(strings.NewReader(text)))
	for {
		document, err := reader.Read()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		o := new(unstructured.Unstructured)
		if err := sigsyaml.UnmarshalStrict(document, &o.Object); err != nil {
			t.Fatalf("%s: %v\n%s", name, err, document)
		}
		if len(o.Object) == 0 {
			continue
		}
		if all[objectKey(o)] != nil {
			t.Fatalf("%s: a second %s", name, objectKey(o))
		}
		all[objectKey(o)] = o
	}
}

// examples returns the chart's example values, by file name without extension.
func examples(t testing.TB) map[string]values {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(chartDir, "examples", "*.yaml"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no examples: %v", err)
	}
	all := map[string]values{}
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		all[strings.TrimSuffix(filepath.Base(file), ".yaml")] = with(t, string(bytes.TrimSpace(content)))
	}
	return all
}
