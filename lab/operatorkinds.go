package lab

import (
	"context"
	"fmt"
	"net/http"
	"strings"
)

// A manifest is an object and the path of its collection.
type manifest struct {
	path string
	body fields
}

// A crd is a kind of an operator, without a schema: the lab needs only that its objects are stored.
type crd struct {
	group, kind, plural string
	versions            []string // the first one is stored
	clusterWide         bool
}

// crds are the kinds of the operators that log in to Vault, with their groups and versions.
var crds = []crd{
	{"secrets.hashicorp.com", "VaultAuth", "vaultauths", []string{"v1beta1"}, false},
	{"secrets.hashicorp.com", "VaultAuthGlobal", "vaultauthglobals", []string{"v1beta1"}, false},
	{"secrets.hashicorp.com", "VaultConnection", "vaultconnections", []string{"v1beta1"}, false},
	{"secrets.hashicorp.com", "VaultStaticSecret", "vaultstaticsecrets", []string{"v1beta1"}, false},
	{"secrets.hashicorp.com", "VaultDynamicSecret", "vaultdynamicsecrets", []string{"v1beta1"}, false},
	{"secrets.hashicorp.com", "VaultPKISecret", "vaultpkisecrets", []string{"v1beta1"}, false},
	{"secrets.hashicorp.com", "CSISecrets", "csisecrets", []string{"v1beta1"}, false},
	{"external-secrets.io", "SecretStore", "secretstores", []string{"v1", "v1beta1"}, false},
	{"external-secrets.io", "ClusterSecretStore", "clustersecretstores", []string{"v1", "v1beta1"}, true},
	{"external-secrets.io", "ExternalSecret", "externalsecrets", []string{"v1", "v1beta1"}, false},
	{"external-secrets.io", "PushSecret", "pushsecrets", []string{"v1alpha1"}, false},
	{"generators.external-secrets.io", "VaultDynamicSecret", "vaultdynamicsecrets", []string{"v1alpha1"}, false},
	{"generators.external-secrets.io", "ClusterGenerator", "clustergenerators", []string{"v1alpha1"}, true},
	{"secrets-store.csi.x-k8s.io", "SecretProviderClass", "secretproviderclasses", []string{"v1", "v1alpha1"}, false},
	{"cert-manager.io", "Issuer", "issuers", []string{"v1"}, false},
	{"cert-manager.io", "ClusterIssuer", "clusterissuers", []string{"v1"}, true},
}

func (c crd) body() fields {
	versions := []fields{}
	for i, v := range c.versions {
		versions = append(versions, fields{
			"name": v, "served": true, "storage": i == 0,
			"schema": fields{"openAPIV3Schema": fields{"type": "object", "x-kubernetes-preserve-unknown-fields": true}},
		})
	}
	scope := "Namespaced"
	if c.clusterWide {
		scope = "Cluster"
	}
	return fields{
		"metadata": fields{"name": c.plural + "." + c.group},
		"spec": fields{
			"group": c.group, "scope": scope, "versions": versions,
			"names": fields{"kind": c.kind, "plural": c.plural, "singular": strings.ToLower(c.kind), "listKind": c.kind + "List"},
		},
	}
}

// installOperatorKinds returns when the API server serves the kinds of the operators.
func (c *cluster) installOperatorKinds(ctx context.Context) error {
	for _, kind := range crds {
		if err := c.apply(ctx, "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", kind.body()); err != nil {
			return err
		}
	}
	for _, kind := range crds {
		path := "/apis/" + kind.group + "/" + kind.versions[0] + "/" + kind.plural
		if err := poll(ctx, func(ctx context.Context) error { return c.get(ctx, path, nil) }); err != nil {
			return fmt.Errorf("waiting for %s: %w", kind.plural, err)
		}
	}
	return nil
}

// in is an object with a spec; without a namespace, of a kind of the whole cluster.
func in(version, namespace, plural, name string, spec fields) manifest {
	path := "/apis/" + version + "/"
	if namespace != "" {
		path += "namespaces/" + namespace + "/"
	}
	for _, c := range crds {
		if c.plural == plural && strings.HasPrefix(version, c.group+"/") {
			return manifest{path + plural, fields{"apiVersion": version, "kind": c.kind, "metadata": fields{"name": name}, "spec": spec}}
		}
	}
	panic("no kind of the lab is " + plural + " in " + version)
}

// apply creates an object, and returns nil if it exists already.
func (c *cluster) apply(ctx context.Context, path string, body fields) error {
	return ignoreStatus(c.post(ctx, path, body, nil), http.StatusConflict, "AlreadyExists")
}
