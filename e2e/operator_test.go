package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"slices"
	"testing"
	"time"

	"go.yaml.in/yaml/v4"

	core "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/lab"
)

// operatorObjects are the kinds of the Prometheus operator, without their schemas, and a Prometheus
// that selects what kube-prometheus-stack's selects.
const operatorObjects = `kubectl apply -f - <<'OBJECTS'
{apiVersion: apiextensions.k8s.io/v1, kind: CustomResourceDefinition, metadata: {name: prometheuses.monitoring.coreos.com}, spec: {
  group: monitoring.coreos.com, scope: Namespaced, names: {kind: Prometheus, plural: prometheuses, singular: prometheus},
  versions: [{name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}}]}}
---
{apiVersion: apiextensions.k8s.io/v1, kind: CustomResourceDefinition, metadata: {name: servicemonitors.monitoring.coreos.com}, spec: {
  group: monitoring.coreos.com, scope: Namespaced, names: {kind: ServiceMonitor, plural: servicemonitors, singular: servicemonitor},
  versions: [{name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}}]}}
---
{apiVersion: apiextensions.k8s.io/v1, kind: CustomResourceDefinition, metadata: {name: prometheusrules.monitoring.coreos.com}, spec: {
  group: monitoring.coreos.com, scope: Namespaced, names: {kind: PrometheusRule, plural: prometheusrules, singular: prometheusrule},
  versions: [{name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}}]}}
OBJECTS
kubectl wait --for=condition=Established crd --all --timeout=30s
kubectl apply -f - <<'PROMETHEUS'
{apiVersion: monitoring.coreos.com/v1, kind: Prometheus, metadata: {name: kube-prometheus-stack-prometheus, namespace: monitoring}, spec: {
  serviceMonitorSelector: {matchLabels: {release: kube-prometheus-stack}}, ruleSelector: {matchLabels: {release: kube-prometheus-stack}}}}
PROMETHEUS`

// A fakeOperator does what the Prometheus operator would: it gives a real Prometheus the rules and
// the pods that the objects in the cluster select. The intervals are divided by speedUpFactor.
type fakeOperator struct {
	administrator
	received   notificationLog
	monitoring *lab.Monitoring
}

// serve starts the exporter of a pod. A pod that replaces another one takes over its address, which
// stands for the Service.
func (o *fakeOperator) serve(p pod, address string) *process {
	o.t.Helper()
	args := []string(nil)
	if address != "" {
		args = append(args, "--web.listen-address="+address)
	}
	return serveAs(o.t, p.binary, slices.Concat(p.env, []string{
		"EXPORTER_INTERVAL=" + speedUp(time.Minute, 8*time.Second),
		"EXPORTER_TIMEOUT=" + speedUp(8*time.Second, time.Second),
		"EXPORTER_RECHECK_INTERVAL=" + speedUp(10*time.Second, time.Second),
	}), args...)
}

// startMonitoring starts Prometheus with what the Prometheus object selects, and Alertmanager with
// this route.
func (o *fakeOperator) startMonitoring(exporter *process, route []byte) {
	t := o.t
	t.Helper()
	var prometheus struct {
		Spec struct {
			ServiceMonitorSelector, RuleSelector struct{ MatchLabels map[string]string }
		}
	}
	o.object("prometheus", "kube-prometheus-stack-prometheus", &prometheus)
	o.wantMonitored(prometheus.Spec.ServiceMonitorSelector.MatchLabels)
	receiver, err := lab.StartWebhook(o.received.add)
	if err != nil {
		t.Fatal(err)
	}
	every, err := time.ParseDuration(speedUp(30*time.Second, time.Second))
	if err != nil {
		t.Fatal(err)
	}
	o.monitoring, err = lab.StartMonitoring(t.Context(), lab.MonitoringOptions{
		Exporters: []string{exporter.address("")}, Interval: every, WebhookURL: receiver.URL,
		Rules: o.rules(prometheus.Spec.RuleSelector.MatchLabels), Alertmanager: fasterByFactor(t, route),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := o.monitoring.Close(); err != nil {
			t.Error(err)
		}
		if err := receiver.Close(); err != nil {
			t.Error(err)
		}
	})
}

// wantMonitored requires that one ServiceMonitor with these labels selects the Service of the
// release, by a port that exists.
func (o *fakeOperator) wantMonitored(selector map[string]string) {
	o.t.Helper()
	var monitors struct {
		Items []struct {
			Spec struct {
				Selector  struct{ MatchLabels map[string]string }
				Endpoints []struct{ Port string }
			}
		}
	}
	o.selected("servicemonitor", selector, &monitors)
	if len(monitors.Items) != 1 || len(monitors.Items[0].Spec.Endpoints) != 1 {
		o.t.Fatalf("Prometheus selects %+v", monitors)
	}
	spec := monitors.Items[0].Spec
	var service core.Service
	if !o.object("service", release, &service) {
		o.t.Fatal("there is no Service")
	}
	if !labels.SelectorFromSet(spec.Selector.MatchLabels).Matches(labels.Set(service.Labels)) ||
		!slices.ContainsFunc(service.Spec.Ports, func(p core.ServicePort) bool { return p.Name == spec.Endpoints[0].Port }) {
		o.t.Errorf("the ServiceMonitor %+v does not select the Service %+v", spec, service)
	}
}

// rules returns the groups of the PrometheusRules with these labels, as a rules file.
func (o *fakeOperator) rules(selector map[string]string) []byte {
	o.t.Helper()
	var found struct {
		Items []struct {
			Spec struct{ Groups []any }
		}
	}
	o.selected("prometheusrule", selector, &found)
	if len(found.Items) != 1 {
		o.t.Fatalf("Prometheus selects %d PrometheusRules, want 1", len(found.Items))
	}
	file, err := yaml.Marshal(map[string]any{"groups": found.Items[0].Spec.Groups})
	if err != nil {
		o.t.Fatal(err)
	}
	return fasterByFactor(o.t, file)
}

func (o *fakeOperator) selected(kind string, selector map[string]string, into any) {
	o.t.Helper()
	o.json(into, fmt.Sprintf("kubectl -n monitoring get %s --selector='%s' -o json", kind, labels.Set(selector)))
}

// waitForUp waits until Prometheus says that these targets are up, and no others.
func (o *fakeOperator) waitForUp(targets ...string) {
	o.t.Helper()
	up := func() []string {
		var names []string
		for _, series := range o.query("vault_k8s_auth_up == 1") {
			names = append(names, series["target"])
		}
		slices.Sort(names)
		return names
	}
	eventually(o.t, time.Minute, "vault_k8s_auth_up", func() bool { return slices.Equal(up(), targets) },
		func() string { return fmt.Sprint(up()) })
}

// query returns the labels of each series of a result.
func (o *fakeOperator) query(expression string) []map[string]string {
	o.t.Helper()
	response, err := http.Get(o.monitoring.PrometheusURL + "/api/v1/query?query=" + url.QueryEscape(expression))
	if err != nil {
		o.t.Fatal(err)
	}
	defer response.Body.Close()
	var answer struct {
		Data struct {
			Result []struct{ Metric map[string]string }
		}
	}
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil {
		o.t.Fatal(err)
	}
	var series []map[string]string
	for _, r := range answer.Data.Result {
		series = append(series, r.Metric)
	}
	return series
}

// route is the shipped route, with the routes that the guide adds for teams.
func (o *fakeOperator) route() []byte {
	t := o.t
	t.Helper()
	text, err := os.ReadFile("../deploy/prometheus/alertmanager.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var config map[string]any
	if err := yaml.Unmarshal(text, &config); err != nil {
		t.Fatal(err)
	}
	var teams []map[string]any
	if err := yaml.Unmarshal([]byte(o.guide.yaml("7. Route the alerts")), &teams); err != nil || len(teams) == 0 {
		t.Fatalf("the guide adds no routes: %v", err)
	}
	root, routes := config["route"].(map[string]any), []any{}
	for _, team := range teams {
		routes = append(routes, team)
		config["receivers"] = append(config["receivers"].([]any), map[string]any{"name": team["receiver"]})
	}
	root["routes"] = append(routes, root["routes"].([]any)...)
	if text, err = yaml.Marshal(config); err != nil {
		t.Fatal(err)
	}
	return text
}

func fasterByFactor(t *testing.T, config []byte) []byte {
	t.Helper()
	faster, err := lab.SpeedUp(config, *speedUpFactor)
	if err != nil {
		t.Fatal(err)
	}
	return faster
}
