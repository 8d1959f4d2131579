package metrics

import (
	"maps"
	"slices"
	"strings"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
)

// labelPrefix precedes the names of a target's labels.
const labelPrefix = "label_"

// targetLabels returns the family target_labels, whose samples must all have the same label
// names: those that any target has. A label that a target does not have is empty, which
// means absent to Prometheus. They are not on target_info, whose label names are thus the
// same everywhere, so that rules can join on it.
func targetLabels(targets []evidence.Target) *family {
	used := map[string]bool{}
	for _, t := range targets {
		for name := range t.Labels {
			used[labelPrefix+name] = true
		}
	}
	return gauge("target_labels", "Always 1: the labels of the target in the targets file.", slices.Sorted(maps.Keys(used))...)
}

// labelsOf returns the sample of target_labels of one target.
func labelsOf(t evidence.Target, f *family) sample {
	values := make([]string, 0, len(f.labels))
	for _, name := range f.labels[1:] {
		values = append(values, t.Labels[strings.TrimPrefix(name, labelPrefix)])
	}
	return sample{family: f, labelValues: values, value: 1}
}
