package config

import (
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"
)

// unknownVariables refuses every EXPORTER_* variable that is not in the tables, since
// a misspelled one would have no effect. It permits those that Kubernetes injects for
// a Service whose name begins with exporter.
func unknownVariables(environ []string) []error {
	var mistakes []error
	slices.Sort(environ)
	for _, entry := range environ {
		name, value, _ := strings.Cut(entry, "=")
		if strings.HasPrefix(name, prefix) && !slices.Contains(variableNames, name) && !isServiceLink(name, value) {
			mistakes = append(mistakes, unknown(name))
		}
	}
	return mistakes
}

var showable = regexp.MustCompile(`^[A-Za-z0-9_]{1,100}$`)

func unknown(name string) error {
	if !showable.MatchString(name) || mayBeCredential(name) {
		return fmt.Errorf("%s…: is not known, nor fit to be shown; allowed: the variables in docs/configuration.md", prefix)
	}
	if near := nearest(name, variableNames); near != "" {
		return fmt.Errorf("%s: is not known; did you mean %s?", name, near)
	}
	return fmt.Errorf("%s: is not known; allowed: the variables in docs/configuration.md", name)
}

var (
	linkName  = regexp.MustCompile(`_(SERVICE_HOST|SERVICE_PORT(?:_[A-Z0-9_]+)?|PORT|PORT_\d+_(?:TCP|UDP|SCTP)(?:_(?:PROTO|PORT|ADDR))?)$`)
	linkURL   = regexp.MustCompile(`^(tcp|udp|sctp)://`)
	linkPort  = regexp.MustCompile(`^[0-9]{1,5}$`)
	linkProto = regexp.MustCompile(`^(tcp|udp|sctp)$`)
)

// isServiceLink reports whether a variable is one that Kubernetes injects for a
// Service: by name and by value, so that EXPORTER_PORT=9100 is still refused.
func isServiceLink(name, value string) bool {
	match := linkName.FindStringSubmatch(strings.TrimPrefix(name, strings.TrimSuffix(prefix, "_")))
	if match == nil {
		return false
	}
	switch kind := match[1]; {
	case kind == "SERVICE_HOST", strings.HasSuffix(kind, "_ADDR"):
		_, err := netip.ParseAddr(value)
		return err == nil
	case strings.HasPrefix(kind, "SERVICE_PORT"), strings.HasSuffix(kind, "_PORT"):
		return linkPort.MatchString(value)
	case strings.HasSuffix(kind, "_PROTO"):
		return linkProto.MatchString(value)
	}
	return linkURL.MatchString(value)
}

// maxEditDistance limits the suggestions for a misspelled name.
const maxEditDistance = 3

// nearest returns the shortest known name that continues this one, as a file of a token or
// a CA does, or else the one with the least edit distance. It is empty if that is more than
// maxEditDistance.
func nearest(name string, known []string) string {
	best, least := "", maxEditDistance+1
	for _, k := range known {
		if strings.HasPrefix(k, name) && strings.Count(name, "_") > 1 && (best == "" || len(k) < len(best)) {
			best = k
		}
	}
	if best != "" {
		return best
	}
	for _, k := range known {
		if d := editDistance(name, k); d < least {
			best, least = k, d
		}
	}
	return best
}

// editDistance is the Levenshtein distance in bytes.
func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			replaced := diagonal
			if a[i] != b[j] {
				replaced++
			}
			diagonal = row[j+1]
			row[j+1] = min(replaced, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
