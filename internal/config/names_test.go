package config

import (
	"regexp"
	"strings"
	"testing"
)

// The JSON schemas have the count that the program checks by length.
func TestPatternsOfNamesMatchTheSame(t *testing.T) {
	for what, form := range map[string]nameForm{"label": dnsLabel, "name": dnsName, "key": secretsKey, "host": hostName, "target": targetNames, "role": roleNames} {
		pattern := regexp.MustCompile("^" + form.pattern + "$")
		taken := 0
		for _, length := range []int{1, 2, 3, 61, 62, 63, 64, 126, 127, 128, 129, 251, 252, 253, 254, 255, 256, 257} {
			long := strings.Repeat("a", length)
			for _, name := range []string{long, "-" + long[1:], long[1:] + "-", long[1:] + "\n", "b" + strings.Repeat(".", length-1), strings.Repeat(".", length-1) + "b", strings.Repeat("A", length)} {
				want := pattern.MatchString(name)
				if got := form.matches(name); got != want {
					t.Errorf("a %s of %d characters, %.5q…: %t, in the schema %t", what, len(name), name, got, want)
				}
				if want {
					taken++
				}
			}
		}
		if taken < 5 || form.matches("") {
			t.Errorf("a %s: %d names are taken, and the empty one: %t", what, taken, form.matches(""))
		}
	}
}
