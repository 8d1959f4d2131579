package rehearse

import (
	"cmp"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/diagnose"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/workload"
)

// Assigned is a login with the target at which it is rehearsed.
type Assigned struct {
	workload.Entry
	// Target is nil if no target watches the mount.
	Target *evidence.Target
	// Elsewhere is zero if Target is not nil.
	Elsewhere Elsewhere
}

// Elsewhere is a target that watches a mount of the same name at another address, perhaps of the same
// Vault. It is zero if there is none.
type Elsewhere struct{ Target, Address string }

// Assign returns the entries with the target that watches the same mount and namespace of the same
// Vault, at its address or one of its aliases. A login that names no address belongs to any Vault; one that names no namespace belongs to
// the root or, if no target is there, to any namespace. Of several targets, those that see
// Kubernetes as the exporter's own cluster come first, then the order is that of their names.
func Assign(entries []workload.Entry, targets []evidence.Target) []Assigned {
	ordered := make([]*evidence.Target, 0, len(targets))
	for _, t := range targets {
		ordered = append(ordered, &t)
	}
	slices.SortStableFunc(ordered, func(a, b *evidence.Target) int {
		return cmp.Or(cmp.Compare(foreign(a), foreign(b)), strings.Compare(a.Name, b.Name))
	})
	byMount := map[string][]watcher{}
	for _, t := range ordered {
		w := watcher{target: t}
		for _, address := range append([]string{t.Vault.Addr}, t.Vault.Aliases...) {
			w.addresses = append(w.addresses, canonical(address))
		}
		byMount[t.Vault.Mount] = append(byMount[t.Vault.Mount], w)
	}
	assigned := make([]Assigned, 0, len(entries))
	for _, e := range entries {
		a := Assigned{Entry: e}
		a.Target, a.Elsewhere = targetOf(e.Login, byMount[e.Mount])
		assigned = append(assigned, a)
	}
	return assigned
}

// watcher is a target with the addresses of its Vault, in the form in which equal ones are equal.
type watcher struct {
	target    *evidence.Target
	addresses []string
}

// AssignAll returns the entries with this target, whatever their mounts are.
func AssignAll(entries []workload.Entry, target evidence.Target) []Assigned {
	assigned := make([]Assigned, 0, len(entries))
	for _, e := range entries {
		assigned = append(assigned, Assigned{Entry: e, Target: &target})
	}
	return assigned
}

// missingAccount returns the verdict on a login whose service account does not exist. Vault is not
// asked: it would say the same whether the account exists or not.
func (a Assigned) missingAccount() diagnose.WorkloadVerdict {
	var target evidence.Target
	if a.Target != nil {
		target = *a.Target
	}
	return diagnose.JudgeRehearsal(target, evidence.Rehearsal{
		Login: evidence.WorkloadLogin{Role: a.Role, ServiceAccount: a.ServiceAccount, AccountMissing: a.AccountMissing},
	})
}

func targetOf(l workload.Login, ofMount []watcher) (_ *evidence.Target, elsewhere Elsewhere) {
	address, wanted := canonical(l.Address), strings.Trim(l.Namespace, "/")
	var inNamespace *evidence.Target
	for _, w := range ofMount {
		vault := w.target.Vault
		exact := strings.Trim(vault.Namespace, "/") == wanted
		switch {
		case !exact && wanted != "":
		case l.Address != "" && !slices.Contains(w.addresses, address):
			elsewhere = cmp.Or(elsewhere, Elsewhere{w.target.Name, vault.Addr})
		case exact:
			return w.target, Elsewhere{}
		default:
			inNamespace = cmp.Or(inNamespace, w.target)
		}
	}
	if inNamespace != nil {
		return inNamespace, Elsewhere{}
	}
	return nil, elsewhere
}

// unwatched says why no target rehearses a login.
func (a Assigned) unwatched() string {
	if a.Elsewhere == (Elsewhere{}) {
		return "no target watches this mount"
	}
	return fmt.Sprintf("no target watches this mount at %s; %s watches it at %s: if both are the same Vault, add this address to its vault_aliases",
		a.Address, a.Elsewhere.Target, a.Elsewhere.Address)
}

// foreign is 1 for targets of another cluster than the exporter's own, where that is known.
func foreign(t *evidence.Target) int {
	if t.Home.Host == "" || t.Kubernetes.IsServedAt(t.Home.Host) {
		return 0
	}
	return 1
}

// canonical returns a URL in a form in which those that differ in writing alone are equal. The names of
// a Service differ in their ends, and IPv6 addresses in their zeros.
func canonical(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return address
	}
	host := strings.TrimSuffix(strings.ToLower(u.Hostname()), ".")
	if ip, err := netip.ParseAddr(host); err == nil {
		host = ip.Unmap().String()
	} else if labels := strings.Split(host, "."); len(labels) > 2 && labels[2] == "svc" {
		host = labels[0] + "." + labels[1]
	}
	port := cmp.Or(u.Port(), map[string]string{"https": "443", "http": "80"}[u.Scheme])
	return strings.ToLower(u.Scheme) + "://" + net.JoinHostPort(host, port) + strings.TrimRight(u.Path, "/")
}

// UnwatchedMount is a mount that no target watches.
type UnwatchedMount struct {
	// Login has the address, the namespace and the mount; the rest of it is empty.
	Login     workload.Login
	Logins    int // how many there are
	Elsewhere Elsewhere
}

// Aliases returns the key of a targets file with which the target that watches the mount elsewhere
// watches it here as well, as YAML.
func (m UnwatchedMount) Aliases() string {
	return fmt.Sprintf("vault_aliases: [%q]\n", m.Login.Address)
}

// Unwatched returns the mounts that no target watches, sorted.
func Unwatched(results []Result) []UnwatchedMount {
	found := map[workload.Login]UnwatchedMount{}
	for _, r := range results {
		if r.Target == "" {
			mount := workload.Login{Address: r.Address, Namespace: r.Namespace, Mount: r.Mount}
			found[mount] = UnwatchedMount{mount, found[mount].Logins + 1, r.Elsewhere}
		}
	}
	return slices.SortedFunc(maps.Values(found), func(a, b UnwatchedMount) int { return a.Login.Compare(b.Login) })
}

// Watch returns the entry of a targets file that watches the login's mount, as YAML. The canary's
// role has to be written first: exporter setup prints it.
func Watch(l workload.Login) string {
	text := fmt.Sprintf("- name: %q\n  vault_mount: %q\n", cmp.Or(l.Mount, "kubernetes"), l.Mount)
	if l.Address != "" {
		text += fmt.Sprintf("  vault_addr: %q\n", l.Address)
	}
	if l.Namespace != "" {
		text += fmt.Sprintf("  vault_namespace: %q\n", l.Namespace)
	}
	return text
}
