package docs_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/workload/discover"
)

// TestWorkloadKinds holds the kinds that are read, and the role that permits it, against the page.
func TestWorkloadKinds(t *testing.T) {
	generate(t, "workloads.md", map[string]string{"kinds": kinds(), "role": workloadRole(), "cluster": clusterScoped()})
}

// clusterScoped lists the kinds that are in no namespace.
func clusterScoped() string {
	var names []string
	for _, s := range discover.Sources {
		if s.ClusterScoped {
			names = append(names, "`"+s.Name()+"`")
		}
	}
	return strings.Join(names, ", ") + ".\n"
}

func kinds() string {
	var table strings.Builder
	table.WriteString("| software | kind | versions | what is read |\n|---|---|---|---|\n")
	last := ""
	for _, s := range discover.Sources {
		software := s.Software
		if software == last {
			software = ""
		}
		last = s.Software
		fmt.Fprintf(&table, "| %s | %s (`%s`) | %s | %s |\n", software, s.Kind, s.Name(), strings.Join(s.Versions, ", "), s.Reads)
	}
	return table.String()
}

// workloadRole is the ClusterRole, with a rule for each group.
func workloadRole() string {
	var groups []string
	plurals := map[string][]string{}
	for _, s := range discover.Sources {
		if plurals[s.Group] == nil {
			groups = append(groups, s.Group)
		}
		plurals[s.Group] = append(plurals[s.Group], s.Plural)
	}
	var role strings.Builder
	role.WriteString("```yaml\napiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {name: vault-k8s-auth-exporter-workloads}\nrules:\n")
	for _, group := range groups {
		fmt.Fprintf(&role, "  - apiGroups: [%q]\n    resources: [%s]\n    verbs: [list]\n", group, strings.Join(plurals[group], ", "))
	}
	return role.String() + "```\n"
}
