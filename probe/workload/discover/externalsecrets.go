package discover

import (
	"cmp"
	"regexp"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/workload"
)

// The External Secrets Operator. https://external-secrets.io/latest/provider/hashicorp-vault/
const (
	externalSecretsName = "external-secrets"

	externalSecretsGroup = "external-secrets.io"
	generatorsGroup      = "generators.external-secrets.io"

	storeKind        = "SecretStore"
	clusterStoreKind = "ClusterSecretStore"
	generatorKind    = "VaultDynamicSecret"
)

var externalSecretsVersions = []string{"v1", "v1beta1", "v1alpha1"}

var externalSecretsSources = []Source{
	{
		Kind: storeKind, Plural: "secretstores", Group: externalSecretsGroup, Versions: externalSecretsVersions,
		Software: "External Secrets Operator", Reads: "provider.vault: server, namespace, auth.namespace, auth.kubernetes",
		list: into(func(f *facts) collector[secretStore] { return &f.secretStores }),
	},
	{
		Kind: clusterStoreKind, Plural: "clustersecretstores", Group: externalSecretsGroup, Versions: externalSecretsVersions, ClusterScoped: true,
		Software: "External Secrets Operator", Reads: "the same, and the conditions",
		list: into(func(f *facts) collector[secretStore] { return &f.clusterSecretStores }),
	},
	{
		Kind: "ExternalSecret", Plural: "externalsecrets", Group: externalSecretsGroup, Versions: externalSecretsVersions,
		Software: "External Secrets Operator", Reads: "which stores and generators it refers to: they log in as an account of this namespace",
		list: into(func(f *facts) collector[externalSecret] { return &f.externalSecrets }),
	},
	{
		Kind: "PushSecret", Plural: "pushsecrets", Group: externalSecretsGroup, Versions: []string{"v1alpha1"},
		Software: "External Secrets Operator", Reads: "the same",
		list: into(func(f *facts) collector[pushSecret] { return &f.pushSecrets }),
	},
	{
		Kind: generatorKind, Plural: "vaultdynamicsecrets", Group: generatorsGroup, Versions: []string{"v1alpha1"},
		Software: "External Secrets Operator", Reads: "provider, as of a store",
		list: into(func(f *facts) collector[generator] { return &f.generators }),
	},
	{
		Kind: "ClusterGenerator", Plural: "clustergenerators", Group: generatorsGroup, Versions: []string{"v1alpha1"}, ClusterScoped: true,
		Software: "External Secrets Operator", Reads: "the provider of a VaultDynamicSecret in it",
		list: into(func(f *facts) collector[clusterGenerator] { return &f.clusterGenerators }),
	},
}

// secretStore is a SecretStore or a ClusterSecretStore.
type secretStore struct {
	Metadata struct {
		Namespace, Name string
		Labels          map[string]string
	}
	Spec struct {
		Provider   struct{ Vault *vaultProvider }
		Conditions []storeCondition
	}
}

func (s secretStore) identity() (namespace, name string) {
	return s.Metadata.Namespace, s.Metadata.Name
}
func (s secretStore) key() key { return key{s.Metadata.Namespace, s.Metadata.Name} }

// storeCondition says which namespaces may use a ClusterSecretStore. One with a selector is
// taken to hold: labels of namespaces are not read.
type storeCondition struct {
	NamespaceSelector *struct{}
	Namespaces        []string
	NamespaceRegexes  []string
}

// vaultProvider is how the operator logs in. Auth methods are tried in a fixed order, in which
// a token and AppRole come before kubernetes.
type vaultProvider struct {
	Server, Namespace string
	Auth              struct {
		Namespace               string
		TokenSecretRef, AppRole *struct{}
		Kubernetes              *struct {
			MountPath, Role   string
			ServiceAccountRef *struct {
				Name, Namespace string
				Audiences       []string
			}
			SecretRef *struct{ Name string }
		}
	}
}

// storeReference names a store. An empty kind means SecretStore.
type storeReference struct {
	Kind, Name    string
	LabelSelector *metav1.LabelSelector // only in a PushSecret
}

type generatorReference struct{ Kind, Name string }

type externalSecret struct {
	metadata
	Spec struct {
		SecretStoreRef storeReference
		Data           []struct {
			SourceRef struct{ StoreRef storeReference }
		}
		DataFrom []struct {
			SourceRef struct {
				StoreRef     storeReference
				GeneratorRef generatorReference
			}
		}
	}
}

func (s externalSecret) references() ([]storeReference, []generatorReference) {
	stores, generators := []storeReference{s.Spec.SecretStoreRef}, []generatorReference{}
	for _, d := range s.Spec.Data {
		stores = append(stores, d.SourceRef.StoreRef)
	}
	for _, d := range s.Spec.DataFrom {
		stores, generators = append(stores, d.SourceRef.StoreRef), append(generators, d.SourceRef.GeneratorRef)
	}
	return stores, generators
}

type pushSecret struct {
	metadata
	Spec struct {
		SecretStoreRefs []storeReference
		Selector        struct{ GeneratorRef generatorReference }
	}
}

// generator is a VaultDynamicSecret.
type generator struct {
	metadata
	Spec struct{ Provider *vaultProvider }
}

type clusterGenerator struct {
	metadata
	Spec struct {
		Generator struct {
			VaultDynamicSecretSpec struct{ Provider *vaultProvider }
		}
	}
}

// storeUser is an object that has the operator log in as an account of its namespace.
type storeUser struct {
	object     workload.Object
	source     string
	stores     []storeReference
	generators []generatorReference
}

func (f *facts) resolveExternalSecrets(b *builder) {
	for _, s := range f.secretStores {
		f.addProvider(b, s.provider(storeKind, s.Metadata.Namespace))
	}
	stores, used := byKey(f.clusterSecretStores), map[key]bool{}
	for _, s := range f.clusterSecretStores {
		if !s.isReferent() {
			f.addProvider(b, s.provider(clusterStoreKind, ""))
		}
	}
	generators, clusterGenerators := byKey(f.generators), byKey(f.clusterGenerators)
	for _, u := range f.storeUsers() {
		for _, k := range f.clusterStoresOf(u) {
			s := stores[k]
			if s == nil || !s.isReferent() {
				continue
			}
			used[k] = true
			if !s.admits(u.object.Namespace) {
				b.skip(u.object, "the conditions of its ClusterSecretStore "+k.name+" do not admit this namespace", 0)
				continue
			}
			f.addUse(b, s.provider(clusterStoreKind, u.object.Namespace), u)
		}
		for _, g := range u.generators {
			if d := generators[key{u.object.Namespace, g.Name}]; g.Kind == generatorKind && d != nil {
				f.addUse(b, provider{d.Spec.Provider, d.object(g.Kind), "vaultdynamicsecrets." + generatorsGroup, u.object.Namespace, false}, u)
			}
			if d := clusterGenerators[key{"", g.Name}]; g.Kind == "ClusterGenerator" && d != nil {
				f.addUse(b, provider{d.Spec.Generator.VaultDynamicSecretSpec.Provider, d.object(g.Kind), "clustergenerators." + generatorsGroup, u.object.Namespace, false}, u)
			}
		}
	}
	if !f.complete("externalsecrets."+externalSecretsGroup, everywhere) || !f.complete("pushsecrets."+externalSecretsGroup, everywhere) {
		return
	}
	for k, s := range stores {
		if s.isReferent() && !used[k] {
			b.skip(workload.Object{Kind: clusterStoreKind, Name: k.name}, "nothing refers to it", 0)
		}
	}
}

// storeUsers are the objects that refer to stores and generators.
func (f *facts) storeUsers() []storeUser {
	var users []storeUser
	for _, s := range f.externalSecrets {
		u := storeUser{object: s.object("ExternalSecret"), source: "externalsecrets." + externalSecretsGroup}
		u.stores, u.generators = s.references()
		users = append(users, u)
	}
	for _, s := range f.pushSecrets {
		users = append(users, storeUser{
			s.object("PushSecret"), "pushsecrets." + externalSecretsGroup, s.Spec.SecretStoreRefs, []generatorReference{s.Spec.Selector.GeneratorRef},
		})
	}
	return users
}

// clusterStoresOf returns the ClusterSecretStores that an object refers to, each once.
func (f *facts) clusterStoresOf(u storeUser) []key {
	var keys []key
	for _, r := range u.stores {
		if r.Kind != clusterStoreKind {
			continue
		}
		if r.LabelSelector == nil {
			keys = append(keys, key{"", r.Name})
			continue
		}
		selector, err := metav1.LabelSelectorAsSelector(r.LabelSelector)
		for _, s := range f.clusterSecretStores {
			if err == nil && selector.Matches(labels.Set(s.Metadata.Labels)) {
				keys = append(keys, s.key())
			}
		}
	}
	slices.SortFunc(keys, func(a, b key) int { return cmp.Compare(a.name, b.name) })
	return slices.Compact(keys)
}

// isReferent reports whether a ClusterSecretStore logs in as an account of the namespace that
// refers to it.
func (s secretStore) isReferent() bool {
	v := s.Spec.Provider.Vault
	return v != nil && v.Auth.Kubernetes != nil && v.Auth.Kubernetes.ServiceAccountRef != nil && v.Auth.Kubernetes.ServiceAccountRef.Namespace == ""
}

// admits reports whether the conditions of a ClusterSecretStore let a namespace use it.
func (s secretStore) admits(namespace string) bool {
	for _, c := range s.Spec.Conditions {
		matches := func(pattern string) bool { ok, err := regexp.MatchString(pattern, namespace); return err == nil && ok }
		if c.NamespaceSelector != nil || slices.Contains(c.Namespaces, namespace) || slices.ContainsFunc(c.NamespaceRegexes, matches) {
			return true
		}
	}
	return len(s.Spec.Conditions) == 0
}

// provider is how an object of a source logs in, which may be with no Vault at all.
type provider struct {
	vault  *vaultProvider
	object workload.Object
	source string
	// namespace is that of its account. In a ClusterSecretStore the account may name another.
	namespace   string
	clusterWide bool
}

func (s secretStore) provider(kind, namespace string) provider {
	p := provider{
		s.Spec.Provider.Vault, workload.Object{Kind: kind, Namespace: s.Metadata.Namespace, Name: s.Metadata.Name},
		"secretstores." + externalSecretsGroup, namespace, false,
	}
	if kind == clusterStoreKind {
		p.source, p.clusterWide = "clustersecretstores."+externalSecretsGroup, true
	}
	return p
}

// addUse adds the login of a provider that an object has the operator use.
func (f *facts) addUse(b *builder, p provider, u storeUser) {
	if f.addProvider(b, p) {
		p.object, p.source = u.object, u.source
		f.addProvider(b, p)
	}
}

// addProvider adds the login of a provider, and returns whether it has one.
func (f *facts) addProvider(b *builder, p provider) bool {
	v := p.vault
	if v == nil || v.Auth.Kubernetes == nil || v.Auth.TokenSecretRef != nil || v.Auth.AppRole != nil {
		return false // another auth method
	}
	k := v.Auth.Kubernetes
	l := workload.Login{
		Address: v.Server, Namespace: cmp.Or(v.Auth.Namespace, v.Namespace), Mount: cmp.Or(k.MountPath, "kubernetes"), Role: k.Role,
	}
	switch ref := k.ServiceAccountRef; {
	case ref != nil && p.clusterWide:
		l.ServiceAccount, l.Audiences = account(cmp.Or(ref.Namespace, p.namespace), ref.Name), workload.JoinAudiences(ref.Audiences)
	case ref != nil:
		l.ServiceAccount, l.Audiences = account(p.namespace, ref.Name), workload.JoinAudiences(ref.Audiences)
	case k.SecretRef != nil:
		b.skip(p.object, "it logs in with a token from the Secret "+k.SecretRef.Name+", and Secrets are not read", 0)
		return false
	default:
		operator, known := f.pods.operator(externalSecretsName)
		if !known {
			b.skip(p.object, "it logs in as the operator, and no pod or more than one says as whom that runs", 0)
			return false
		}
		l.ServiceAccount = account(operator.namespace, operator.account)
	}
	return b.add(l, p.source, p.object, 0)
}
