package e2e

import (
	"slices"
	"strings"
	"testing"
)

// TestNoSecretInAnyOutput makes every kind of output and searches it along with all
// that other tests have brought about. What is printed after it is searched when
// all tests are over.
func TestNoSecretInAnyOutput(t *testing.T) {
	printAll(t)
	for _, where := range []string{
		"log of exporter serve", "the output of exporter check", "the output of exporter config", "the page /metrics", "the page /",
	} {
		if everything.count(where) == 0 {
			t.Errorf("nothing was printed as %s: the search says nothing of it", where)
		}
	}
	for _, leak := range everything.leaks() {
		t.Error(leak)
	}
}

// printAll has the exporter print all that it can about a healthy lab.
func printAll(t *testing.T) {
	t.Helper()
	e := serve(t, environment())
	e.awaitVerdict(healthy.reason)
	e.get(e.metrics, "/")
	e.end()
	e.keep()
	run(t, environment(), "check")
	run(t, environment(), "check", "--output=json")
	run(t, environment(), "config")
}

// TestSearchFindsSecrets plants what must never be printed.
func TestSearchFindsSecrets(t *testing.T) {
	const noise = "msg=nothing "
	for secret, what := range everything.known() {
		wantFound(t, what, noise+secret+" after")
	}
	wantFound(t, "a JWT", noise+"eyJ"+strings.Repeat("a", 20))
	for _, kind := range []string{"hvs.", "hvb.", "s."} {
		wantFound(t, "a token of Vault", noise+kind+strings.Repeat("A", 20))
	}
	var clean printed
	clean.add("a place", noise+"https://kubernetes.default.svc.cluster.local.example.com")
	if leaks := clean.leaks(); len(leaks) > 0 {
		t.Errorf("the search finds %q where nothing is", leaks)
	}
}

// wantFound plants a line among what is known to be secret.
func wantFound(t *testing.T, what, line string) {
	t.Helper()
	planted := printed{secrets: everything.known()}
	planted.add("a place", line)
	leaks := planted.leaks()
	if !slices.Contains(leaks, what+" in a place") {
		t.Errorf("the search finds %q, not %s", leaks, what)
	}
	if strings.Contains(strings.Join(leaks, " "), line) {
		t.Error("the search repeats what it finds")
	}
}
