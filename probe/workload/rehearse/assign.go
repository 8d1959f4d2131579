package rehearse

import (
	"cmp"
	"fmt"
	"maps"
	"net"
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
}

// Assign returns the entries with the target that watches the same mount and namespace of the same
// Vault. A login that names no address belongs to any Vault; one that names no namespace belongs to
// the root or, if no target is there, to any namespace. Of several targets, those that see
// Kubernetes as the exporter's own cluster come first, then the order is that of their names.
func Assign(entries []workload.Entry, targets []evidence.Target) []Assigned {
	ordered := slices.SortedStableFunc(slices.Values(targets), func(a, b evidence.Target) int {
		return cmp.Or(cmp.Compare(foreign(a), foreign(b)), strings.Compare(a.Name, b.Name))
	})
	byMount := map[string][]*evidence.Target{}
	for _, t := range ordered {
		byMount[t.Vault.Mount] = append(byMount[t.Vault.Mount], &t)
	}
	assigned := make([]Assigned, 0, len(entries))
	for _, e := range entries {
		assigned = append(assigned, Assigned{e, targetOf(e.Login, byMount[e.Mount])})
	}
	return assigned
}

// AssignAll returns the entries with this target, whatever their mounts are.
func AssignAll(entries []workload.Entry, target evidence.Target) []Assigned {
	assigned := make([]Assigned, 0, len(entries))
	for _, e := range entries {
		assigned = append(assigned, Assigned{e, &target})
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

func targetOf(l workload.Login, ofMount []*evidence.Target) *evidence.Target {
	same := func(namespace func(string) bool) *evidence.Target {
		for _, t := range ofMount {
			if namespace(t.Vault.Namespace) && (l.Address == "" || sameAddress(l.Address, t.Vault.Addr)) {
				return t
			}
		}
		return nil
	}
	wanted := strings.Trim(l.Namespace, "/")
	exact := same(func(namespace string) bool { return strings.Trim(namespace, "/") == wanted })
	if exact == nil && wanted == "" {
		return same(func(string) bool { return true })
	}
	return exact
}

// foreign is 1 for targets of another cluster than the exporter's own, where that is known.
func foreign(t evidence.Target) int {
	if t.Home.Host == "" || t.Kubernetes.IsServedAt(t.Home.Host) {
		return 0
	}
	return 1
}

// sameAddress reports whether two URLs address the same Vault. The names of a Service differ in
// their ends.
func sameAddress(a, b string) bool {
	x, y := canonical(a), canonical(b)
	return x == y
}

func canonical(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return address
	}
	host := strings.TrimSuffix(strings.ToLower(u.Hostname()), ".")
	if labels := strings.Split(host, "."); len(labels) > 2 && labels[2] == "svc" {
		host = labels[0] + "." + labels[1]
	}
	port := cmp.Or(u.Port(), map[string]string{"https": "443", "http": "80"}[u.Scheme])
	return strings.ToLower(u.Scheme) + "://" + net.JoinHostPort(host, port) + strings.TrimRight(u.Path, "/")
}

// UnwatchedMount is a mount that no target watches.
type UnwatchedMount struct {
	// Login has the address, the namespace and the mount; the rest of it is empty.
	Login  workload.Login
	Logins int // how many there are
}

// Unwatched returns the mounts that no target watches, sorted.
func Unwatched(results []Result) []UnwatchedMount {
	counts := map[workload.Login]int{}
	for _, r := range results {
		if r.Target == "" {
			counts[workload.Login{Address: r.Address, Namespace: r.Namespace, Mount: r.Mount}]++
		}
	}
	var mounts []UnwatchedMount
	for _, login := range slices.SortedFunc(maps.Keys(counts), workload.Login.Compare) {
		mounts = append(mounts, UnwatchedMount{login, counts[login]})
	}
	return mounts
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
