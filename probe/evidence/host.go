package evidence

import "strings"

// SameHost compares two URLs as far as a client does.
func SameHost(a, b string) bool {
	return strings.EqualFold(strings.TrimRight(a, "/"), strings.TrimRight(b, "/"))
}
