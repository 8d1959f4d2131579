package dashboards_test

import (
	"regexp"
	"strings"
)

// selector is one metric in a query, with what the rules check. Whether the whole query is
// valid PromQL is checked by a real Prometheus in e2e.
type selector struct {
	metric   string
	matchers string
	window   string   // of a range selector
	within   []string // the functions and aggregations around it, innermost first
}

var selectors = regexp.MustCompile(`\b(vault_k8s_auth_[a-z0-9_]+)(?:\{([^}]*)\})?(?:\[([^\]]*)\])?`)

func parse(query string) []selector {
	var found []selector
	for _, at := range selectors.FindAllStringSubmatchIndex(query, -1) {
		text := func(group int) string {
			if at[2*group] < 0 {
				return ""
			}
			return query[at[2*group]:at[2*group+1]]
		}
		found = append(found, selector{text(1), text(2), text(3), around(query[:at[0]])})
	}
	return found
}

// call matches the function before an opening parenthesis, or the aggregation with its
// by or without clause.
var call = regexp.MustCompile(`([a-z_]+)\s*(?:\b(?:by|without)\s*\([^)]*\)\s*)?$`)

// around returns the functions whose parentheses are still open at the end of the text, innermost first.
func around(text string) []string {
	var names []string
	closed := 0
	for i := len(text) - 1; i >= 0; i-- {
		switch text[i] {
		case ')':
			closed++
		case '(':
			if closed > 0 {
				closed--
			} else if name := call.FindStringSubmatch(text[:i]); name != nil {
				names = append(names, strings.TrimSpace(name[1]))
			}
		}
	}
	return names
}
