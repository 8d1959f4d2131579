package deploy

import (
	"maps"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestTemplatesInStrings checks that templates in the values are rendered, and that texts with templates of their own are left alone.
func TestTemplatesInStrings(t *testing.T) {
	all := render(t, merged(t, `
vault: {addr: "https://vault.{{ .Release.Namespace }}.svc:8200", ca: {existingConfigMap: "{{ .Release.Name }}-ca"}}
global: {site: eu}
commonLabels: {site: "{{ .Values.global.site }}"}
podAnnotations: {vault.hashicorp.com/agent-inject-template-a: '{{ with secret "a" }}{{ .Data.data.a }}{{ end }}'}
serviceAccount: {annotations: {role: 'arn:{{ .Release.Name | quote }}'}}
extraEnv: [{name: HTTPS_PROXY, value: "http://proxy.{{ .Values.global.site }}"}]
extraVolumes: [{name: extra, emptyDir: {}}]
prometheusRule: {enabled: true, extraAnnotations: {where: "{{ $labels.instance }}"}}
serviceMonitor: {enabled: true, relabelings: [{targetLabel: site, replacement: "$1-{{ .Values.global.site }}"}]}
`))
	pod := podOf(t, all)
	for what, got := range map[string][2]string{
		"address":    {all["ConfigMap/"+namespace+"/"+release].Object["data"].(map[string]any)["EXPORTER_VAULT_ADDR"].(string), "https://vault.monitoring.svc:8200"},
		"ConfigMap":  {pod.Spec.Volumes[2].ConfigMap.Name, release + "-ca"},
		"label":      {pod.Labels["site"], "eu"},
		"injector":   {pod.Annotations["vault.hashicorp.com/agent-inject-template-a"], `{{ with secret "a" }}{{ .Data.data.a }}{{ end }}`},
		"annotation": {all.only(t, "ServiceAccount").GetAnnotations()["role"], `arn:"` + release + `"`},
		"variable":   {pod.Spec.Containers[0].Env[1].Value, "http://proxy.eu"},
	} {
		if got[0] != got[1] {
			t.Errorf("%s: %q, want %q", what, got[0], got[1])
		}
	}
	if !strings.Contains(asJSON(t, all.only(t, "PrometheusRule").Object), `"where":"{{ $labels.instance }}"`) {
		t.Error("a template of Prometheus was rendered by Helm")
	}
	if !strings.Contains(asJSON(t, all.only(t, "ServiceMonitor").Object), `"$1-eu"`) {
		t.Error("the template in a relabelling was not rendered")
	}
}

func TestBrokenTemplateIsNamed(t *testing.T) {
	for text, want := range map[string]string{
		`extraEnv: [{name: A, value: "{{ .Values.global }"}]`:  "unexpected",
		`extraEnv: [{name: A, value: '{{ printf "%c" 39 }}'}]`: "extraEnv: its templates do not render to YAML",
	} {
		if _, err := renderTexts(t, merged(t, text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v; want %q", text, err, want)
		}
	}
}

// TestRenderingTwiceIsTheSame checks that Argo CD, which renders again to compare, sees no difference; and that an upgrade renders what an
// installation does.
func TestRenderingTwiceIsTheSame(t *testing.T) {
	for name, v := range installations(t) {
		first, err := renderTexts(t, v)
		if err != nil {
			t.Fatal(err)
		}
		for range 3 {
			again, err := renderTexts(t, installations(t)[name])
			if err != nil {
				t.Fatal(err)
			}
			if !maps.Equal(first, again) {
				t.Fatalf("%s:\n%s", name, cmp.Diff(first, again))
			}
		}
	}
}
