package main

import (
	"github.com/prometheus/common/version"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/internal/config"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/workload/discover"
)

// newInventoryReader returns what reads who logs in from the cluster: of a kubeconfig if one is
// named or this is no pod, otherwise the pod's own.
func newInventoryReader(f workloadFlags, settings config.Config) *discover.Reader {
	agent := "vault-k8s-auth-exporter/" + version.Version
	reader := discover.FromKubeconfig(f.kubeconfig, f.context, agent)
	if home := settings.OwnCluster(); f.kubeconfig == "" && f.context == "" && home != (evidence.Kubernetes{}) {
		reader = discover.InCluster(home, agent)
	}
	reader.Namespaces = settings.Workloads.Namespaces
	return reader
}
