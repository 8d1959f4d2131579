package status

import (
	"bufio"
	"crypto/rand"
	"fmt"
	"hash/maphash"
	"html"
	"html/template"
	"strconv"
	"strings"
	"time"
)

// fragment is an element with an id that an update of the page sends only if it has changed.
// The root is the whole page. In a template {{fragment "id"}} stands before the element and
// {{close}} after it; they leave marks, which parseFragments finds. What is in no other fragment
// belongs to the one around it, and is sent whenever that one changes.
type fragment struct {
	id       string
	texts    []string // before, between and after its children: one more than those
	children []*fragment
	age
}

// age says in which versions of a view a fragment changed.
type age struct {
	changed int // itself: its texts, or which children it has
	within  int // itself, or anything in it
	moved   int // what stands before it
}

// Marks are comments: html/template removes those of the templates and escapes all others.
const (
	markOpen  = "<!--{"
	markClose = "<!--}-->"
	// markFill stands before Unix seconds: what was then is so long ago. Before nothing, it is
	// where the page says which version of the view it is.
	markFill = "<!--@"
	markEnd  = "-->"
)

// functions are those of the templates.
var functions = template.FuncMap{
	"words":    words,
	"fragment": func(id string) template.HTML { return template.HTML(markOpen + html.EscapeString(id) + markEnd) },
	"close":    func() template.HTML { return markClose },
	"version":  func() template.HTML { return markFill + markEnd },
}

// parseFragments returns the root of a rendered page.
func parseFragments(page string) *fragment {
	root := &fragment{}
	open := []*fragment{root}
	start := 0
	for at := 0; ; {
		next := strings.Index(page[at:], "<!--")
		current := open[len(open)-1]
		if next < 0 {
			current.texts = append(current.texts, page[start:])
			return root
		}
		at += next
		switch rest := page[at:]; {
		case strings.HasPrefix(rest, markOpen):
			id, _, _ := strings.Cut(rest[len(markOpen):], markEnd)
			child := &fragment{id: id}
			current.texts, current.children = append(current.texts, page[start:at]), append(current.children, child)
			open = append(open, child)
			at += len(markOpen) + len(id) + len(markEnd)
			start = at
		case strings.HasPrefix(rest, markClose):
			current.texts = append(current.texts, page[start:at])
			open = open[:len(open)-1]
			at += len(markClose)
			start = at
		default:
			at += len("<!--")
		}
	}
}

// view is one page as it was last rendered, to know what changes next.
type view struct {
	version int
	known   map[string]known
}

type known struct {
	own, before uint64 // hashes
	age
}

// seed makes hashes of this process comparable.
var seed = maphash.MakeSeed()

// update notes which fragments are not as they were, in a new version if there are any.
func (v *view) update(root *fragment) {
	next := map[string]known{}
	version := v.version + 1
	var note func(f *fragment, before uint64)
	note = func(f *fragment, before uint64) {
		k := known{own: f.hash(), before: before, age: age{version, version, version}}
		old, ok := v.known[f.id]
		if ok && old.own == k.own {
			k.changed, k.within = old.changed, old.within
		}
		if ok && old.before == k.before {
			k.moved = old.moved
		}
		previous := ""
		for _, child := range f.children {
			note(child, maphash.String(seed, f.id+"\n"+previous))
			k.within = max(k.within, child.within)
			previous = child.id
		}
		f.age, next[strings.Clone(f.id)] = k.age, k
	}
	note(root, 0)
	if root.within == version {
		v.version = version
	}
	v.known = next
}

// hash is that of what is not its children's.
func (f *fragment) hash() uint64 {
	var h maphash.Hash
	h.SetSeed(seed)
	for i, text := range f.texts {
		_, _ = h.WriteString(text)
		_ = h.WriteByte(0)
		if i < len(f.children) {
			_, _ = h.WriteString(f.children[i].id)
			_ = h.WriteByte(0)
		}
	}
	return h.Sum64()
}

// everything is older than any version.
const everything = -1

// sender writes a page for a reader who has the version since, and fills the marks that are left:
// of times, and of the version that this is.
type sender struct {
	*bufio.Writer
	since   int
	version string // empty if the page has none
	now     time.Time
}

// write writes a fragment. For those in it that have not changed there is a template element with
// the attribute data-keep, the first one's id, and data-count, how many siblings stay. It has
// content if one of them stays in which others have changed: these.
func (s sender) write(f *fragment) {
	for i := 0; i < len(f.children); {
		s.fill(f.texts[i])
		n := f.unchanged(i, s.since)
		if n == 0 {
			s.writeChange(f.children[i])
			n = 1
		} else {
			fmt.Fprintf(s, `<template data-keep="%s" data-count="%d"></template>`, f.children[i].id, n)
		}
		i += n
	}
	s.fill(f.texts[len(f.children)])
}

// unchanged returns how many children, from the one at i, are as they were and in the same
// order, with nothing between them.
func (f *fragment) unchanged(i, since int) int {
	n := 0
	for ; i+n < len(f.children); n++ {
		c := f.children[i+n]
		if c.within > since || n > 0 && (c.moved > since || strings.TrimSpace(f.texts[i+n]) != "") {
			break
		}
	}
	return n
}

func (s sender) writeChange(f *fragment) {
	if f.changed > s.since {
		s.write(f)
		return
	}
	fmt.Fprintf(s, `<template data-keep="%s" data-count="1">`, f.id)
	for _, child := range f.children {
		if child.within > s.since {
			s.writeChange(child)
		}
	}
	_, _ = s.WriteString("</template>")
}

func (s sender) fill(text string) {
	for {
		before, rest, found := strings.Cut(text, markFill)
		_, _ = s.WriteString(before)
		if !found {
			return
		}
		mark, rest, _ := strings.Cut(rest, markEnd)
		text = rest
		if mark == "" {
			if s.version != "" {
				fmt.Fprintf(s, `<meta name="version" content="%s">`, s.version)
			}
		} else if seconds, err := strconv.ParseInt(mark, 10, 64); err == nil {
			t := time.Unix(seconds, 0).UTC()
			fmt.Fprintf(s, `<time class="ago" datetime="%s" title="%s">%s</time>`, t.Format(time.RFC3339), t.Format(dateFormat), relative(t, s.now))
		}
	}
}

// views are the overview in each state that it can be filtered by.
type views map[State]*view

func (v views) of(state State) *view {
	if v[state] == nil {
		v[state] = &view{}
	}
	return v[state]
}

// process tells the versions of this process from those of another one.
var process = rand.Text()[:8]

func (v *view) String() string { return fmt.Sprintf("%s-%d", process, v.version) }

// find returns which of its versions a reader has, or everything if it is none.
func (v *view) find(version string) int {
	number, ok := strings.CutPrefix(version, process+"-")
	if n, err := strconv.Atoi(number); ok && err == nil && n >= 1 && n <= v.version {
		return n
	}
	return everything
}
