package deploy

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// minimal has the required values, which the cases change.
const minimal = `
vault: {addr: "https://vault:8200", role: canary}
reviewer: {mode: accessreview, serviceAccount: vault/vault}
`

// merged returns minimal with the values of a case merged over it.
func merged(t testing.TB, text string) values {
	t.Helper()
	return merge(with(t, minimal), with(t, text))
}

func merge(base, over values) values {
	for name, value := range over {
		below, isMap := value.(values)
		if under, both := base[name].(values); isMap && both {
			value = merge(under, below)
		}
		base[name] = value
	}
	return base
}

func TestSchemaRejects(t *testing.T) {
	cases := []struct{ values, path, wantError string }{
		{`vualt: {}`, "", "vualt"},
		{`vault: {address: x}`, "/vault", "address"},
		{`vault: {ca: {configMap: x}}`, "/vault/ca", "configMap"},
		{`vault: {addr: vault:8200}`, "/vault/addr", "pattern"},
		{`vault: {addr: "https://user@vault:8200"}`, "/vault/addr", "pattern"},
		{`vault: {addr: 8200}`, "/vault/addr", "want string"},
		{`vault: {mount: auth/kubernetes}`, "/vault/mount", "not"},
		{`vault: {mount: ""}`, "/vault/mount", "pattern"},
		{`vault: {mount: "a b"}`, "/vault/mount", "pattern"},
		{`vault: {role: "-x"}`, "/vault/role", "pattern"},
		{`vault: {diagnosticRole: "a b"}`, "/vault/diagnosticRole", "pattern"},
		{`vault: {namespace: "a b"}`, "/vault/namespace", "pattern"},
		{`vault: {tlsServerName: "https://x"}`, "/vault/tlsServerName", "pattern"},
		{`vault: {ca: {existingSecret: Upper}}`, "/vault/ca/existingSecret", "pattern"},
		{`vault: {ca: {key: ""}}`, "/vault/ca/key", "pattern"},
		{`vault: {clientCertificate: {existingSecret: "a_b"}}`, "/vault/clientCertificate/existingSecret", "pattern"},
		{`vault: {token: {key: a/b}}`, "/vault/token/key", "pattern"},
		{`kubernetes: {host: "http://api:6443"}`, "/kubernetes/host", "pattern"},
		{`kubernetes: {thisCluster: "yes"}`, "/kubernetes/thisCluster", "want boolean"},
		{`kubernetes: {token: {file: x}}`, "/kubernetes/token", "file"},
		{`reviewer: {mode: token}`, "/reviewer/mode", "one of"},
		{`reviewer: {serviceAccount: vault}`, "/reviewer/serviceAccount", "pattern"},
		{`reviewer: {secret: a/b/c/d}`, "/reviewer/secret", "pattern"},
		{`reviewer: {tokenFile: "a b"}`, "/reviewer/tokenFile", "pattern"},
		{`canary: {mode: secret}`, "/canary/mode", "one of"},
		{`canary: {audience: "a,b"}`, "/canary/audience", "pattern"},
		{`canary: {expirationSeconds: 60}`, "/canary/expirationSeconds", "minimum"},
		{`canary: {serviceAccount: a/b/c}`, "/canary/serviceAccount", "pattern"},
		{`interval: 60`, "/interval", "want string"},
		{`interval: 1d`, "/interval", "pattern"},
		{`timeout: ""`, "/timeout", "pattern"},
		{`recheckInterval: soon`, "/recheckInterval", "pattern"},
		{`followUps: "true"`, "/followUps", "want boolean"},
		{`statusPage: auto`, "/statusPage", "want boolean"},
		{`externalURL: example.com/vault-auth`, "/externalURL", "pattern"},
		{`externalURL: "https://example.com/a?b"`, "/externalURL", "pattern"},
		{`routePrefix: "/a b"`, "/routePrefix", "pattern"},
		{`probeAPI: auto`, "/probeAPI", "want boolean"},
		{`maxInFlight: -1`, "/maxInFlight", "minimum"},
		{`maxInFlight: 10001`, "/maxInFlight", "maximum"},
		{`targets: {name: a}`, "/targets", "want array"},
		{`targets: [{nmae: a}]`, "/targets/0", "nmae"},
		{`targets: [{interval: 60}]`, "/targets/0/interval", "want string"},
		{`targets: [{kubernetes_host: "http://x"}]`, "/targets/0/kubernetes_host", "pattern"},
		{`targets: [{labels: {a: ""}}]`, "/targets/0/labels/a", "minLength"},
		{`log: {level: trace}`, "/log/level", "one of"},
		{`log: {format: text}`, "/log/format", "one of"},
		{`webConfig: {secret: x}`, "/webConfig", "secret"},
		{`replicaCount: -1`, "/replicaCount", "minimum"},
		{`replicaCount: "2"`, "/replicaCount", "want integer"},
		{`leaderElection: {lease: x}`, "/leaderElection", "lease"},
		{`leaderElection: {leaseName: a/b}`, "/leaderElection/leaseName", "pattern"},
		{`sharding: {shards: 0}`, "/sharding/shards", "minimum"},
		{`podDisruptionBudget: {minAvailable: most}`, "/podDisruptionBudget/minAvailable", "pattern"},
		{`fullnameOverride: Upper`, "/fullnameOverride", "pattern"},
		{`namespaceOverride: a.b`, "/namespaceOverride", "pattern"},
		{`commonLabels: {a: 1}`, "/commonLabels/a", "want string"},
		{`image: {registry: "a//b"}`, "/image/registry", "pattern"},
		{`image: {digest: "sha256:1"}`, "/image/digest", "pattern"},
		{`image: {tag: "a:b"}`, "/image/tag", "pattern"},
		{`image: {pullPolicy: Sometimes}`, "/image/pullPolicy", "one of"},
		{`imagePullSecrets: [name]`, "/imagePullSecrets/0", "want object"},
		{`serviceAccount: {annotations: {a: true}}`, "/serviceAccount/annotations/a", "want string"},
		{`rbac: {create: 1}`, "/rbac/create", "want boolean"},
		{`extraEnv: [{value: x}]`, "/extraEnv/0", "name"},
		{`extraArgs: [log]`, "/extraArgs/0", "pattern"},
		{`extraManifests: [1]`, "/extraManifests/0", "got number"},
		{`service: {port: 0}`, "/service/port", "minimum"},
		{`service: {type: ExternalName}`, "/service/type", "one of"},
		{`serviceMonitor: {interval: 1.5m}`, "/serviceMonitor/interval", "pattern"},
		{`serviceMonitor: {scheme: tcp}`, "/serviceMonitor/scheme", "one of"},
		{`podMonitor: {honourLabels: true}`, "/podMonitor", "honourLabels"},
		{`serviceMonitor: {sampleLimit: "1"}`, "/serviceMonitor/sampleLimit", "want integer"},
		{`podMonitoring: {relabelings: []}`, "/podMonitoring", "relabelings"},
		{`openshift: "yes"`, "/openshift", "one of"},
		{`targetsFrom: {existingConfigMap: x}`, "/targetsFrom", "existingConfigMap"},
		{`check: {schedule: daily}`, "/check/schedule", "pattern"},
		{`ingress: {hosts: [{host: a}]}`, "/ingress/hosts/0", "want string"},
		{`httpRoute: {parentRefs: [a]}`, "/httpRoute/parentRefs/0", "want object"},
		{`service: {ipFamilies: [ipv4]}`, "/service/ipFamilies/0", "one of"},
		{`hostAliases: [{hostnames: [a]}]`, "/hostAliases/0", "ip"},
		{`global: {imagePullSecrets: [{secret: a}]}`, "/global/imagePullSecrets/0", "oneOf"},
		{`prometheusRule: {clusterLabel: k8s-cluster}`, "/prometheusRule/clusterLabel", "pattern"},
		{`prometheusRule: {alerts: {VaultK8sAuthFlaky: {expr: {page: up}}}}`, "/prometheusRule/alerts/VaultK8sAuthFlaky/expr", "page"},
		{`grafanaDashboard: {labels: [a]}`, "/grafanaDashboard/labels", "want object"},
		{`prometheusRule: {alerts: {VaultK8sAuthLoginFails: {}}}`, "/prometheusRule/alerts", "VaultK8sAuthLoginFails"},
		{`prometheusRule: {alerts: {VaultK8sAuthLoginFailing: {thresholds: {critical: 1}}}}`, "/prometheusRule/alerts/VaultK8sAuthLoginFailing", "thresholds"},
		{`prometheusRule: {alerts: {VaultK8sAuthFlaky: {for: 5}}}`, "/prometheusRule/alerts/VaultK8sAuthFlaky/for", "want string"},
		{`prometheusRule: {alerts: {VaultK8sAuthTokenExpiring: {thresholds: {warning: 14}}}}`, "/prometheusRule/alerts/VaultK8sAuthTokenExpiring/thresholds/warning", "Maximum"},
		{`prometheusRule: {errorBudget: 99.5}`, "/prometheusRule/errorBudget", "Maximum"},
		{`prometheusRule: {runbookURLPrefix: wiki}`, "/prometheusRule/runbookURLPrefix", "pattern"},
		{`prometheusRule: {extraLabels: {a-b: c}}`, "", "'a-b' does not match"},
		{`networkPolicy: {egress: {vault: {ports: [http]}}}`, "/networkPolicy/egress/vault/ports/0", "want integer"},
		{`networkPolicy: {egress: {proxy: {}}}`, "/networkPolicy/egress", "proxy"},
		{`networkPolicy: {ingress: {from: {}}}`, "/networkPolicy/ingress/from", "want array"},
	}
	for _, c := range cases {
		_, err := renderTexts(t, merged(t, c.values))
		if err == nil {
			t.Errorf("%s is accepted", c.values)
			continue
		}
		if !strings.Contains(err.Error(), "at '"+c.path+"': ") || !strings.Contains(err.Error(), c.wantError) {
			t.Errorf("%s: %v; want an error at %s with %q", c.values, err, c.path, c.wantError)
		}
	}
}

func TestSchemaAccepts(t *testing.T) {
	for _, text := range []string{
		`{}`,
		`vault: {addr: "http://vault:8200/proxied"}`,
		`vault: {mount: k8s/prod/}`,
		`vault: {mount: authentic}`,
		`vault: {namespace: admin/team-a}`,
		`vault: {tlsServerName: 10.0.0.1}`,
		`vault: {ca: {existingConfigMap: vault.ca, key: bundle.pem}}`,
		`vault: {clientCertificate: {existingSecret: tls, certificateKey: cert, privateKeyKey: key}}`,
		`kubernetes: {host: "https://[::1]:6443", thisCluster: true}`,
		`kubernetes: {host: "https://kubernetes.default.svc"}`,
		`reviewer: {mode: secret, secret: vault/x/key, serviceAccount: ""}`,
		`reviewer: {mode: file, tokenFile: /run/token, serviceAccount: ""}`,
		`canary: {audience: "https://kubernetes.default.svc", expirationSeconds: 600}`,
		`canary: {mode: serviceaccount, serviceAccount: monitoring/canary}`,
		`prometheusRule: {enabled: true, extraLabels: {team: vault}, alerts: {VaultK8sAuthFlaky: {enabled: false, for: 10m}}}`,
		`interval: 1m30s`,
		`interval: 1.5m`,
		`{externalURL: "https://[::1]:8443/vault-auth/", routePrefix: /}`,
		`{externalURL: "https://{{ .Release.Name }}.example.com", routePrefix: a/b}`,
		`statusPage: false`,
		`targets: [{name: a/b, canary_audiences: [vault], follow_ups: false, labels: {tier: "1"}}]`,
		`replicaCount: 0`,
		`podDisruptionBudget: {enabled: true, minAvailable: 1, maxUnavailable: ""}`,
		`podDisruptionBudget: {enabled: true, maxUnavailable: 50%}`,
		`{nameOverride: exporter, fullnameOverride: vault-exporter, namespaceOverride: watch}`,
		`image: {registry: registry.example.com/mirror/ghcr.io}`,
		`vault: {addr: "https://vault.{{ .Release.Namespace }}.svc:8200", role: "{{ .Release.Name }}", ca: {existingConfigMap: "{{ .Release.Name }}-ca"}}`,
		`check: {schedule: "@daily"}`,
		`openshift: "auto"`,
		`image: {registry: "localhost:5000", repository: a/b, digest: "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"}`,
		`commonLabels: {example.com/team: a_B.c, empty: ""}`,
		`podLabels: {azure.workload.identity/use: "true"}`,
		`extraEnv: [{name: HTTPS_PROXY, valueFrom: {secretKeyRef: {name: proxy, key: url}}}]`,
		`extraManifests: ["apiVersion: v1\nkind: ConfigMap\nmetadata: {name: text}"]`,
		`service: {type: LoadBalancer, clusterIP: ""}`,
		`serviceMonitor: {interval: 1m30s, tlsConfig: {ca: {}}}`,
		`podSecurityContext: {runAsUser: null, fsGroup: null}`,
		`resources: {}`,
		`networkPolicy: {enabled: false}`,
		`networkPolicy: {egress: {dns: {to: [{namespaceSelector: {}}], ports: [53, 5353]}}}`,
		`global: {imageRegistry: x}`,
	} {
		render(t, merged(t, text))
	}
}

// TestSchemaOfTargets checks that a target has the same schema in the values as in a targets file.
func TestSchemaOfTargets(t *testing.T) {
	var chart struct {
		Properties struct{ Targets struct{ Items any } }
	}
	var file struct{ Items any }
	for path, into := range map[string]any{filepath.Join(chartDir, "values.schema.json"): &chart, "../targets.schema.json": &file} {
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(content, into); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
	}
	if diff := cmp.Diff(file.Items, chart.Properties.Targets.Items); diff != "" || file.Items == nil {
		t.Errorf("(-targets file +values):\n%s", diff)
	}
}

// TestSchemaIsClosed checks that a misspelt key is an error in every object that the chart defines.
func TestSchemaIsClosed(t *testing.T) {
	content, err := os.ReadFile(filepath.Join(chartDir, "values.schema.json"))
	if err != nil {
		t.Fatal(err)
	}
	var schema map[string]any
	if err := json.Unmarshal(content, &schema); err != nil {
		t.Fatal(err)
	}
	// Kubernetes defines the other keys of a variable, and a parent chart those of global.
	open := map[string]bool{"/properties/extraEnv/items": true, "/properties/global": true}
	objects := 0
	var look func(path string, node any)
	look = func(path string, node any) {
		m, _ := node.(map[string]any)
		if list, isList := node.([]any); isList {
			for _, one := range list {
				look(path, one)
			}
		}
		if m["type"] == "object" && m["properties"] != nil && !open[path] {
			objects++
			if m["additionalProperties"] != false {
				t.Errorf("%s allows unknown keys", path)
			}
		}
		for name, below := range m {
			look(path+"/"+name, below)
		}
	}
	look("", schema)
	if objects < 20 {
		t.Errorf("found %d objects, want at least 20", objects)
	}
}

// TestSchemaHasOnlyValues checks that values.yaml has every key of the schema. The other direction needs no test: the schema rejects
// unknown keys.
func TestSchemaHasOnlyValues(t *testing.T) {
	var schema struct{ Properties map[string]any }
	content, err := os.ReadFile(filepath.Join(chartDir, "values.schema.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(content, &schema); err != nil {
		t.Fatal(err)
	}
	delete(schema.Properties, "global") // set by Helm
	defaults := load(t).Values
	for name := range schema.Properties {
		if _, found := defaults[name]; !found {
			t.Errorf("values.yaml has no %s", name)
		}
	}
}
