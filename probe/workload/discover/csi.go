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
	csiDriverSource     = "csidrivers.storage.k8s.io"
)

var csiSources = []Source{
	{
		Kind: providerClassKind, Plural: "secretproviderclasses", Group: csiGroup, Versions: []string{"v1", "v1alpha1"},
		Software: "Secrets Store CSI driver with Vault's provider",
		Reads:    "roleName, vaultAddress, vaultAuthMountPath, vaultNamespace, audience of the provider vault; with the service accounts of the pods that mount it",
		list:     into(func(f *facts) collector[providerClass] { return &f.providerClasses }),
	},
	{
		Kind: "CSIDriver", Plural: "csidrivers", Group: "storage.k8s.io", Versions: []string{"v1"}, ClusterScoped: true,
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

func (f *podFacts) addMounts(p pod, from origin, count int) {
	for _, v := range p.Spec.Volumes {
		if v.CSI.Driver != csiDriverName {
			continue
		}
		m := classMount{key{p.Metadata.Namespace, v.CSI.VolumeAttributes["secretProviderClass"]}, p.account()}
		if f.mounts[m] == nil {
			f.mounts[m] = map[origin]int{}
		}
		f.mounts[m][from] += count
	}
}

func (f *facts) resolveCSI(b *builder) {
	classes := byKey(f.providerClasses)
	provider, _ := f.pods.operator(csiProviderName)
	used := map[key]bool{}
	audience, known := f.csiDefaultAudience()
	for m, mounting := range f.pods.mounts {
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
		if parameter("audience") == "" && !known {
			b.skip(c.object(providerClassKind), "it names no audience, and the CSIDriver "+csiDriverName+", which says whether its token is for Vault, cannot be read", 0)
			continue
		}
		l := workload.Login{
			Address:        cmp.Or(parameter("vaultAddress"), provider.flags["vault-addr"]),
			Namespace:      cmp.Or(parameter("vaultNamespace"), provider.flags["vault-namespace"]),
			Mount:          cmp.Or(parameter("vaultAuthMountPath"), parameter("vaultKubernetesMountPath"), provider.flags["vault-mount"], "kubernetes"),
			Role:           parameter("roleName"),
			ServiceAccount: m.account,
			Audiences:      cmp.Or(parameter("audience"), audience),
		}
		if !b.add(l, providerClassSource, c.object(providerClassKind), 0) {
			continue
		}
		for from, pods := range mounting {
			b.add(l, from.source, from.object, pods)
		}
	}
	for k, c := range classes {
		if c.Spec.Provider == "vault" && !used[k] && f.complete(podSource, k.namespace) {
			b.skip(c.object(providerClassKind), "no pod mounts it now", 0)
		}
	}
}

// csiDefaultAudience is that of the token which the provider uses where a class names none: the
// kubelet's for the audience vault, if the driver asks for it, and else one that the provider
// requests, for the API server's default. It is not known if the drivers could not be read.
func (f *facts) csiDefaultAudience() (audience string, known bool) {
	for _, d := range f.csiDrivers {
		for _, t := range d.Spec.TokenRequests {
			if d.Metadata.Name == csiDriverName && t.Audience == "vault" {
				return "vault", true
			}
		}
	}
	return "", f.states[csiDriverSource] == workload.SourceRead
}
