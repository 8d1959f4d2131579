package deploy

import (
	"encoding/json"
	"strings"
	"testing"

	monitoring "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	apps "k8s.io/api/apps/v1"
	batch "k8s.io/api/batch/v1"
	core "k8s.io/api/core/v1"
	networking "k8s.io/api/networking/v1"
	pdb "k8s.io/api/policy/v1"
	rbac "k8s.io/api/rbac/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/pod-security-admission/api"
	"k8s.io/pod-security-admission/policy"
	gateway "sigs.k8s.io/gateway-api/apis/v1"
)

// everything enables every feature that can be enabled at the same time.
const everything = `
vault:
  addr: https://vault.example.com:8200
  aliases: [https://vault.example.com, "https://10.0.0.7:8200"]
  namespace: admin/team-a
  mount: k8s/prod
  role: canary
  tlsServerName: vault.internal
  ca: {existingSecret: vault-ca}
  clientCertificate: {existingSecret: vault-client}
  token: {existingSecret: vault-token}
  diagnosticRole: diagnostic
kubernetes: {host: "https://api.example.com:6443", thisCluster: true, tlsServerName: kubernetes, ca: {existingConfigMap: kube-root-ca.crt}}
reviewer: {mode: serviceaccount, serviceAccount: vault/vault}
canary: {mode: serviceaccount, serviceAccount: apps/canary, audience: vault}
reviewerReview: true
targetName: prod
statusPage: true
probeAPI: true
externalURL: "https://{{ .Release.Namespace }}.example.com/vault-auth/"
routePrefix: /inside
maxInFlight: 40
webConfig: {existingSecret: web}
workloads: {enabled: true, namespaces: [apps, vault]}
kubernetesEvents: {enabled: true, object: "deployment/{{ .Release.Namespace }}/{{ .Release.Name }}"}
state: {enabled: true, persistentVolumeClaim: {accessModes: [ReadWriteMany], resources: {requests: {storage: 64Mi}}}}
replicaCount: 2
leaderElection: {enabled: true}
podDisruptionBudget: {enabled: true, minAvailable: 50%, maxUnavailable: ""}
commonLabels: {team: platform}
global: {imageRegistry: registry.example.com/mirror, imagePullSecrets: [shared, {name: pull}]}
image: {tag: v1}
imagePullSecrets: [{name: pull}]
priorityClassName: high
updateStrategy: {type: Recreate}
nodeSelector: {kubernetes.io/os: linux}
tolerations: [{operator: Exists}]
affinity: {nodeAffinity: {}}
extraEnv: [{name: NO_PROXY, value: .svc}]
extraEnvFrom: [{secretRef: {name: proxy, optional: true}}]
hostAliases: [{ip: 10.0.0.1, hostnames: [vault.internal]}]
dnsPolicy: None
dnsConfig: {nameservers: [10.0.0.10], options: [{name: ndots, value: "2"}]}
terminationGracePeriodSeconds: 45
revisionHistoryLimit: 0
livenessProbe: {periodSeconds: 20}
readinessProbe: {httpGet: {path: /healthz, port: health, scheme: HTTP}}
startupProbe: {httpGet: {path: /healthz, port: health}, failureThreshold: 60}
lifecycle: {preStop: {sleep: {seconds: 5}}}
initContainers: [{name: wait, image: "{{ .Values.image.repository }}", args: [config], securityContext: &restricted {allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}}}]
extraContainers: [{name: sidecar, image: sidecar, securityContext: *restricted}]
check: {schedule: "0 6 * * *", afterInstall: true}
service: {clusterIP: "", ipFamilyPolicy: PreferDualStack, ipFamilies: [IPv4]}
ingress: {enabled: true, className: nginx, hosts: ["exporter.{{ .Release.Namespace }}.example.com"], tls: [{secretName: page, hosts: [exporter.monitoring.example.com]}]}
httpRoute: {enabled: true, parentRefs: [{name: public, namespace: gateways}], hostnames: [exporter.example.com]}
extraArgs: [--debug.listen-address=127.0.0.1:10192]
extraManifests: [{apiVersion: v1, kind: ConfigMap, metadata: {name: extra, namespace: "{{ .Release.Namespace }}"}}]
serviceMonitor: {enabled: true, labels: {release: prometheus}, interval: 30s, scrapeTimeout: 10s, jobLabel: app.kubernetes.io/name, honorLabels: true, sampleLimit: 5000, scheme: https, tlsConfig: {insecureSkipVerify: true},
  basicAuth: {username: {name: web, key: user}, password: {name: web, key: password}},
  relabelings: [{action: labeldrop, regex: pod}], metricRelabelings: [{action: drop, sourceLabels: [__name__], regex: go_.*}]}
prometheusRule: {enabled: true, namespace: prometheus, extraLabels: {team: platform}, extraGroups: [{name: more, rules: [{record: a, expr: vector(1)}]}]}
vmRule: {enabled: true}
grafanaDashboard: {enabled: true}
networkPolicy:
  ingress: {from: [{namespaceSelector: {}}]}
  egress: {extra: [{ports: [{port: 3128}]}]}
`

// installations are the values that the tests render: every example, everything, and one for each other way to scrape.
func installations(t testing.TB) map[string]values {
	t.Helper()
	list := examples(t)
	list["all"] = with(t, everything)
	for _, way := range []string{"podMonitor", "vmServiceScrape"} {
		list[way] = with(t, way+`: {enabled: true, interval: 30s, authorization: {credentials: {name: web, key: token}},
			relabelings: [{action: labeldrop, regex: pod}], metricRelabelings: [{action: drop, sourceLabels: [__name__], regex: go_.*}]}
vault: {addr: "https://vault:8200", role: canary}
reviewer: {mode: file, existingSecret: reviewer}
podDisruptionBudget: {enabled: true}
`)
	}
	list["podMonitoring"] = with(t, `
podMonitoring: {enabled: true, scrapeTimeout: 10s, scheme: https, tlsConfig: {insecureSkipVerify: true}, basicAuth: {username: a}, sampleLimit: 5000,
  metricRelabelings: [{action: drop, sourceLabels: [__name__], regex: go_.*}]}
vault: {addr: "https://vault:8200", role: canary}
reviewer: {mode: file, existingSecret: reviewer}
targetsFrom: {existingSecret: targets}
`)
	return list
}

// typed returns a new value of the Go type for an object.
func typed(t testing.TB, o *unstructured.Unstructured) any {
	t.Helper()
	switch kind := o.GetAPIVersion() + " " + o.GetKind(); kind {
	case "apps/v1 Deployment":
		return new(apps.Deployment)
	case "apps/v1 StatefulSet":
		return new(apps.StatefulSet)
	case "batch/v1 CronJob":
		return new(batch.CronJob)
	case "batch/v1 Job":
		return new(batch.Job)
	case "v1 Pod":
		return new(core.Pod)
	case "v1 ConfigMap":
		return new(core.ConfigMap)
	case "v1 Service":
		return new(core.Service)
	case "v1 PersistentVolumeClaim":
		return new(core.PersistentVolumeClaim)
	case "v1 ServiceAccount":
		return new(core.ServiceAccount)
	case "networking.k8s.io/v1 NetworkPolicy":
		return new(networking.NetworkPolicy)
	case "networking.k8s.io/v1 Ingress":
		return new(networking.Ingress)
	case "gateway.networking.k8s.io/v1 HTTPRoute":
		return new(gateway.HTTPRoute)
	case "policy/v1 PodDisruptionBudget":
		return new(pdb.PodDisruptionBudget)
	case "rbac.authorization.k8s.io/v1 ClusterRole":
		return new(rbac.ClusterRole)
	case "rbac.authorization.k8s.io/v1 ClusterRoleBinding":
		return new(rbac.ClusterRoleBinding)
	case "rbac.authorization.k8s.io/v1 Role":
		return new(rbac.Role)
	case "rbac.authorization.k8s.io/v1 RoleBinding":
		return new(rbac.RoleBinding)
	case "monitoring.coreos.com/v1 ServiceMonitor":
		return new(monitoring.ServiceMonitor)
	case "monitoring.coreos.com/v1 PodMonitor":
		return new(monitoring.PodMonitor)
	case "monitoring.coreos.com/v1 PrometheusRule":
		return new(monitoring.PrometheusRule)
	case "operator.victoriametrics.com/v1beta1 VMServiceScrape":
		return new(vmServiceScrape)
	case "operator.victoriametrics.com/v1beta1 VMRule":
		return new(vmRule)
	case "monitoring.googleapis.com/v1 PodMonitoring":
		return new(podMonitoring)
	default:
		t.Fatalf("%s: an unknown kind", kind)
		return nil
	}
}

// into decodes an object. Unknown fields fail the test.
func into(t testing.TB, o *unstructured.Unstructured, target any) {
	t.Helper()
	content, err := json.Marshal(o.Object)
	if err != nil {
		t.Fatal(err)
	}
	decoder := json.NewDecoder(strings.NewReader(string(content)))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(target); err != nil {
		t.Errorf("%s: %v", objectKey(o), err)
	}
}

// convert decodes an object into its Go type. Unknown fields fail the test.
func convert[T any](t testing.TB, o *unstructured.Unstructured) T {
	t.Helper()
	var value T
	if o == nil {
		t.Fatalf("there is no %T", value)
	}
	into(t, o, &value)
	return value
}

// podOf returns the pod template of an installation.
func podOf(t testing.TB, all objects) core.PodTemplateSpec {
	t.Helper()
	o := all.only(t, "Deployment", "StatefulSet")
	if o.GetKind() == "StatefulSet" {
		var set apps.StatefulSet
		into(t, o, &set)
		return set.Spec.Template
	}
	var deployment apps.Deployment
	into(t, o, &deployment)
	return deployment.Spec.Template
}

func TestEveryFieldIsKnown(t *testing.T) {
	for name, v := range installations(t) {
		t.Run(name, func(t *testing.T) {
			for _, o := range render(t, v) {
				into(t, o, typed(t, o))
			}
		})
	}
}

func TestPodSecurityIsRestricted(t *testing.T) {
	evaluator, err := policy.NewEvaluator(policy.DefaultChecks(), nil)
	if err != nil {
		t.Fatal(err)
	}
	restricted := api.LevelVersion{Level: api.LevelRestricted, Version: api.LatestVersion()}
	allowed := func(pod core.PodTemplateSpec) policy.AggregateCheckResult {
		return policy.AggregateCheckResults(evaluator.EvaluatePod(restricted, &pod.ObjectMeta, &pod.Spec))
	}
	for name, v := range installations(t) {
		pod := podOf(t, render(t, v))
		if result := allowed(pod); !result.Allowed {
			t.Errorf("%s: %s", name, result.ForbiddenDetail())
		}
		if pod.Spec.AutomountServiceAccountToken == nil || *pod.Spec.AutomountServiceAccountToken {
			t.Errorf("%s: the default service account token is mounted", name)
		}
		if pod.Spec.EnableServiceLinks == nil || *pod.Spec.EnableServiceLinks {
			t.Errorf("%s: service links are injected", name)
		}
	}
	unsafe := with(t, everything)
	unsafe["securityContext"] = values{"allowPrivilegeEscalation": true}
	if allowed(podOf(t, render(t, unsafe))).Allowed {
		t.Error("the evaluator allows privilege escalation: it checks nothing")
	}
}

// TestSelectorsMatchThePod checks that every selector matches the pod and uses only labels that never change, and that of the selectors
// only the NetworkPolicy's matches the pods that run exporter check.
func TestSelectorsMatchThePod(t *testing.T) {
	for name, v := range installations(t) {
		rendered := render(t, v)
		var check core.Pod
		into(t, rendered["Pod/"+namespace+"/"+release+"-test"], &check)
		for _, o := range rendered {
			selector := selectorOf(t, o)
			if selector == nil {
				continue
			}
			requirements, _ := selector.Requirements()
			if len(requirements) != 2 {
				t.Errorf("%s: %s selects by %v, want name and instance", name, objectKey(o), selector)
			}
			if !selector.Matches(labels.Set(podOf(t, rendered).Labels)) {
				t.Errorf("%s: %s selects by %v, which the pod does not have", name, objectKey(o), selector)
			}
			if got, want := selector.Matches(labels.Set(check.Labels)), o.GetKind() == "NetworkPolicy"; got != want {
				t.Errorf("%s: %s selects the pod that runs exporter check: %t, want %t", name, objectKey(o), got, want)
			}
		}
	}
}

// selectorOf returns the selector by which an object selects pods, or nil.
func selectorOf(t *testing.T, o *unstructured.Unstructured) labels.Selector {
	t.Helper()
	for _, field := range []string{"selector", "podSelector"} {
		selected, found, _ := unstructured.NestedMap(o.Object, "spec", field)
		if !found {
			continue
		}
		if o.GetKind() == "Service" {
			selected = map[string]any{"matchLabels": selected}
		}
		var parsed meta.LabelSelector
		if err := runtime.DefaultUnstructuredConverter.FromUnstructured(selected, &parsed); err != nil {
			t.Fatal(err)
		}
		selector, err := meta.LabelSelectorAsSelector(&parsed)
		if err != nil {
			t.Fatal(err)
		}
		return selector
	}
	return nil
}
