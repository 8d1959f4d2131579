package lab

import (
	"context"
	"errors"
	"net"
	"net/http"
	"os"
	"path/filepath"
)

const (
	// exporterAccount is the service account of the exporter's own pod.
	exporterAccount  = "exporter"
	exporterAccounts = "/api/v1/namespaces/" + LeaseNamespace + "/serviceaccounts"
	// LeaseNamespace and LeaseName are the Lease that the account of the exporter's pod may have.
	LeaseNamespace = canaryNamespace
	LeaseName      = "vault-k8s-auth-exporter"
)

// A Pod is what Kubernetes gives the exporter's pod of its own cluster.
type Pod struct {
	// Files is the directory with ca.crt, token and namespace, which is mounted into a real pod.
	Files string
	// Env says where the API server is, on the same way that the exporter's probes take.
	Env []string
}

// Pod gives the exporter a pod's identity. All it may is what leader election takes: create Leases in its namespace, read
// and update its own.
func (l *Lab) Pod(ctx context.Context) (Pod, error) {
	if err := l.cluster.letExporterLead(ctx); err != nil {
		return Pod{}, err
	}
	var answer struct {
		Status struct {
			Token string `json:"token"`
		} `json:"status"`
	}
	if err := l.cluster.post(ctx, exporterAccounts+"/"+exporterAccount+"/token", fields{"spec": fields{}}, &answer); err != nil {
		return Pod{}, err
	}
	host, port, err := net.SplitHostPort(l.toKubernetes.address)
	if err != nil {
		return Pod{}, err
	}
	files := l.path("pod")
	if err := os.MkdirAll(files, 0o700); err != nil {
		return Pod{}, err
	}
	return Pod{files, []string{"KUBERNETES_SERVICE_HOST=" + host, "KUBERNETES_SERVICE_PORT=" + port}}, errors.Join(
		replaceFile(filepath.Join(files, "ca.crt"), l.cluster.ca.PEM),
		replaceFile(filepath.Join(files, "token"), []byte(answer.Status.Token)),
		replaceFile(filepath.Join(files, "namespace"), []byte(LeaseNamespace)),
	)
}

func (c *cluster) letExporterLead(ctx context.Context) error {
	const (
		roles    = "/apis/rbac.authorization.k8s.io/v1/namespaces/" + LeaseNamespace + "/roles"
		bindings = "/apis/rbac.authorization.k8s.io/v1/namespaces/" + LeaseNamespace + "/rolebindings"
		group    = "coordination.k8s.io"
	)
	for path, object := range map[string]fields{
		exporterAccounts: {"metadata": fields{"name": exporterAccount}},
		roles: {"metadata": fields{"name": exporterAccount}, "rules": []fields{
			{"apiGroups": []string{group}, "resources": []string{"leases"}, "verbs": []string{"create"}},
			{"apiGroups": []string{group}, "resources": []string{"leases"}, "resourceNames": []string{LeaseName}, "verbs": []string{"get", "update"}},
		}},
		bindings: {
			"metadata": fields{"name": exporterAccount},
			"roleRef":  fields{"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": exporterAccount},
			"subjects": []fields{{"kind": "ServiceAccount", "namespace": LeaseNamespace, "name": exporterAccount}},
		},
	} {
		if err := unless(c.post(ctx, path, object, nil), http.StatusConflict, "AlreadyExists"); err != nil {
			return err
		}
	}
	return nil
}
