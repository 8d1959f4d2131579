package deploy

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"helm.sh/helm/v4/pkg/chart/v2/lint"
	"helm.sh/helm/v4/pkg/chart/v2/lint/support"
	"helm.sh/helm/v4/pkg/chart/v2/loader"
	chartutil "helm.sh/helm/v4/pkg/chart/v2/util"
	sigsyaml "sigs.k8s.io/yaml"
)

func TestPackageContainsTheFiles(t *testing.T) {
	archive, err := chartutil.Save(load(t), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	packed, err := loader.Load(archive)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, file := range packed.Files {
		names = append(names, file.Name)
	}
	for name := range copies(t) {
		if !slices.Contains(names, name) {
			t.Errorf("the package lacks %s; it has %v", name, names)
		}
	}
	for name := range examples(t) {
		if !slices.Contains(names, "examples/"+name+".yaml") {
			t.Errorf("the package lacks the example %s", name)
		}
	}
	for _, name := range names {
		if strings.HasSuffix(name, ".go") {
			t.Errorf("the package contains %s", name)
		}
	}
	if len(packed.Schema) == 0 {
		t.Error("the package has no schema")
	}
}

// TestDashboards checks that each dashboard is rendered into a ConfigMap with the label that Grafana's sidecar looks for.
func TestDashboards(t *testing.T) {
	paths, err := filepath.Glob("../../dashboards/*.json")
	if err != nil {
		t.Fatal(err)
	}
	all := render(t, merged(t, `grafanaDashboard: {enabled: true, namespace: grafana, annotations: {folder: Vault}}`))
	found := 0
	for _, o := range all {
		if o.GetNamespace() != "grafana" {
			continue
		}
		found++
		if o.GetLabels()["grafana_dashboard"] != "1" || o.GetAnnotations()["folder"] != "Vault" {
			t.Errorf("%s: labels %v, annotations %v", objectKey(o), o.GetLabels(), o.GetAnnotations())
		}
		for name, content := range o.Object["data"].(map[string]any) {
			original, err := os.ReadFile("../../dashboards/" + name)
			if err != nil {
				t.Fatal(err)
			}
			if strings.TrimSpace(content.(string)) != strings.TrimSpace(string(original)) {
				t.Errorf("%s differs from the file in dashboards/", name)
			}
		}
	}
	if found != len(paths) || found == 0 {
		t.Errorf("%d ConfigMaps for %d dashboards", found, len(paths))
	}
}

// TestArtifactHubAnnotations checks that what Artifact Hub shows is readable, and that it names the image that the chart installs.
func TestArtifactHubAnnotations(t *testing.T) {
	metadata := load(t).Metadata
	var images []struct{ Name, Image string }
	var links []struct{ Name, URL string }
	var changes []struct{ Kind, Description string }
	for name, into := range map[string]any{"images": &images, "links": &links, "changes": &changes} {
		if err := sigsyaml.Unmarshal([]byte(metadata.Annotations["artifacthub.io/"+name]), into); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if want := podOf(t, render(t, merged(t, `{}`))).Spec.Containers[0].Image; len(images) != 1 || images[0].Image != want {
		t.Errorf("the images are %v, the chart installs %s", images, want)
	}
	for _, link := range links {
		path, found := strings.CutPrefix(link.URL, metadata.Home+"/blob/main/")
		if _, err := os.Stat(filepath.Join("../..", path)); !found || err != nil {
			t.Errorf("the link %s leads to no file: %v", link.URL, err)
		}
	}
	icon, _ := strings.CutPrefix(metadata.Icon, strings.Replace(metadata.Home, "github.com", "raw.githubusercontent.com", 1)+"/main/")
	if _, err := os.Stat(filepath.Join("../..", icon)); err != nil {
		t.Errorf("the icon %s is no file: %v", metadata.Icon, err)
	}
	if len(links) == 0 || len(changes) == 0 || len(metadata.Sources) == 0 || len(metadata.Maintainers) == 0 || metadata.KubeVersion == "" {
		t.Errorf("the metadata is incomplete: %+v", metadata)
	}
}

func TestLint(t *testing.T) {
	for name, v := range installations(t) {
		for _, message := range lint.RunAll(chartDir, v, namespace).Messages {
			if message.Severity >= support.WarningSev {
				t.Errorf("%s: %v", name, message)
			}
		}
	}
}

// TestNotes checks that the printed commands fit the installation.
func TestNotes(t *testing.T) {
	for text, want := range map[string]string{
		`{}`: "kubectl -n monitoring exec deploy/vault-k8s-auth-exporter -- /exporter check",
		`{sharding: {enabled: true}, targets: [{name: a}]}`: "kubectl -n monitoring exec statefulset/vault-k8s-auth-exporter -- /exporter check",
		`namespaceOverride: watch`:                          "kubectl -n watch port-forward deploy/vault-k8s-auth-exporter 10190 &",
		`vault: {addr: "https://vault.vault.svc"}`:          "DNS 53, 5353; Vault 443, 8200; API servers\n16443, 443, 6443, 8443.",
		`externalURL: https://example.com/vault-auth`:       "the status page is at https://example.com/vault-auth:",
		`routePrefix: /vault-auth`:                          "http://127.0.0.1:10190/vault-auth/metrics",
		`ingress: {enabled: true}`:                          "Everybody who reaches the port, also through the Ingress, can read the status page",
		`canary: {audience: openbao}`:                       "audience=openbao token_policies=default token_type=batch token_ttl=60s",
	} {
		rendered, err := renderTexts(t, merged(t, text))
		if err != nil {
			t.Fatal(err)
		}
		if notes := rendered[release+"/templates/NOTES.txt"]; !strings.Contains(notes, want) {
			t.Errorf("%s: the notes lack %q:\n%s", text, want, notes)
		}
	}
}
