package lab

import (
	"context"
	"errors"
	"net"
	"net/http"
	"os"
	"path/filepath"
)

// LeaseNamespace and LeaseName identify the Lease that the exporter's pod may use.
const (
	LeaseNamespace = "monitoring"
	LeaseName      = "vault-k8s-auth-exporter"
)

// podAccount is the service account of the exporter's pod.
var podAccount = account{LeaseNamespace, "exporter", issuer}

// A Pod is what Kubernetes gives a process in a pod to reach its own API server.
type Pod struct {
	// Files is a directory with ca.crt, token and namespace, like the one that is mounted into every pod.
	Files string
	// Env has KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT. They point to the same proxy as the exporter's
	// probes.
	Env []string
}

// Pod creates a service account for the exporter's pod, and its files. The account may do what leader election needs
// and no more: create Leases in its namespace, and get and update its own.
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
		ReplaceFile(filepath.Join(files, "ca.crt"), l.cluster.ca.PEM),
		ReplaceFile(filepath.Join(files, "token"), []byte(token)),
		ReplaceFile(filepath.Join(files, "namespace"), []byte(LeaseNamespace)),
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
