package lab

import (
	"maps"
	"strings"
	"testing"
	"testing/fstest"
	"time"
)

func TestSourceKey(t *testing.T) {
	sources := fstest.MapFS{
		"main.go": {Data: []byte("package main")},
		"go.mod":  {Data: []byte("module m")},
		"go.sum":  {Data: []byte("sums")},
	}
	key := testKey(t, sources)
	if again := testKey(t, sources); again != key {
		t.Errorf("the same sources gave %s and %s", key, again)
	}
	for name, content := range map[string]string{
		"main.go": "package main // changed",
		"go.mod":  "module n",
		"go.sum":  "other sums",
		"more.go": "package main",

		"replaced/go.mod":     "module r",
		"replaced/sub/sub.go": "package sub",
	} {
		changed := maps.Clone(sources)
		changed[name] = &fstest.MapFile{Data: []byte(content)}
		if testKey(t, changed) == key {
			t.Errorf("changing %s does not change the key", name)
		}
	}
	irrelevant := maps.Clone(sources)
	irrelevant["README.md"] = &fstest.MapFile{Data: []byte("words")}
	if testKey(t, irrelevant) != key {
		t.Error("changing a README changes the key")
	}
}

func testKey(t *testing.T, sources fstest.MapFS) string {
	t.Helper()
	key, err := sourceKey(sources)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func TestProgressReport(t *testing.T) {
	r := progressReport{job: compilation{what: "the real vault"}, began: time.Now()}
	r.phase("downloading the sources of", 0)
	r.count(strings.NewReader("go: downloading a\ngo: downloading b\n"))
	if got, want := r.String(), "downloading the sources of the real vault: 2 modules, 0s"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	r.phase("compiling", 1540)
	lastLines := r.count(strings.NewReader(strings.Repeat("pkg\n", 30) + "main.go:1: wrong\n"))
	if got, want := r.String(), "compiling the real vault: 31 of at most 1540 packages, 0s"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if !strings.HasSuffix(lastLines, "main.go:1: wrong") || strings.Count(lastLines, "\n") != 19 {
		t.Errorf("the last lines are %q", lastLines)
	}
}
