package discover

import (
	"cmp"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/workload"
)

// The Secrets Store CSI driver, and Vault's provider for it.
// https://developer.hashicorp.com/vault/docs/deploy/kubernetes/csi/configurations
const (
	csiDriverName   = "secrets-store.csi.k8s.io"
	csiProviderName = "vault-csi-provider"

	providerClassKind   = "SecretProviderClass"
	csiGroup            = "secrets-store.csi.x-k8s.io"
	providerClassSource = "secretproviderclasses." + csiGroup
)

var csiSources = []Source{
	{
		Kind: providerClassKind, Plural: "secretproviderclasses", Group: csiGroup, Versions: []string{"v1", "v1alpha1"},
		Software: "Secrets Store CSI driver with Vault's provider",
		Reads:    "roleName, vaultAddress, vaultAuthMountPath, vaultNamespace, audience of the provider vault; with the service accounts of the pods that mount it",
		list:     into(func(f *facts) collector[providerClass] { return &f.providerClasses }),
	},
	{
		Kind: "CSIDriver", Plural: "csidrivers", Group: "storage.k8s.io", Versions: []string{"v1"},
		Software: "Secrets Store CSI driver",
		Reads:    "whether the kubelet gives the driver a token for the audience vault",
		list:     into(func(f *facts) collector[csiDriver] { return &f.csiDrivers }),
	},
}

type providerClass struct {
	metadata
	Spec struct {
		Provider   string
		Parameters map[string]string
	}
}

type csiDriver struct {
	metadata
	Spec struct {
		TokenRequests []struct{ Audience string }
	}
}

// classMount is that pods of an account mount a SecretProviderClass.
type classMount struct {
	class   key
	account evidence.ServiceAccount
}

func (f *podFacts) addMounts(p pod, owner workload.Object, count int) {
	for _, v := range p.Spec.Volumes {
		if v.CSI.Driver != csiDriverName {
			continue
		}
		m := classMount{key{p.Metadata.Namespace, v.CSI.VolumeAttributes["secretProviderClass"]}, p.account()}
		if f.mounts[m] == nil {
			f.mounts[m] = map[workload.Object]int{}
		}
		f.mounts[m][owner] += count
	}
}

func (f *facts) resolveCSI(b *builder) {
	classes := byKey(f.providerClasses)
	provider, _ := f.pods.operator(csiProviderName)
	used := map[key]bool{}
	for m, owners := range f.pods.mounts {
		c := classes[m.class]
		if c == nil || c.Spec.Provider != "vault" {
			continue
		}
		used[m.class] = true
		parameter := func(name string) string { return c.Spec.Parameters[name] }
		if parameter("vaultKubernetesMountPath") != "" && parameter("vaultAuthMountPath") != "" {
			b.skip(c.object(providerClassKind), "it sets vaultKubernetesMountPath and vaultAuthMountPath, which the provider refuses", 0)
			continue
		}
		l := workload.Login{
			Address:        cmp.Or(parameter("vaultAddress"), provider.flags["vault-addr"]),
			Namespace:      cmp.Or(parameter("vaultNamespace"), provider.flags["vault-namespace"]),
			Mount:          cmp.Or(parameter("vaultAuthMountPath"), parameter("vaultKubernetesMountPath"), provider.flags["vault-mount"], "kubernetes"),
			Role:           parameter("roleName"),
			ServiceAccount: m.account,
			Audiences:      cmp.Or(parameter("audience"), f.csiDefaultAudience()),
		}
		if !b.add(l, providerClassSource, c.object(providerClassKind), 0) {
			continue
		}
		for owner, pods := range owners {
			b.add(l, podSource, owner, pods)
		}
	}
	if !f.complete(podSource) {
		return
	}
	for k, c := range classes {
		if c.Spec.Provider == "vault" && !used[k] {
			b.skip(c.object(providerClassKind), "no pod mounts it now", 0)
		}
	}
}

// csiDefaultAudience is that of the token which the provider uses where a class names none: the
// kubelet's for the audience vault, if the driver asks for it, and else one that the provider
// requests, for the API server's default.
func (f *facts) csiDefaultAudience() string {
	for _, d := range f.csiDrivers {
		for _, t := range d.Spec.TokenRequests {
			if d.Metadata.Name == csiDriverName && t.Audience == "vault" {
				return "vault"
			}
		}
	}
	return ""
}
