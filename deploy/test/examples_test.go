package deploy

import (
	"encoding/json"
	"strings"
	"testing"

	monitoring "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	apps "k8s.io/api/apps/v1"
	core "k8s.io/api/core/v1"
	networking "k8s.io/api/networking/v1"
	pdb "k8s.io/api/policy/v1"
	rbac "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/pod-security-admission/api"
	"k8s.io/pod-security-admission/policy"
)

// everything enables every feature that can be enabled at the same time.
const everything = `
vault:
  addr: https://vault.example.com:8200
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
maxInFlight: 40
webConfig: {existingSecret: web}
replicaCount: 2
leaderElection: {enabled: true}
podDisruptionBudget: {enabled: true, minAvailable: 50%, maxUnavailable: ""}
commonLabels: {team: platform}
image: {registry: registry.example.com, tag: v1}
imagePullSecrets: [{name: pull}]
priorityClassName: high
updateStrategy: {type: Recreate}
nodeSelector: {kubernetes.io/os: linux}
tolerations: [{operator: Exists}]
affinity: {nodeAffinity: {}}
extraEnv: [{name: NO_PROXY, value: .svc}]
extraArgs: [--debug.listen-address=127.0.0.1:10192]
extraManifests: [{apiVersion: v1, kind: ConfigMap, metadata: {name: extra, namespace: "{{ .Release.Namespace }}"}}]
serviceMonitor: {enabled: true, labels: {release: prometheus}, interval: 30s, scrapeTimeout: 10s, scheme: https, tlsConfig: {insecureSkipVerify: true},
  basicAuth: {username: {name: web, key: user}, password: {name: web, key: password}},
  relabelings: [{action: labeldrop, regex: pod}], metricRelabelings: [{action: drop, sourceLabels: [__name__], regex: go_.*}]}
prometheusRule: {enabled: true, namespace: prometheus, extraLabels: {team: platform}}
grafanaDashboard: {enabled: true}
networkPolicy:
  ingress: {from: [{namespaceSelector: {}}]}
  egress: {extra: [{ports: [{port: 3128}]}]}
`

// installations are the values that the tests render: every example, everything, and one with a PodMonitor.
func installations(t testing.TB) map[string]values {
	t.Helper()
	list := examples(t)
	list["all"] = with(t, everything)
	list["pod monitor"] = with(t, `
vault: {addr: "https://vault:8200", role: canary}
reviewer: {mode: file, existingSecret: reviewer}
podMonitor: {enabled: true}
podDisruptionBudget: {enabled: true}
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
	case "v1 ConfigMap":
		return new(core.ConfigMap)
	case "v1 Service":
		return new(core.Service)
	case "v1 ServiceAccount":
		return new(core.ServiceAccount)
	case "networking.k8s.io/v1 NetworkPolicy":
		return new(networking.NetworkPolicy)
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

// TestSelectorsMatchThePod checks that every selector matches the pod, and uses only labels that never change.
func TestSelectorsMatchThePod(t *testing.T) {
	for name, v := range installations(t) {
		rendered := render(t, v)
		labels := podOf(t, rendered).Labels
		for _, o := range rendered {
			for _, path := range [][]string{{"spec", "selector", "matchLabels"}, {"spec", "podSelector", "matchLabels"}, {"spec", "selector"}} {
				matchLabels, found, err := unstructured.NestedStringMap(o.Object, path...)
				if !found || err != nil {
					continue
				}
				if len(matchLabels) != 2 {
					t.Errorf("%s: %s selects by %v, want name and instance", name, objectKey(o), matchLabels)
				}
				for k, value := range matchLabels {
					if labels[k] != value {
						t.Errorf("%s: %s selects %s=%s, which the pod does not have", name, objectKey(o), k, value)
					}
				}
			}
		}
	}
}
