package discover

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/internal/redact"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/workload"
)

// builder collects logins with the objects that they come from.
type builder struct {
	// entries has the number of pods by object, whose own field Pods is zero.
	entries map[workload.Login]map[workload.Object]int
	// named has the logins that the objects of a source name, by the source's name.
	named   map[string]map[workload.Login]bool
	skipped map[workload.Skipped]int // the number of pods
}

func newBuilder() *builder {
	return &builder{
		entries: map[workload.Login]map[workload.Object]int{}, named: map[string]map[workload.Login]bool{}, skipped: map[workload.Skipped]int{},
	}
}

// add adds a login that an object of a source names, which so many pods of it use. It returns
// whether it is one; if not, the object is skipped.
func (b *builder) add(l workload.Login, source string, o workload.Object, pods int) bool {
	l, why := canonical(l)
	if why != "" {
		b.skip(o, why, pods)
		return false
	}
	if b.entries[l] == nil {
		b.entries[l] = map[workload.Object]int{}
	}
	b.entries[l][o] += pods
	if b.named[source] == nil {
		b.named[source] = map[workload.Login]bool{}
	}
	b.named[source][l] = true
	return true
}

// skip notes that an object names a login that cannot be rehearsed.
func (b *builder) skip(o workload.Object, why string, pods int) {
	b.skipped[workload.Skipped{Object: o, Why: redact.Clean(why)}] += pods
}

func (b *builder) sorted() []workload.Entry {
	var entries []workload.Entry
	for _, l := range slices.SortedFunc(maps.Keys(b.entries), workload.Login.Compare) {
		entry := workload.Entry{Login: l}
		for o, pods := range b.entries[l] {
			o.Pods = pods
			entry.Objects = append(entry.Objects, o)
		}
		slices.SortFunc(entry.Objects, compareObjects)
		entries = append(entries, entry)
	}
	return entries
}

func (b *builder) skips() []workload.Skipped {
	var skipped []workload.Skipped
	for s, pods := range b.skipped {
		s.Pods = pods
		skipped = append(skipped, s)
	}
	slices.SortFunc(skipped, func(a, b workload.Skipped) int {
		return cmp.Or(compareObjects(a.Object, b.Object), strings.Compare(a.Why, b.Why))
	})
	return skipped
}

func compareObjects(a, b workload.Object) int {
	return cmp.Or(strings.Compare(a.Kind, b.Kind), strings.Compare(a.Namespace, b.Namespace), strings.Compare(a.Name, b.Name))
}
