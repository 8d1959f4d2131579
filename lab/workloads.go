package lab

import (
	"context"
	"errors"
	"fmt"
)

// A Workload is a login that objects in the lab's cluster name, and which Vault permits.
type Workload struct {
	// Via says which objects name it: injector, template, bank-vaults, declared, operator, store, cluster-store, generator, csi,
	// issuer or cluster-issuer.
	Via string
	// Mount and Role are where it logs in.
	Mount, Role string
	// Namespace and Account are those of its service account.
	Namespace, Account string
	// Audience is one of its token; empty means the API server's default.
	Audience string

	objects []manifest
}

// ApplyWorkloads creates in the cluster the objects of so many logins of every kind, the kinds themselves and pods of
// their operators, and in Vault a role for each login. They are part of this lab until it is closed.
func (l *Lab) ApplyWorkloads(ctx context.Context, each int) ([]Workload, error) {
	if err := l.cluster.installOperatorKinds(ctx); err != nil {
		return nil, err
	}
	workloads := l.workloads(each)
	manifests := l.operatorManifests()
	for _, w := range workloads {
		manifests = append(manifests,
			manifest{"/api/v1/namespaces", fields{"metadata": fields{"name": w.Namespace}}},
			manifest{"/api/v1/namespaces/" + w.Namespace + "/serviceaccounts", fields{"metadata": fields{"name": w.Account, "annotations": w.declaration()}}})
		manifests = append(manifests, w.objects...)
	}
	for _, m := range manifests {
		if err := l.cluster.apply(ctx, m.path, m.body); err != nil {
			return nil, err
		}
	}
	for _, w := range workloads {
		err := l.vault.post(ctx, rolePath(w.Role), fields{
			"bound_service_account_names": w.Account, "bound_service_account_namespaces": w.Namespace, "audience": w.Audience, "alias_name_source": "serviceaccount_name",
		}, nil)
		if err != nil {
			return nil, err
		}
	}
	return workloads, nil
}

// WorkloadToken returns a token as the workload's own would be.
func (l *Lab) WorkloadToken(ctx context.Context, w Workload) (string, error) {
	spec := fields{"expirationSeconds": 600}
	if w.Audience != "" {
		spec["audiences"] = []string{w.Audience}
	}
	var answer struct {
		Status struct {
			Token string `json:"token"`
		} `json:"status"`
	}
	path := "/api/v1/namespaces/" + w.Namespace + "/serviceaccounts/" + w.Account + "/token"
	if err := l.cluster.post(ctx, path, fields{"spec": spec}, &answer); err != nil {
		return "", err
	}
	if answer.Status.Token == "" {
		return "", errors.New("requesting a token: the answer has none")
	}
	return answer.Status.Token, nil
}

// LogIn logs in to Vault as the workload would, and revokes the token that it gets.
func (l *Lab) LogIn(ctx context.Context, w Workload) error {
	jwt, err := l.WorkloadToken(ctx, w)
	if err != nil {
		return err
	}
	var answer struct {
		Auth struct {
			Token string `json:"client_token"`
		} `json:"auth"`
	}
	if err := l.vault.post(ctx, "auth/"+w.Mount+"/login", fields{"role": w.Role, "jwt": jwt}, &answer); err != nil {
		return err
	}
	return l.vault.post(ctx, "auth/token/revoke", fields{"token": answer.Auth.Token}, nil)
}

func (w Workload) declaration() fields {
	if w.Via != "declared" {
		return nil
	}
	text := w.Mount + "/" + w.Role
	if w.Audience != "" {
		text += "?audience=" + w.Audience
	}
	return fields{"vault-k8s-auth-exporter/logins": text}
}

// operatorManifests are pods of the operators, which say where they run, and the objects that they share.
func (l *Lab) operatorManifests() []manifest {
	var all []manifest
	for name, args := range map[string][]string{
		"vault-secrets-operator": nil, "external-secrets": nil, "cert-manager": {"--cluster-resource-namespace=$(POD_NAMESPACE)"},
	} {
		labels := fields{"app.kubernetes.io/name": name, "app.kubernetes.io/component": "controller", "app.kubernetes.io/version": "v1.21.1"}
		all = append(all,
			manifest{"/api/v1/namespaces", fields{"metadata": fields{"name": name}}},
			manifest{"/api/v1/namespaces/" + name + "/pods", fields{
				"metadata": fields{"name": name + "-0", "labels": labels},
				"spec":     fields{"serviceAccountName": name, "containers": []fields{{"name": "controller", "image": "none", "args": args}}},
			}})
	}
	return append(all,
		manifest{"/apis/storage.k8s.io/v1/csidrivers", fields{
			"metadata": fields{"name": "secrets-store.csi.k8s.io"}, "spec": fields{"attachRequired": false, "tokenRequests": []fields{{"audience": "vault"}}},
		}},
		in("secrets.hashicorp.com/v1beta1", "vault-secrets-operator", "vaultauthglobals", "shared", fields{
			"allowedNamespaces": []string{"*"}, "defaultAuthMethod": "kubernetes", "defaultMount": mount, "kubernetes": fields{"audiences": []string{"vault"}},
		}),
		in("secrets.hashicorp.com/v1beta1", "vault-secrets-operator", "vaultconnections", "default", fields{"address": l.vaultURL()}),
	)
}

func (l *Lab) vaultURL() string { return "https://" + l.vaultProxy.address }

// workloads are so many logins of every kind, in five namespaces.
func (l *Lab) workloads(each int) []Workload {
	var all []Workload
	for i := range each {
		for _, via := range []struct {
			name    string
			objects func(*Lab, *Workload, int)
		}{
			{"injector", injectedPod}, {"template", idleOwner}, {"bank-vaults", mutatedPod}, {"declared", func(*Lab, *Workload, int) {}}, {"operator", operatorSecret}, {"store", secretStore},
			{"cluster-store", clusterSecretStore}, {"generator", secretGenerator}, {"csi", mountedClass}, {"issuer", issuerObject}, {"cluster-issuer", clusterIssuer},
		} {
			w := Workload{Via: via.name, Mount: mount, Namespace: fmt.Sprintf("team-%d", i%5)}
			w.Role = fmt.Sprintf("%s-%02d", via.name, i)
			w.Account = w.Role
			if i%2 == 1 {
				w.Audience = "vault"
			}
			via.objects(l, &w, i)
			all = append(all, w)
		}
	}
	return all
}

func (w *Workload) add(version, plural, name string, spec fields) {
	w.objects = append(w.objects, in(version, w.Namespace, plural, name, spec))
}

// pod adds a pod, of a Deployment as far as its fields say.
func (w *Workload) pod(annotations, spec fields) {
	spec = spec.with(fields{"serviceAccountName": w.Account})
	if spec["containers"] == nil {
		spec["containers"] = []fields{{"name": "app", "image": "none"}}
	}
	w.objects = append(w.objects, manifest{"/api/v1/namespaces/" + w.Namespace + "/pods", fields{
		"metadata": fields{
			"name": w.Role + "-5d8f-x", "labels": fields{"pod-template-hash": "5d8f"}, "annotations": annotations,
			"ownerReferences": []fields{{"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": w.Role + "-5d8f", "uid": "00000000-0000-0000-0000-000000000000", "controller": true}},
		},
		"spec": spec,
	}})
}

func injectedPod(_ *Lab, w *Workload, _ int) {
	annotations := fields{"vault.hashicorp.com/agent-inject": "true", "vault.hashicorp.com/role": w.Role, "vault.hashicorp.com/auth-path": "auth/" + w.Mount}
	spec := fields{}
	if w.Audience != "" {
		annotations["vault.hashicorp.com/agent-service-account-token-volume-name"] = "vault-token"
		token := fields{"serviceAccountToken": fields{"audience": w.Audience, "path": "token"}}
		spec["volumes"] = []fields{{"name": "vault-token", "projected": fields{"sources": []fields{token}}}}
	}
	w.pod(annotations, spec)
}

// idleOwner adds what makes pods and has none: the lab has no controllers.
func idleOwner(_ *Lab, w *Workload, i int) {
	w.Audience = "" // the pod's own token
	owner := []struct{ version, plural, restart string }{
		{"apps/v1", "deployments", "Always"}, {"apps/v1", "statefulsets", "Always"}, {"apps/v1", "daemonsets", "Always"}, {"batch/v1", "cronjobs", "Never"}, {"batch/v1", "jobs", "Never"},
	}[i%5]
	labels := fields{"app": w.Role}
	template := fields{
		"metadata": fields{"labels": labels, "annotations": fields{
			"vault.hashicorp.com/agent-inject": "true", "vault.hashicorp.com/role": w.Role, "vault.hashicorp.com/auth-path": "auth/" + w.Mount,
		}},
		"spec": fields{"serviceAccountName": w.Account, "restartPolicy": owner.restart, "containers": []fields{{"name": "app", "image": "none"}}},
	}
	spec := fields{"template": template}
	switch {
	case owner.plural == "cronjobs":
		spec = fields{"schedule": "0 4 * * *", "jobTemplate": fields{"spec": spec}}
	case owner.version == "apps/v1":
		spec["selector"] = fields{"matchLabels": labels}
	}
	path := "/apis/" + owner.version + "/namespaces/" + w.Namespace + "/" + owner.plural
	w.objects = append(w.objects, manifest{path, fields{"metadata": fields{"name": w.Role}, "spec": spec}})
}

func mutatedPod(l *Lab, w *Workload, i int) {
	w.Audience = "" // the webhook uses the pod's own token
	if i%2 == 0 {
		w.pod(fields{"vault.security.banzaicloud.io/vault-role": w.Role, "vault.security.banzaicloud.io/vault-path": w.Mount}, fields{})
		return
	}
	w.pod(fields{"vault.security.banzaicloud.io/vault-addr": l.vaultURL()}, fields{"containers": []fields{{
		"name": "app", "image": "none", "command": []string{"/vault/vault-env"}, "env": []fields{
			{"name": "VAULT_ADDR", "value": l.vaultURL()}, {"name": "VAULT_AUTH_METHOD", "value": "jwt"}, {"name": "VAULT_PATH", "value": w.Mount}, {"name": "VAULT_ROLE", "value": w.Role},
		},
	}}})
}

// operatorSecret adds a VaultAuth, every third with a VaultAuthGlobal, and one of the kinds that refer to it.
func operatorSecret(_ *Lab, w *Workload, i int) {
	const version = "secrets.hashicorp.com/v1beta1"
	kubernetes := fields{"role": w.Role, "serviceAccount": w.Account}
	spec := fields{"method": "kubernetes", "mount": w.Mount, "kubernetes": kubernetes}
	if i%3 == 2 {
		w.Audience = "vault"
		spec = fields{"vaultAuthGlobalRef": fields{"namespace": "vault-secrets-operator", "name": "shared"}, "kubernetes": kubernetes}
	} else if w.Audience != "" {
		kubernetes["audiences"] = []string{w.Audience}
	}
	w.add(version, "vaultauths", w.Role, spec)
	if i%4 == 3 {
		w.add(version, "csisecrets", w.Role, fields{"vaultAuthRef": fields{"name": w.Role}})
		return
	}
	w.add(version, []string{"vaultstaticsecrets", "vaultdynamicsecrets", "vaultpkisecrets"}[i%4], w.Role, fields{"vaultAuthRef": w.Role})
}

func (w *Workload) provider(l *Lab) fields {
	account := fields{"name": w.Account}
	if w.Audience != "" {
		account["audiences"] = []string{w.Audience}
	}
	return fields{"server": l.vaultURL(), "auth": fields{"kubernetes": fields{"mountPath": w.Mount, "role": w.Role, "serviceAccountRef": account}}}
}

func secretStore(l *Lab, w *Workload, _ int) {
	w.add("external-secrets.io/v1", "secretstores", w.Role, fields{"provider": fields{"vault": w.provider(l)}})
}

func clusterSecretStore(l *Lab, w *Workload, i int) {
	w.objects = append(w.objects, in("external-secrets.io/v1", "", "clustersecretstores", w.Role, fields{"provider": fields{"vault": w.provider(l)}}))
	to := fields{"kind": "ClusterSecretStore", "name": w.Role}
	if i%2 == 0 {
		w.add("external-secrets.io/v1", "externalsecrets", w.Role, fields{"secretStoreRef": to})
		return
	}
	w.add("external-secrets.io/v1alpha1", "pushsecrets", w.Role, fields{"secretStoreRefs": []fields{to}})
}

func secretGenerator(l *Lab, w *Workload, i int) {
	kind := "VaultDynamicSecret"
	if i%2 == 0 {
		w.add("generators.external-secrets.io/v1alpha1", "vaultdynamicsecrets", w.Role, fields{"path": "x", "provider": w.provider(l)})
	} else {
		kind = "ClusterGenerator"
		w.objects = append(w.objects, in("generators.external-secrets.io/v1alpha1", "", "clustergenerators", w.Role, fields{
			"kind": "VaultDynamicSecret", "generator": fields{"vaultDynamicSecretSpec": fields{"path": "x", "provider": w.provider(l)}},
		}))
	}
	w.add("external-secrets.io/v1", "externalsecrets", w.Role, fields{
		"dataFrom": []fields{{"sourceRef": fields{"generatorRef": fields{"kind": kind, "name": w.Role}}}},
	})
}

func mountedClass(l *Lab, w *Workload, _ int) {
	parameters := fields{"roleName": w.Role, "vaultAddress": l.vaultURL(), "vaultAuthMountPath": w.Mount}
	if w.Audience != "" {
		parameters["audience"] = w.Audience
	}
	w.Audience = "vault" // also the driver's
	w.add("secrets-store.csi.x-k8s.io/v1", "secretproviderclasses", w.Role, fields{"provider": "vault", "parameters": parameters})
	volume := fields{"name": "secrets", "csi": fields{"driver": "secrets-store.csi.k8s.io", "readOnly": true, "volumeAttributes": fields{"secretProviderClass": w.Role}}}
	w.pod(nil, fields{"volumes": []fields{volume}})
}

func (w *Workload) issuer(l *Lab) fields {
	return fields{"vault": fields{
		"server": l.vaultURL(), "path": "pki/sign/x",
		"auth": fields{"kubernetes": fields{"mountPath": "/v1/auth/" + w.Mount, "role": w.Role, "serviceAccountRef": fields{"name": w.Account}}},
	}}
}

func issuerObject(l *Lab, w *Workload, _ int) {
	w.Audience = "vault://" + w.Namespace + "/" + w.Role
	w.add("cert-manager.io/v1", "issuers", w.Role, w.issuer(l))
}

func clusterIssuer(l *Lab, w *Workload, _ int) {
	w.Namespace, w.Audience = "cert-manager", "vault://"+w.Role
	w.objects = append(w.objects, in("cert-manager.io/v1", "", "clusterissuers", w.Role, w.issuer(l)))
}
