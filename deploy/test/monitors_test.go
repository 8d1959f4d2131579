package deploy

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// TestMonitors checks that every value of a monitor reaches its object, under the name that the operator has for it.
func TestMonitors(t *testing.T) {
	const shared = `enabled: true, labels: {release: prometheus}, interval: 30s, scrapeTimeout: 10s, scheme: https, tlsConfig: {insecureSkipVerify: true},
		basicAuth: {username: {name: a, key: b}}, authorization: {credentials: {name: a, key: b}}, sampleLimit: 5000,
		metricRelabelings: [{action: drop, regex: go_.*}]`
	const path = ", externalURL: https://example.com/vault-auth/"
	const operator = shared + `, namespace: other, jobLabel: job, honorLabels: true, relabelings: [{action: labeldrop, regex: pod}]`
	common := values{
		"path": "/vault-auth/metrics", "port": "metrics", "scheme": "https", "interval": "30s", "tlsConfig": values{"insecureSkipVerify": true},
		"basicAuth": values{"username": values{"name": "a", "key": "b"}}, "authorization": values{"credentials": values{"name": "a", "key": "b"}},
		"scrapeTimeout": "10s", "honorLabels": true, "relabelings": []any{values{"action": "labeldrop", "regex": "pod"}},
		"metricRelabelings": []any{values{"action": "drop", "regex": "go_.*"}},
	}
	for _, c := range []struct {
		values, kind, endpoints string
		renamed                 map[string]string // an empty name is a field that the operator does not have
	}{
		{"serviceMonitor: {" + operator + "}", "ServiceMonitor", "endpoints", nil},
		{"podMonitor: {" + operator + "}", "PodMonitor", "podMetricsEndpoints", nil},
		{"vmServiceScrape: {" + operator + "}", "VMServiceScrape", "endpoints",
			map[string]string{"relabelings": "relabelConfigs", "metricRelabelings": "metricRelabelConfigs"}},
		{"podMonitoring: {" + shared + "}", "PodMonitoring", "endpoints",
			map[string]string{"relabelings": "", "honorLabels": "", "metricRelabelings": "metricRelabeling", "scrapeTimeout": "timeout", "tlsConfig": "tls"}},
	} {
		o := render(t, merged(t, "{"+c.values+path+"}")).only(t, c.kind)
		want := values{}
		for name, value := range common {
			if renamed, found := c.renamed[name]; found {
				name = renamed
			}
			if name != "" {
				want[name] = value
			}
		}
		endpoints, _, _ := unstructured.NestedSlice(o.Object, "spec", c.endpoints)
		if diff := cmp.Diff([]any{want}, endpoints); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.kind, diff)
		}
		if c.kind == "PodMonitoring" { // it has no namespaceSelector: it selects pods of its own namespace
			if samples, _, _ := unstructured.NestedFloat64(o.Object, "spec", "limits", "samples"); samples != 5000 || o.GetNamespace() != namespace {
				t.Errorf("%s: limit %v in %s", c.kind, samples, o.GetNamespace())
			}
			continue
		}
		spec := o.Object["spec"].(values)
		if spec["sampleLimit"] != float64(5000) || spec["jobLabel"] != "job" || o.GetNamespace() != "other" || o.GetLabels()["release"] != "prometheus" {
			t.Errorf("%s: %v in %s with %v", c.kind, spec, o.GetNamespace(), o.GetLabels())
		}
		if from, _, _ := unstructured.NestedStringSlice(o.Object, "spec", "namespaceSelector", "matchNames"); len(from) != 1 || from[0] != namespace {
			t.Errorf("%s selects the namespaces %v", c.kind, from)
		}
	}
}

// TestMetricsPath checks that scrapes follow the prefix of requests, and need no path without one.
func TestMetricsPath(t *testing.T) {
	for text, want := range map[string]string{
		``:                                     "",
		`, externalURL: "https://example.com"`: "",
		`, externalURL: "https://example.com/a/b/"`:                        "/a/b/metrics",
		`, externalURL: "https://example.com/a", routePrefix: /`:           "",
		`, externalURL: "https://example.com/a", routePrefix: inside/`:     "/inside/metrics",
		`, externalURL: "https://{{ .Release.Namespace }}.example.com/x/"`: "/x/metrics",
	} {
		for _, monitor := range []struct{ value, kind, endpoints string }{
			{"serviceMonitor", "ServiceMonitor", "endpoints"}, {"podMonitor", "PodMonitor", "podMetricsEndpoints"},
			{"vmServiceScrape", "VMServiceScrape", "endpoints"}, {"podMonitoring", "PodMonitoring", "endpoints"},
		} {
			o := render(t, merged(t, "{"+monitor.value+": {enabled: true}"+text+"}")).only(t, monitor.kind)
			endpoints, _, _ := unstructured.NestedSlice(o.Object, "spec", monitor.endpoints)
			if got, _ := endpoints[0].(values)["path"].(string); got != want {
				t.Errorf("%s, %s: path %q, want %q", monitor.kind, text, got, want)
			}
		}
	}
}
