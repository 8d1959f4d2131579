package status

import (
	"bufio"
	"strings"
	"testing"
	"time"
)

// marked returns a page from a text in which [id text] is a fragment.
func marked(text string) string {
	var out strings.Builder
	for _, part := range strings.SplitAfter(text, "[")[1:] {
		id, rest, _ := strings.Cut(strings.TrimSuffix(part, "["), " ")
		out.WriteString(markOpen + id + markEnd + strings.ReplaceAll(rest, "]", markClose))
	}
	return out.String()
}

// What is sent of the last of some pages to a reader of the first.
func TestUpdate(t *testing.T) {
	keep := func(id, count string) string {
		return `<template data-keep="` + id + `" data-count="` + count + `"></template>`
	}
	within := func(id, content string) string {
		return `<template data-keep="` + id + `" data-count="1">` + content + `</template>`
	}
	for _, test := range []struct {
		name  string
		pages []string
		want  string
	}{
		{"nothing changed", []string{"[main x[a 1]]", "[main x[a 1]]"}, keep("main", "1")},
		{"one row", []string{"[main x[a 1][b 2][c 3]]", "[main x[a 1][b 4][c 3]]"}, within("main", "4")},
		{"a row of a list in a list", []string{"[main [list [a 1][b 2]]]", "[main [list [a 1][b 3]]]"}, within("main", within("list", "3"))},
		{"the text around rows", []string{"[main x[a 1] [b 2]]", "[main y[a 1] [b 2]]"}, "y" + keep("a", "2")},
		{"text between rows", []string{"[main x[a 1]-[b 2]]", "[main y[a 1]-[b 2]]"}, "y" + keep("a", "1") + "-" + keep("b", "1")},
		{"one more row", []string{"[main [a 1][c 3][d 4]]", "[main [a 1][b 2][c 3][d 4]]"}, keep("a", "1") + "2" + keep("c", "2")},
		{"one row less", []string{"[main [a 1][b 2][c 3][d 4]]", "[main [a 1][c 3][d 4]]"}, keep("a", "1") + keep("c", "2")},
		{"another order", []string{"[main [a 1][b 2][c 3]]", "[main [c 3][a 1][b 2]]"}, keep("c", "1") + keep("a", "2")},
		{"into another list", []string{"[main [x -[a 1][b 2]][y +]]", "[main [x -[b 2]][y +[a 1]]]"}, within("main", "-"+keep("b", "1")+"+"+keep("a", "1"))},
		{"gone and back", []string{"[main [a 1][b 2]]", "[main [b 2]]", "[main [a 1][b 2]]"}, "1" + keep("b", "1")},
		{"changed and back", []string{"[main [a 1]]", "[main [a 2]]", "[main [a 1]]"}, within("main", "1")},
	} {
		v := &view{}
		var root *fragment
		first := ""
		for i, text := range test.pages {
			root = parseFragments(marked(text))
			v.update(root)
			if i == 0 {
				first = v.String()
			}
		}
		if got := sent(root, v.find(first), "", time.Time{}); got != test.want {
			t.Errorf("%s: got %s\nwant %s", test.name, got, test.want)
		}
		if whole := sent(root, v.find("another-1"), "", time.Time{}); strings.Contains(whole, "<template") || strings.Contains(whole, "<!--") {
			t.Errorf("%s: a new reader does not get the whole page: %s", test.name, whole)
		}
	}
}

func sent(root *fragment, since int, version string, now time.Time) string {
	var out strings.Builder
	s := sender{bufio.NewWriter(&out), since, version, now}
	s.write(root)
	_ = s.Flush()
	return out.String()
}

func TestFill(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	page := parseFragments("a" + markFill + markEnd + "b" + string(timestampOf(now.Add(-90*time.Second)).Relative) + "c<!-- other -->")
	const want = `a<meta name="version" content="x-1">b<time class="ago" datetime="2026-01-02T03:02:35Z" title="2026-01-02 03:02:35 UTC">90 s ago</time>c<!-- other -->`
	if got := sent(page, everything, "x-1", now); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if got := sent(parseFragments("a"+markFill+markEnd), everything, "", now); got != "a" {
		t.Errorf("without a version: %s", got)
	}
}

// A text cannot forge a mark.
func TestMarksAreEscaped(t *testing.T) {
	body, err := execute(parsePages(""), "overview", page{Headline: markOpen + "x" + markEnd, Now: timestampOf(time.Unix(0, 0)), Filters: []filter{{}}})
	if err != nil {
		t.Fatal(err)
	}
	for _, child := range parseFragments(body).children {
		if child.id == "x" || len(child.children) != 1 {
			t.Errorf("fragments in %s: %v", child.id, child.children)
		}
	}
}
