package discover

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// of is an object of an operator, with its spec in YAML.
func of(apiVersion, kind, name, spec string) string {
	metadata := "{name: " + name + "}"
	if namespace, name, ok := strings.Cut(name, "/"); ok {
		metadata = "{namespace: " + namespace + ", name: " + name + "}"
	}
	return "\n---\n{apiVersion: " + apiVersion + ", kind: " + kind + ", metadata: " + metadata + ", spec: " + spec + "}"
}

func vso(kind, name, spec string) string {
	return of("secrets.hashicorp.com/v1beta1", kind, name, spec)
}
func eso(kind, name, spec string) string { return of("external-secrets.io/v1", kind, name, spec) }
func certs(kind, name, spec string) string {
	return of("cert-manager.io/v1", kind, name, spec)
}

// TestFieldsAndDefaultsOfOperators is [TestFieldsAndDefaults] for the kinds of operators.
func TestFieldsAndDefaultsOfOperators(t *testing.T) {
	const kubernetes = `kubernetes: {role: r, serviceAccount: sa}`
	operator := operatorPod("vault-secrets-operator", "vso", "{control-plane: controller-manager}", "[]")
	const store = `{provider: {vault: {server: "https://vault:8200", auth: {kubernetes: {mountPath: kubernetes, role: r, serviceAccountRef: {name: sa}}}}}}`
	const issuer = `{vault: {server: "https://vault:8200", path: pki/sign/x, auth: {kubernetes: {role: r, serviceAccountRef: {name: sa}}}}}`
	certManager := func(version, args string) string {
		return operatorPod("cert-manager", "certs", "{app.kubernetes.io/component: controller, app.kubernetes.io/version: "+version+"}", args)
	}
	for _, c := range []struct {
		name, objects string
		want          []string
	}{
		{"vso: one namespace", vso("VaultAuth", "apps/a", `{method: kubernetes, mount: m, namespace: team, kubernetes: {role: r, serviceAccount: sa, audiences: [y, x]}}`) + vso("VaultStaticSecret", "apps/s", `{vaultAuthRef: a}`),
			[]string{"m r apps/sa for x,y in team < VaultAuth apps/a < VaultStaticSecret apps/s"}},
		{"vso: several namespaces, an account of each", vso("VaultAuth", "auths/a", `{method: kubernetes, mount: m, allowedNamespaces: [one, two], `+kubernetes+`}`) +
			vso("VaultStaticSecret", "one/s", `{vaultAuthRef: auths/a}`) + vso("VaultDynamicSecret", "two/d", `{vaultAuthRef: auths/a}`) + vso("VaultPKISecret", "three/p", `{vaultAuthRef: auths/a}`),
			[]string{
				"m r one/sa < VaultAuth auths/a < VaultStaticSecret one/s", "m r two/sa < VaultAuth auths/a < VaultDynamicSecret two/d",
				"not VaultPKISecret three/p: its VaultAuth auths/a does not allow this namespace",
			}},
		{"vso: all namespaces, and one trusted", vso("VaultAuth", "auths/a", `{method: kubernetes, mount: m, allowedNamespaces: ["*"], `+kubernetes+`}`) +
			vso("CSISecrets", "one/c", `{vaultAuthRef: {name: a, namespace: auths}}`) + vso("CSISecrets", "two/c", `{vaultAuthRef: {name: a, namespace: auths, trustNamespace: true}}`),
			[]string{"m r auths/sa < CSISecrets two/c < VaultAuth auths/a", "m r one/sa < CSISecrets one/c < VaultAuth auths/a"}},
		{"vso: the default of the operator, for every namespace", operator + vso("VaultAuth", "vso/default", `{method: kubernetes, mount: m, `+kubernetes+`}`) + vso("VaultConnection", "vso/default", `{address: "https://vault:8200"}`) +
			vso("VaultStaticSecret", "one/s", `{}`), []string{"m r one/sa at https://vault:8200 < VaultAuth vso/default < VaultStaticSecret one/s"}},
		{"vso: the default of an unknown operator", vso("VaultAuth", "vso/default", `{method: kubernetes, mount: m, `+kubernetes+`}`) + vso("VaultStaticSecret", "one/s", `{}`),
			[]string{"not VaultAuth vso/default: nothing refers to it", "not VaultStaticSecret one/s: it uses the default in the operator's namespace, and no pod or more than one says which that is"}},
		{"vso: connections", vso("VaultAuth", "apps/a", `{method: kubernetes, mount: m, vaultConnectionRef: near, `+kubernetes+`}`) + vso("VaultAuth", "apps/b", `{method: kubernetes, mount: m, vaultConnectionRef: far/c, `+kubernetes+`}`) +
			vso("VaultConnection", "apps/near", `{address: "http://near"}`) + vso("VaultConnection", "far/c", `{address: "http://far/"}`) + vso("VaultStaticSecret", "apps/s", `{vaultAuthRef: a}`) + vso("VaultStaticSecret", "apps/t", `{vaultAuthRef: b}`),
			[]string{"m r apps/sa at http://far < VaultAuth apps/b < VaultStaticSecret apps/t", "m r apps/sa at http://near < VaultAuth apps/a < VaultStaticSecret apps/s"}},
		{"vso: a global gives what is missing", vso("VaultAuth", "apps/a", `{vaultAuthGlobalRef: {name: g, namespace: globals}, kubernetes: {role: own}}`) +
			vso("VaultAuthGlobal", "globals/g", `{allowedNamespaces: [apps], defaultAuthMethod: kubernetes, defaultMount: dm, defaultVaultNamespace: dn, vaultConnectionRef: c, kubernetes: {role: r, serviceAccount: gsa, audiences: [v], mount: gm, namespace: gn}}`) +
			vso("VaultConnection", "apps/c", `{address: "http://c"}`) + vso("VaultStaticSecret", "apps/s", `{vaultAuthRef: a}`),
			[]string{"gm own apps/gsa for v in gn at http://c < VaultAuth apps/a < VaultStaticSecret apps/s"}},
		{"vso: the default global", operator + vso("VaultAuth", "apps/a", `{vaultAuthGlobalRef: {allowDefault: true}}`) + vso("VaultAuthGlobal", "vso/default", `{defaultAuthMethod: kubernetes, defaultMount: dm, defaultVaultNamespace: dn, `+kubernetes+`}`) +
			vso("VaultStaticSecret", "apps/s", `{vaultAuthRef: a}`), []string{"dm r apps/sa in dn < VaultAuth apps/a < VaultStaticSecret apps/s"}},
		{"vso: globals that do not help", vso("VaultAuth", "apps/a", `{vaultAuthGlobalRef: {name: g, namespace: globals}}`) + vso("VaultAuthGlobal", "globals/g", `{defaultAuthMethod: kubernetes}`) +
			vso("VaultAuth", "apps/b", `{vaultAuthGlobalRef: {name: none}}`) + vso("VaultAuth", "apps/c", `{vaultAuthGlobalRef: {}}`) +
			vso("VaultStaticSecret", "apps/s", `{vaultAuthRef: a}`) + vso("VaultStaticSecret", "apps/t", `{vaultAuthRef: b}`) + vso("VaultStaticSecret", "apps/u", `{vaultAuthRef: c}`),
			[]string{
				"not VaultAuth apps/a: its VaultAuthGlobal globals/g does not allow this namespace",
				"not VaultAuth apps/b: its VaultAuthGlobal apps/none does not exist", "not VaultAuth apps/c: its vaultAuthGlobalRef names no VaultAuthGlobal",
			}},
		{"vso: other methods, and what is missing", vso("VaultAuth", "apps/a", `{method: appRole, mount: m}`) + vso("VaultAuth", "apps/b", `{method: kubernetes, mount: m, kubernetes: {role: r}}`) +
			vso("VaultStaticSecret", "apps/s", `{vaultAuthRef: a}`) + vso("VaultStaticSecret", "apps/t", `{vaultAuthRef: b}`) + vso("VaultStaticSecret", "apps/u", `{vaultAuthRef: none}`) + vso("VaultStaticSecret", "apps/v", `{vaultAuthRef: a/b/c}`),
			[]string{
				"not VaultAuth apps/b: it names no service account",
				"not VaultStaticSecret apps/u: its VaultAuth apps/none does not exist", "not VaultStaticSecret apps/v: it has a reference that is not namespace/name",
			}},

		{"eso: a store", eso("SecretStore", "apps/s", store), []string{"kubernetes r apps/sa at https://vault:8200 < SecretStore apps/s"}},
		{"eso: all fields", eso("SecretStore", "apps/s", `{provider: {vault: {server: "https://vault:8200", namespace: data, auth: {namespace: login, kubernetes: {mountPath: a/b, role: r, serviceAccountRef: {name: sa, namespace: ignored, audiences: [vault]}}}}}}`),
			[]string{"a/b r apps/sa for vault in login at https://vault:8200 < SecretStore apps/s"}},
		{"eso: the namespace of the provider", eso("SecretStore", "apps/s", `{provider: {vault: {server: "https://vault:8200", namespace: data, auth: {kubernetes: {role: r, serviceAccountRef: {name: sa}}}}}}`),
			[]string{"kubernetes r apps/sa in data at https://vault:8200 < SecretStore apps/s"}},
		{"eso: v1beta1", of("external-secrets.io/v1beta1", "SecretStore", "apps/s", store), []string{"kubernetes r apps/sa at https://vault:8200 < SecretStore apps/s"}},
		{"eso: a cluster's store with an account of its own", eso("ClusterSecretStore", "c", strings.Replace(store, "{name: sa}", "{name: sa, namespace: eso}", 1)) + eso("ExternalSecret", "apps/e", `{secretStoreRef: {kind: ClusterSecretStore, name: c}}`),
			[]string{"kubernetes r eso/sa at https://vault:8200 < ClusterSecretStore c"}},
		{"eso: a cluster's store with an account of each namespace", eso("ClusterSecretStore", "c", store) + eso("ExternalSecret", "one/e", `{secretStoreRef: {kind: ClusterSecretStore, name: c}}`) +
			eso("ExternalSecret", "two/e", `{data: [{sourceRef: {storeRef: {kind: ClusterSecretStore, name: c}}}]}`) + eso("ExternalSecret", "three/e", `{dataFrom: [{sourceRef: {storeRef: {kind: ClusterSecretStore, name: c}}}]}`) +
			eso("ExternalSecret", "four/e", `{secretStoreRef: {name: c}}`) + of("external-secrets.io/v1alpha1", "PushSecret", "five/p", `{secretStoreRefs: [{kind: ClusterSecretStore, name: c}]}`),
			[]string{
				"kubernetes r five/sa at https://vault:8200 < ClusterSecretStore c < PushSecret five/p", "kubernetes r one/sa at https://vault:8200 < ClusterSecretStore c < ExternalSecret one/e",
				"kubernetes r three/sa at https://vault:8200 < ClusterSecretStore c < ExternalSecret three/e", "kubernetes r two/sa at https://vault:8200 < ClusterSecretStore c < ExternalSecret two/e",
			}},
		{"eso: labels and conditions", strings.Replace(eso("ClusterSecretStore", "c", strings.Replace(store, "{provider", `{conditions: [{namespaces: [one]}, {namespaceRegexes: ["^team-"]}], provider`, 1)), "{name: c}", "{name: c, labels: {for: push}}", 1) +
			of("external-secrets.io/v1alpha1", "PushSecret", "one/p", `{secretStoreRefs: [{kind: ClusterSecretStore, labelSelector: {matchLabels: {for: push}}}]}`) +
			eso("ExternalSecret", "team-a/e", `{secretStoreRef: {kind: ClusterSecretStore, name: c}}`) + eso("ExternalSecret", "two/e", `{secretStoreRef: {kind: ClusterSecretStore, name: c}}`),
			[]string{
				"kubernetes r one/sa at https://vault:8200 < ClusterSecretStore c < PushSecret one/p", "kubernetes r team-a/sa at https://vault:8200 < ClusterSecretStore c < ExternalSecret team-a/e",
				"not ExternalSecret two/e: the conditions of its ClusterSecretStore c do not admit this namespace",
			}},
		{"eso: nobody refers", eso("ClusterSecretStore", "c", store), []string{"not ClusterSecretStore c: nothing refers to it"}},
		{"eso: Secrets", eso("SecretStore", "apps/s", strings.Replace(store, "serviceAccountRef: {name: sa}", "secretRef: {name: jwt}", 1)), []string{"not SecretStore apps/s: it logs in with a token from the Secret jwt, and Secrets are not read"}},
		{"eso: other methods", eso("SecretStore", "apps/s", strings.Replace(store, "auth: {", "auth: {tokenSecretRef: {name: t}, ", 1)) + eso("SecretStore", "apps/t", `{provider: {aws: {}}}`) + eso("SecretStore", "apps/u", `{provider: {vault: {server: x, auth: {appRole: {}}}}}`), nil},
		{"eso: the operator's own account", operatorPod("external-secrets", "eso", "{}", "[]") + eso("SecretStore", "apps/s", strings.Replace(store, ", serviceAccountRef: {name: sa}", "", 1)), []string{"kubernetes r eso/external-secrets-sa at https://vault:8200 < SecretStore apps/s"}},
		{"eso: generators", of("generators.external-secrets.io/v1alpha1", "VaultDynamicSecret", "apps/d", `{path: x, provider: {server: "https://vault:8200", auth: {kubernetes: {role: r, serviceAccountRef: {name: sa, namespace: ignored}}}}}`) +
			of("generators.external-secrets.io/v1alpha1", "ClusterGenerator", "g", `{kind: VaultDynamicSecret, generator: {vaultDynamicSecretSpec: {provider: {server: "https://vault:8200", auth: {kubernetes: {role: g, serviceAccountRef: {name: sa}}}}}}}`) +
			eso("ExternalSecret", "apps/e", `{dataFrom: [{sourceRef: {generatorRef: {kind: VaultDynamicSecret, name: d}}}, {sourceRef: {generatorRef: {kind: ClusterGenerator, name: g}}}]}`),
			[]string{
				"kubernetes g apps/sa at https://vault:8200 < ClusterGenerator g < ExternalSecret apps/e",
				"kubernetes r apps/sa at https://vault:8200 < ExternalSecret apps/e < VaultDynamicSecret apps/d",
			}},

		{"cert-manager: an Issuer", certs("Issuer", "apps/i", issuer), []string{"kubernetes r apps/sa for https://vault:8200,vault://apps/i at https://vault:8200 < Issuer apps/i"}},
		{"cert-manager: all fields", certs("Issuer", "apps/i", `{vault: {server: "https://vault:8200", namespace: team, auth: {kubernetes: {mountPath: /v1/auth/a/b/, role: r, serviceAccountRef: {name: sa, audiences: [x]}}}}}`),
			[]string{"a/b r apps/sa for https://vault:8200,vault://apps/i,x in team at https://vault:8200 < Issuer apps/i"}},
		{"cert-manager: before 1.20", certManager("v1.19.4", "[]") + certs("Issuer", "apps/i", issuer), []string{"kubernetes r apps/sa for vault://apps/i at https://vault:8200 < Issuer apps/i"}},
		{"cert-manager: a ClusterIssuer", certManager("v1.21.1", `["--cluster-resource-namespace=$(POD_NAMESPACE)"]`) + certs("ClusterIssuer", "c", issuer), []string{"kubernetes r certs/sa for https://vault:8200,vault://c at https://vault:8200 < ClusterIssuer c"}},
		{"cert-manager: another namespace", certManager("v1.21.1", `["--cluster-resource-namespace=shared"]`) + certs("ClusterIssuer", "c", issuer), []string{"kubernetes r shared/sa for https://vault:8200,vault://c at https://vault:8200 < ClusterIssuer c"}},
		{"cert-manager: its default namespace", certManager("v1.21.1", `[]`) + certs("ClusterIssuer", "c", issuer), []string{"kubernetes r kube-system/sa for https://vault:8200,vault://c at https://vault:8200 < ClusterIssuer c"}},
		{"cert-manager: skipped", certs("ClusterIssuer", "c", issuer) + certs("Issuer", "apps/s", `{vault: {auth: {kubernetes: {role: r, secretRef: {name: jwt}, serviceAccountRef: {name: sa}}}}}`) +
			certs("Issuer", "apps/m", strings.Replace(issuer, "{role", "{mountPath: auth/kubernetes, role", 1)) + certs("Issuer", "apps/n", `{vault: {auth: {kubernetes: {role: r}}}}`),
			[]string{
				"not ClusterIssuer c: its service account is in cert-manager's namespace, and no pod or more than one says which that is",
				"not Issuer apps/m: its mountPath does not begin with /v1/auth/, as cert-manager needs it", "not Issuer apps/n: it names no service account",
				"not Issuer apps/s: it logs in with a token from the Secret jwt, and Secrets are not read",
			}},
		{"cert-manager: other methods", certs("Issuer", "apps/i", strings.Replace(issuer, "auth: {", "auth: {appRole: {path: x}, ", 1)) + certs("Issuer", "apps/j", `{selfSigned: {}}`), nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, lines(cluster(t, c.objects).reader(t).Read(t.Context()))); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
