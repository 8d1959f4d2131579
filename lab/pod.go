package lab

import (
	"context"
	"errors"
	"net"
	"net/http"
	"os"
	"path/filepath"
)

// LeaseNamespace and LeaseName are the Lease that the account of the exporter's pod may have.
const (
	LeaseNamespace = "monitoring"
	LeaseName      = "vault-k8s-auth-exporter"
)

// podAccount is the service account of the exporter's own pod.
var podAccount = account{LeaseNamespace, "exporter", issuer}

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
	if err := l.cluster.allowLeaderElection(ctx); err != nil {
		return Pod{}, err
	}
	token, err := healthyToken(ctx, l.cluster, podAccount)
	if err != nil {
		return Pod{}, err
	}
	host, port, err := net.SplitHostPort(l.kubernetesProxy.address)
	if err != nil {
		return Pod{}, err
	}
	files := l.path("pod")
	if err := os.MkdirAll(files, 0o700); err != nil {
		return Pod{}, err
	}
	return Pod{files, []string{"KUBERNETES_SERVICE_HOST=" + host, "KUBERNETES_SERVICE_PORT=" + port}}, errors.Join(
		replaceFile(filepath.Join(files, "ca.crt"), l.cluster.ca.PEM),
		replaceFile(filepath.Join(files, "token"), []byte(token)),
		replaceFile(filepath.Join(files, "namespace"), []byte(LeaseNamespace)),
	)
}

func (c *cluster) allowLeaderElection(ctx context.Context) error {
	const group, role = "coordination.k8s.io", "exporter"
	if err := c.create(ctx, podAccount); err != nil {
		return err
	}
	for kind, object := range map[string]fields{
		"roles": {"metadata": fields{"name": role}, "rules": []fields{
			{"apiGroups": []string{group}, "resources": []string{"leases"}, "verbs": []string{"create"}},
			{"apiGroups": []string{group}, "resources": []string{"leases"}, "resourceNames": []string{LeaseName}, "verbs": []string{"get", "update"}},
		}},
		"rolebindings": {
			"metadata": fields{"name": role},
			"roleRef":  fields{"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": role},
			"subjects": []fields{podAccount.subject()},
		},
	} {
		err := c.post(ctx, rbacPath+"namespaces/"+LeaseNamespace+"/"+kind, object, nil)
		if err := ignoreStatus(err, http.StatusConflict, "AlreadyExists"); err != nil {
			return err
		}
	}
	return nil
}
