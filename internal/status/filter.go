package status

import (
	"maps"
	"slices"
	"strings"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
)

// searchText returns what the filter finds a target by, in lower case. The script of the page
// searches the same text.
func searchText(t evidence.Target) string {
	return strings.ToLower(strings.Join(append([]string{t.Name}, labelsOf(t)...), "\n"))
}

// finder returns whether a target is found by what a reader typed.
func finder(query string) func(evidence.Target) bool {
	wanted := strings.ToLower(strings.TrimSpace(query))
	return func(t evidence.Target) bool { return strings.Contains(searchText(t), wanted) }
}

// labelsOf returns the target's labels as name:value, by name.
func labelsOf(t evidence.Target) []string {
	var labels []string
	for _, name := range slices.Sorted(maps.Keys(t.Labels)) {
		labels = append(labels, name+":"+t.Labels[name])
	}
	return labels
}
