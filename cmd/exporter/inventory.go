package main

import (
	"fmt"

	"github.com/prometheus/common/version"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/internal/config"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/workload/discover"
)

// newInventoryReader returns what reads who logs in from the cluster: of a kubeconfig if one is
// named or this is not a pod, otherwise the pod's own. The error is one of usage.
func newInventoryReader(f workloadFlags, settings config.Config) (*discover.Reader, error) {
	agent := "vault-k8s-auth-exporter/" + version.Version
	var reader *discover.Reader
	if home := settings.OwnCluster(); f.kubeconfig == "" && f.context == "" && home != (evidence.Kubernetes{}) {
		reader = discover.InCluster(home, agent)
	} else {
		var err error
		reader, err = discover.FromKubeconfig(f.kubeconfig, f.context, agent)
		if err != nil {
			return nil, fmt.Errorf("%w; allowed: the path of a kubeconfig in --kubeconfig or KUBECONFIG, and one of its contexts in --context", err)
		}
	}
	reader.Namespaces = settings.Workloads.Namespaces
	return reader, nil
}
