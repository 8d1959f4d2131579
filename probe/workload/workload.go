// Package workload says who logs in to Vault besides the canary: which role, with which service
// account, and which objects of the cluster say so. It holds facts; discover reads them from the
// cluster, and rehearse asks Vault what would become of each login.
package workload

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
)

// Login is one way in which pods log in. Pods that share it are one login. It is comparable.
type Login struct {
	// Address is Vault's URL as the object names it, empty where it leaves that to a default.
	Address string
	// Namespace is Vault's namespace, empty for the root or where the object does not name one.
	Namespace string
	// Mount is the path of the auth mount below auth/, without slashes at its ends.
	Mount string
	Role  string
	// ServiceAccount is the account that the JWT of the login belongs to.
	ServiceAccount evidence.ServiceAccount
	// Audiences are those of the JWT, sorted and joined with commas; empty means the default of
	// the API server.
	Audiences string
}

// Compare orders logins by mount, role and account.
func (l Login) Compare(o Login) int {
	return cmp.Or(
		strings.Compare(l.Address, o.Address), strings.Compare(l.Namespace, o.Namespace),
		strings.Compare(l.Mount, o.Mount), strings.Compare(l.Role, o.Role),
		strings.Compare(l.ServiceAccount.Namespace, o.ServiceAccount.Namespace),
		strings.Compare(l.ServiceAccount.Name, o.ServiceAccount.Name), strings.Compare(l.Audiences, o.Audiences),
	)
}

// JoinAudiences returns the form of [Login.Audiences].
func JoinAudiences(audiences []string) string {
	return strings.Join(slices.Compact(slices.Sorted(slices.Values(audiences))), ",")
}

// Object is what says that somebody logs in: a pod's owner, a VaultAuth, a SecretStore.
type Object struct {
	Kind, Namespace, Name string
	// Pods is how many pods of it there are now; zero for objects that are not pods' owners.
	Pods int
}

func (o Object) String() string {
	if o.Namespace == "" {
		return o.Kind + " " + o.Name
	}
	return o.Kind + " " + o.Namespace + "/" + o.Name
}

// podOwners are the kinds that log in through their pods, and will when they have some again.
var podOwners = []string{"Deployment", "StatefulSet", "DaemonSet", "CronJob", "Job"}

// OfLogin returns the text of an object that names a login: it says so if an owner of pods has none now.
func (o Object) OfLogin() string {
	if o.Pods == 0 && slices.Contains(podOwners, o.Kind) {
		return o.String() + " (0 pods)"
	}
	return o.String()
}

// Entry is a login with the objects that it was found in, sorted.
type Entry struct {
	Login
	Objects []Object
	// AccountMissing is whether the service account does not exist. It is false where the accounts
	// could not be read.
	AccountMissing bool
}

// Pods returns how many pods log in this way, as far as their owners are among the objects.
func (e Entry) Pods() int {
	n := 0
	for _, o := range e.Objects {
		n += o.Pods
	}
	return n
}

// SourceState is whether a kind of object could be read.
type SourceState string

// The states of a source.
const (
	SourceRead SourceState = "read"
	// SourcePartial means that it was read in some of the namespaces, and is forbidden in the others.
	SourcePartial      SourceState = "partial"
	SourceNotInstalled SourceState = "not_installed"
	SourceForbidden    SourceState = "forbidden"
	SourceFailed       SourceState = "failed"
)

// Source is one kind of object and what came of reading it. What is not installed or not
// permitted is no error of the inventory: the others are complete without it.
type Source struct {
	// Name is the kind's plural and its group, as kubectl has it: pods,
	// vaultauths.secrets.hashicorp.com.
	Name  string
	State SourceState
	// Objects is how many were read, Logins how many of the logins they name.
	Objects, Logins int
	// Error is why it failed or is forbidden, perhaps in part, without credentials.
	Error string
	// ReadAt is when it was last read with success; zero if never.
	ReadAt time.Time
}

// Skipped is an object that names a login which cannot be rehearsed, and why.
type Skipped struct {
	Object
	Why string
}

// Inventory is who logs in, as the cluster says at one time.
type Inventory struct {
	Entries []Entry // sorted by login
	Sources []Source
	Skipped []Skipped
	At      time.Time
}
