package discover

import (
	"cmp"
	"slices"
	"strings"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/workload"
)

// The Vault Secrets Operator.
// https://developer.hashicorp.com/vault/docs/deploy/kubernetes/vso/api-reference
const (
	operatorName  = "vault-secrets-operator"
	operatorGroup = "secrets.hashicorp.com"

	vaultAuthKind   = "VaultAuth"
	vaultAuthSource = "vaultauths." + operatorGroup

	// defaultName is that of the objects in the operator's namespace that are used where
	// another refers to none.
	defaultName = "default"
)

var operatorVersions = []string{"v1beta1"}

func operatorSource[T named](kind, plural, reads string, of func(*facts) collector[T]) Source {
	return Source{
		Kind: kind, Plural: plural, Group: operatorGroup, Versions: operatorVersions,
		Software: "Vault Secrets Operator", Reads: reads, list: into(of),
	}
}

var operatorSources = []Source{
	operatorSource(vaultAuthKind, "vaultauths", "kubernetes, mount, namespace, allowedNamespaces; its VaultAuthGlobal and VaultConnection",
		func(f *facts) collector[vaultAuth] { return &f.vaultAuths }),
	operatorSource("VaultAuthGlobal", "vaultauthglobals", "what a VaultAuth leaves out",
		func(f *facts) collector[vaultAuthGlobal] { return &f.vaultAuthGlobals }),
	operatorSource("VaultConnection", "vaultconnections", "address",
		func(f *facts) collector[vaultConnection] { return &f.vaultConnections }),
	operatorSource("VaultStaticSecret", "vaultstaticsecrets", "vaultAuthRef: the VaultAuth logs in as an account of this namespace",
		func(f *facts) collector[vaultSecret] { return &f.staticSecrets }),
	operatorSource("VaultDynamicSecret", "vaultdynamicsecrets", "vaultAuthRef, likewise",
		func(f *facts) collector[vaultSecret] { return &f.dynamicSecrets }),
	operatorSource("VaultPKISecret", "vaultpkisecrets", "vaultAuthRef, likewise",
		func(f *facts) collector[vaultSecret] { return &f.pkiSecrets }),
	operatorSource("CSISecrets", "csisecrets", "vaultAuthRef, likewise",
		func(f *facts) collector[csiSecrets] { return &f.csiSecrets }),
}

type vaultAuth struct {
	metadata
	Spec struct {
		VaultConnectionRef string
		VaultAuthGlobalRef *struct {
			Name, Namespace string
			AllowDefault    bool
		}
		Namespace, Method, Mount string
		AllowedNamespaces        []string
		Kubernetes               *operatorKubernetes
	}
}

type vaultAuthGlobal struct {
	metadata
	Spec struct {
		VaultConnectionRef                                     string
		DefaultVaultNamespace, DefaultAuthMethod, DefaultMount string
		AllowedNamespaces                                      []string
		Kubernetes                                             *operatorKubernetes
	}
}

// operatorKubernetes is how a VaultAuth logs in. Only in a VaultAuthGlobal has it a namespace
// and a mount.
type operatorKubernetes struct {
	Role, ServiceAccount, Namespace, Mount string
	Audiences                              []string
}

type vaultConnection struct {
	metadata
	Spec struct{ Address string }
}

// vaultSecret is one of the kinds that refer to a VaultAuth by name.
type vaultSecret struct {
	metadata
	Spec struct{ VaultAuthRef string }
}

type csiSecrets struct {
	metadata
	Spec struct {
		VaultAuthRef struct {
			Name, Namespace string
			TrustNamespace  bool
		}
	}
}

// operatorReference is that an object has the operator log in.
type operatorReference struct {
	object workload.Object
	source string
	to     string // a name, or namespace/name; empty for the default
	// namespace is that of the service account.
	namespace string
}

// operatorReferences returns those of all kinds that refer to a VaultAuth.
func (f *facts) operatorReferences() []operatorReference {
	var all []operatorReference
	for _, kind := range []struct {
		name, source string
		objects      []vaultSecret
	}{
		{"VaultStaticSecret", "vaultstaticsecrets", f.staticSecrets},
		{"VaultDynamicSecret", "vaultdynamicsecrets", f.dynamicSecrets},
		{"VaultPKISecret", "vaultpkisecrets", f.pkiSecrets},
	} {
		for _, s := range kind.objects {
			all = append(all, operatorReference{s.object(kind.name), kind.source + "." + operatorGroup, s.Spec.VaultAuthRef, s.Metadata.Namespace})
		}
	}
	for _, s := range f.csiSecrets {
		to := s.Spec.VaultAuthRef
		r := operatorReference{s.object("CSISecrets"), "csisecrets." + operatorGroup, to.Name, s.Metadata.Namespace}
		if to.Namespace != "" {
			r.to = to.Namespace + "/" + to.Name
			if to.TrustNamespace {
				r.namespace = to.Namespace
			}
		}
		all = append(all, r)
	}
	return all
}

// operatorObjects are the objects that references lead to.
type operatorObjects struct {
	auths       map[key]*vaultAuth
	globals     map[key]*vaultAuthGlobal
	connections map[key]*vaultConnection
	// home is the namespace of the operator, empty if it is not known.
	home string
	// complete is that of the facts.
	complete func(source, namespace string) bool
}

func (f *facts) resolveOperator(b *builder) {
	operator, _ := f.pods.operator(operatorName)
	objects := operatorObjects{
		byKey(f.vaultAuths), byKey(f.vaultAuthGlobals), byKey(f.vaultConnections), operator.namespace,
		f.complete,
	}
	used := map[key]bool{}
	for _, r := range f.operatorReferences() {
		k, why := objects.key(r.to, r.object.Namespace)
		auth := objects.auths[k]
		switch {
		case why != "":
			b.skip(r.object, why, 0)
			continue
		case auth == nil:
			if f.complete(vaultAuthSource, k.namespace) {
				b.skip(r.object, "its VaultAuth "+k.String()+" does not exist", 0)
			}
			continue
		}
		used[k] = true
		if !objects.allow(k, auth.Spec.AllowedNamespaces, r.object.Namespace) {
			b.skip(r.object, "its VaultAuth "+k.String()+" does not allow this namespace", 0)
			continue
		}
		l, kubernetes, why := objects.login(*auth)
		if !kubernetes {
			continue
		}
		if why != "" {
			b.skip(auth.object(vaultAuthKind), why, 0)
			continue
		}
		l.ServiceAccount.Namespace = r.namespace
		if b.add(l, vaultAuthSource, auth.object(vaultAuthKind), 0) {
			b.add(l, r.source, r.object, 0)
		}
	}
	for _, plural := range []string{"vaultstaticsecrets", "vaultdynamicsecrets", "vaultpkisecrets", "csisecrets"} {
		if !f.complete(plural+"."+operatorGroup, everywhere) {
			return
		}
	}
	objects.skipUnused(b, used)
}

// skipUnused notes each VaultAuth that nothing refers to: nobody logs in with it.
func (o operatorObjects) skipUnused(b *builder, used map[key]bool) {
	for k, auth := range o.auths {
		if _, kubernetes, _ := o.login(*auth); kubernetes && !used[k] {
			b.skip(auth.object(vaultAuthKind), "nothing refers to it", 0)
		}
	}
}

// key is what the operator makes of a reference: a name, namespace/name, or nothing for the
// default in its own namespace.
func (o operatorObjects) key(reference, namespace string) (_ key, why string) {
	if reference == "" {
		if o.home == "" {
			return key{}, "it uses the default in the operator's namespace, and no pod or more than one says which that is"
		}
		return key{o.home, defaultName}, ""
	}
	before, after, qualified := strings.Cut(reference, "/")
	switch {
	case !qualified:
		return key{namespace, before}, ""
	case strings.Contains(after, "/"):
		return key{}, "it has a reference that is not namespace/name"
	}
	return key{before, after}, ""
}

// allow reports whether an object of the operator may be used from a namespace.
func (o operatorObjects) allow(k key, allowed []string, namespace string) bool {
	return namespace == k.namespace || k == key{o.home, defaultName} ||
		len(allowed) == 1 && allowed[0] == "*" || slices.Contains(allowed, namespace)
}

// login returns the login of a VaultAuth, without the namespace of its account, or why
// it is none. It is false for other auth methods.
func (o operatorObjects) login(auth vaultAuth) (_ workload.Login, kubernetes bool, why string) {
	var global vaultAuthGlobal
	if auth.Spec.VaultAuthGlobalRef != nil {
		if global, why = o.globalOf(auth); why != "" {
			return workload.Login{}, auth.Spec.Method == "" || auth.Spec.Method == "kubernetes", why
		}
	}
	if cmp.Or(auth.Spec.Method, global.Spec.DefaultAuthMethod) != "kubernetes" {
		return workload.Login{}, false, ""
	}
	own, shared := orZero(auth.Spec.Kubernetes), orZero(global.Spec.Kubernetes)
	audiences := own.Audiences
	if len(audiences) == 0 {
		audiences = shared.Audiences
	}
	l := workload.Login{
		Namespace:      cmp.Or(auth.Spec.Namespace, shared.Namespace, global.Spec.DefaultVaultNamespace),
		Mount:          cmp.Or(auth.Spec.Mount, shared.Mount, global.Spec.DefaultMount),
		Role:           cmp.Or(own.Role, shared.Role),
		ServiceAccount: account("", cmp.Or(own.ServiceAccount, shared.ServiceAccount)),
		Audiences:      workload.JoinAudiences(audiences),
	}
	// Where the connection is not known, neither is the address.
	k, _ := o.key(cmp.Or(auth.Spec.VaultConnectionRef, global.Spec.VaultConnectionRef), auth.Metadata.Namespace)
	if connection := o.connections[k]; connection != nil {
		l.Address = connection.Spec.Address
	}
	return l, true, ""
}

// globalOf returns the VaultAuthGlobal that a VaultAuth refers to, or why there is none.
func (o operatorObjects) globalOf(auth vaultAuth) (_ vaultAuthGlobal, why string) {
	ref := *auth.Spec.VaultAuthGlobalRef
	candidates := []key{{cmp.Or(ref.Namespace, auth.Metadata.Namespace), ref.Name}}
	if ref.Name == "" {
		if !ref.AllowDefault {
			return vaultAuthGlobal{}, "its vaultAuthGlobalRef names no VaultAuthGlobal"
		}
		candidates = []key{{cmp.Or(ref.Namespace, auth.Metadata.Namespace), defaultName}}
		if ref.Namespace == "" && o.home != "" {
			candidates = append(candidates, key{o.home, defaultName})
		}
	}
	for _, k := range candidates {
		if global := o.globals[k]; global != nil {
			if !o.allow(k, global.Spec.AllowedNamespaces, auth.Metadata.Namespace) {
				return vaultAuthGlobal{}, "its VaultAuthGlobal " + k.String() + " does not allow this namespace"
			}
			return *global, ""
		}
	}
	for _, k := range candidates {
		if !o.complete("vaultauthglobals."+operatorGroup, k.namespace) {
			return vaultAuthGlobal{}, "the VaultAuthGlobals in " + k.namespace + " cannot be read"
		}
	}
	return vaultAuthGlobal{}, "its VaultAuthGlobal " + candidates[0].String() + " does not exist"
}

// orZero returns the value of a pointer, and of nil the zero value.
func orZero[T any](p *T) (value T) {
	if p != nil {
		value = *p
	}
	return value
}
