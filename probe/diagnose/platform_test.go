package diagnose

import (
	"slices"
	"strings"
	"testing"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
)

func TestPlatformAt(t *testing.T) {
	const service, cluster = "https://10.96.0.1:443", "https://kubernetes.default.svc.cluster.local"
	for _, test := range []struct{ host, issuer, subject, want string }{
		{"https://0123456789ABCDEF.gr7.eu-central-1.eks.amazonaws.com", "", "", "EKS"},
		{"https://0123456789ABCDEF.yl4.cn-north-1.eks.amazonaws.com.cn/", "", "", "EKS"},
		{"https://abc.eks-cluster.eu-west-1.api.aws", "", "", "EKS"},
		{"https://172.20.0.1:443", "https://oidc.eks.eu-west-1.amazonaws.com/id/0123456789ABCDEF", "", "EKS"},
		{service, "https://container.googleapis.com/v1/projects/p/locations/europe-west1/clusters/c", "", "GKE"},
		{"https://gke-0123456789abcdef-1234567890.europe-west1.gke.goog", "https://container.googleapis.com/v1/projects/p/locations/europe-west1/clusters/c", "", "GKE"},
		{"https://demo-dns-12345678.hcp.westeurope.azmk8s.io:443", "", "", "AKS"},
		{service, `"https://demo-dns-12345678.hcp.westeurope.azmk8s.io"`, "", "AKS"},
		{service, "https://westeurope.oic.prod-aks.azure.com/tenant/issuer/", "", "AKS"},
		{"https://api.ocp.example.com:6443", "https://kubernetes.default.svc", "", "OpenShift"},
		{"https://172.30.0.1:443", "https://kubernetes.default.svc", "", "OpenShift"},
		{"https://api.demo.a1b2.p1.openshiftapps.com:6443", cluster, "", "OpenShift"},
		{"https://api-int.ocp.example.com:6443", cluster, "", "OpenShift"},
		{"https://rancher.example.com/k8s/clusters/c-m-abcd1234", cluster, "", "Rancher"},
		{service, cluster, "CN=k3s,O=k3s", "k3s"},
		{"https://0b1c2d3e.k8s.ondigitalocean.com", cluster, "", "DigitalOcean Kubernetes"},

		{service, cluster, "CN=kube-apiserver", ""},
		{service, "https://kubernetes.default.svc", "", ""},                // microk8s, the lab
		{"https://api.example.com:6443", cluster, "CN=kube-apiserver", ""}, // kubeadm
		{"https://api.example.com", "https://kubernetes.default.svc", "", ""},
		{"https://eks.amazonaws.com.example.com", cluster, "", ""},
	} {
		e := evidence.Evidence{
			CanaryToken:           evidence.Fact[evidence.Claims]{State: evidence.Answered, Value: evidence.Claims{Issuer: test.issuer}},
			KubernetesCertificate: evidence.Certificate{Subject: test.subject},
		}
		if got := platformAt(test.host, e).name; got != test.want {
			t.Errorf("%s, issuer %s, certificate %s: %q, want %q", test.host, test.issuer, test.subject, got, test.want)
		}
	}
}

// TestManagedClustersHaveNoKubeadm reads every piece of advice that names what to do on the
// control plane.
func TestManagedClustersHaveNoKubeadm(t *testing.T) {
	target := evidence.Target{Kubernetes: evidence.Kubernetes{Host: "https://0123456789ABCDEF.gr7.eu-central-1.eks.amazonaws.com"}}
	var e evidence.Evidence
	for _, reason := range Reasons() {
		if notes := strings.Join(reason.Advice(target, e).Notes, "\n"); strings.Contains(notes, "kubeadm") {
			t.Errorf("%s: %s", reason, notes)
		}
	}
	if notes := ReviewerExpired.Advice(target, e).Notes; !slices.ContainsFunc(notes, func(note string) bool { return strings.Contains(note, "at most 24 h on EKS") }) {
		t.Errorf("the advice on an expired reviewer does not say how long tokens are valid on EKS: %q", notes)
	}
}
