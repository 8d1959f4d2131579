package discover

import (
	"slices"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/workload"
)

// facts is what one reading keeps of the objects until all are read.
type facts struct {
	namespaces []string                        // that are read; empty means all
	states     map[string]workload.SourceState // by the source's name
	refused    map[string][]string             // the namespaces that were, by the source's name
	malformed  []workload.Object

	pods      podFacts
	templates map[string][]pod // by the kind of what has no pod now
	accounts  accountFacts

	vaultAuths       all[vaultAuth]
	vaultAuthGlobals all[vaultAuthGlobal]
	vaultConnections all[vaultConnection]
	staticSecrets    all[vaultSecret]
	dynamicSecrets   all[vaultSecret]
	pkiSecrets       all[vaultSecret]
	csiSecrets       all[csiSecrets]

	secretStores        all[secretStore]
	clusterSecretStores all[secretStore]
	externalSecrets     all[externalSecret]
	pushSecrets         all[pushSecret]
	generators          all[generator]
	clusterGenerators   all[clusterGenerator]

	providerClasses all[providerClass]
	csiDrivers      all[csiDriver]

	issuers        all[issuer]
	clusterIssuers all[issuer]
}

func newFacts(namespaces []string) *facts {
	f := &facts{namespaces: namespaces, states: map[string]workload.SourceState{}, refused: map[string][]string{}, templates: map[string][]pod{}}
	f.pods.discard()
	return f
}

// resolve says who logs in, from all that was read.
func (f *facts) resolve() *builder {
	b := f.pods.found
	for _, o := range f.malformed {
		b.skip(o, "a field of it has another type than documented", 0)
	}
	f.resolveTemplates()
	f.accounts.resolve(b)
	f.resolveOperator(b)
	f.resolveExternalSecrets(b)
	f.resolveCSI(b)
	f.resolveCertManager(b)
	return b
}

// markMissing marks the entries whose account does not exist. Without a complete list of the
// accounts in its namespace it marks none.
func (f *facts) markMissing(entries []workload.Entry) {
	for _, o := range f.malformed {
		if o.Kind == accountKind {
			f.accounts[key{o.Namespace, o.Name}] = ""
		}
	}
	for i, e := range entries {
		_, exists := f.accounts[key{e.ServiceAccount.Namespace, e.ServiceAccount.Name}]
		entries[i].AccountMissing = !exists && f.complete(accountSource, e.ServiceAccount.Namespace)
	}
}

// everywhere is no namespace, but all of them.
const everywhere = ""

// complete reports whether everything that a source has in a namespace was read, so that what is
// missing does not exist.
func (f *facts) complete(source, namespace string) bool {
	if len(f.namespaces) > 0 && !slices.Contains(f.namespaces, namespace) {
		return false
	}
	switch f.states[source] {
	case workload.SourceRead, workload.SourceNotInstalled:
		return true
	case workload.SourcePartial:
		return !slices.Contains(f.refused[source], namespace)
	}
	return false
}

// metadata is what most kinds are identified by.
type metadata struct {
	Metadata struct{ Namespace, Name string }
}

func (m metadata) identity() (namespace, name string) { return m.Metadata.Namespace, m.Metadata.Name }
func (m metadata) key() key                           { return key{m.Metadata.Namespace, m.Metadata.Name} }
func (m metadata) object(kind string) workload.Object {
	return workload.Object{Kind: kind, Namespace: m.Metadata.Namespace, Name: m.Metadata.Name}
}

// key identifies an object of a kind.
type key struct{ namespace, name string }

func (k key) String() string {
	if k.namespace == "" {
		return k.name
	}
	return k.namespace + "/" + k.name
}

// byKey returns the objects by their key.
func byKey[T interface{ key() key }](items []T) map[key]*T {
	m := make(map[key]*T, len(items))
	for i := range items {
		m[items[i].key()] = &items[i]
	}
	return m
}

func account(namespace, name string) evidence.ServiceAccount {
	return evidence.ServiceAccount{Namespace: namespace, Name: name}
}
