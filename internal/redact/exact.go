package redact

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"math/bits"
	"slices"
	"strings"
	"sync"
)

const (
	// minHeld is the length of the shortest value that is held.
	minHeld = 6
	// window is the length of the pieces of a text that are looked up, and step how far
	// apart they begin. A part of a credential is found if it has minPart characters.
	window, step = 12, 4
	minPart      = window + step - 1
	// minOdd is how many capitals and digits a window of encoded data has at least;
	// words and names have fewer. A window of random base64 has fewer in 3 of 100 cases.
	minOdd = 4
)

// needles are held values in the forms in which they are searched for, as skeletons.
type needles struct {
	values []string
	// whole are searched for as they are: the values themselves, and other forms that are
	// too short for a window.
	whole []string
	// literal are values that have hardly a letter or digit.
	literal [][]byte
	// words is set where a value is made of words, so that capitals and digits tell nothing.
	words bool
	// hay returns all forms in which pieces of a text are looked up.
	hay func() string
}

func newNeedles(values []string) *needles {
	n := new(needles)
	for _, value := range values {
		n = n.with(value)
	}
	return n
}

// with returns the needles of one value more.
func (n *needles) with(value string) *needles {
	more := &needles{values: append(slices.Clip(n.values), value), whole: slices.Clip(n.whole), literal: slices.Clip(n.literal)}
	more.hay = sync.OnceValue(more.makeHay)
	plain := skeleton(value)
	more.words = n.words || 3*countOdd(value) < len(plain)
	switch {
	case len(plain) < minHeld:
		more.literal = append(more.literal, newView(value).chars)
		more.whole = append(more.whole, encoded(value)...)
	case len(plain) < minPart:
		more.whole = append(append(more.whole, plain), encoded(value)...)
	default:
		more.whole = append(more.whole, plain)
	}
	return more
}

func (n *needles) makeHay() string {
	var hay strings.Builder
	for _, value := range n.values {
		for _, form := range append(encoded(value), skeleton(value)) {
			hay.WriteString(form)
			hay.WriteByte(0)
		}
	}
	return hay.String()
}

// countOdd counts capitals and digits.
func countOdd(text string) (odd int) {
	for i := range len(text) {
		if isDigit(text[i]) || isUpper(text[i]) {
			odd++
		}
	}
	return odd
}

// encoded returns the skeletons of a value's base64, with whatever in front of it and
// behind, and of its hexadecimal digits.
func encoded(value string) []string {
	forms := []string{skeleton(hex.EncodeToString([]byte(value)))}
	for before := range 3 {
		text := base64.RawStdEncoding.EncodeToString([]byte("\x00\x00"[:before] + value))
		// The first characters also hold bits of what stands before, the last of what follows.
		first, last := [...]int{0, 2, 3}[before], len(text)
		if (before+len(value))%3 != 0 {
			last--
		}
		forms = append(forms, skeleton(text[first:last]))
	}
	return forms
}

// skeleton is a text's letters and digits, in lower case. That the alphabets of base64
// differ, padding, line ends and whatever else stands in between make no difference.
func skeleton(text string) string {
	bones := make([]byte, 0, len(text))
	for i := range len(text) {
		if isAlnum(text[i]) {
			bones = append(bones, lower(text[i]))
		}
	}
	return string(bones)
}

func lower(c byte) byte {
	if isUpper(c) {
		return c + 'a' - 'A'
	}
	return c
}

// mayMatch is false where a text cannot hold any of the values. It allocates nothing.
func (n *needles) mayMatch(text string) bool {
	if n == nil || len(n.values) == 0 || len(text) < minHeld {
		return false
	}
	fits := func(needle string) bool { return len(needle) <= len(text) }
	return len(n.literal) > 0 || slices.ContainsFunc(n.whole, fits) || n.mayHavePart(text)
}

// mayHavePart reports whether some window of a text may be a part of a value.
func (n *needles) mayHavePart(text string) bool {
	if n.words {
		return true
	}
	var odd uint16 // a bit for each character of the window
	for i := range len(text) {
		c := text[i]
		switch {
		case isLower(c):
			odd <<= 1
		case isDigit(c), isUpper(c):
			odd = odd<<1 | 1
		case c == '%' || c == '\\' || c == '&':
			return true
		}
		if bits.OnesCount16(odd&(1<<window-1)) >= minOdd {
			return !uuid.MatchString(text)
		}
	}
	return false
}

// find returns the spans of the values in a view.
func (n *needles) find(v view) []span {
	var spans []span
	bones, at, odd := v.skeleton()
	mark := func(i, j int) { spans = append(spans, v.span(at[i], at[j-1]+1)) }
	for _, needle := range n.whole {
		for i := 0; ; {
			found := strings.Index(bones[i:], needle)
			if found < 0 {
				break
			}
			mark(i+found, i+found+len(needle))
			i += found + len(needle)
		}
	}
	for i := 0; i+window <= len(bones); {
		found := -1
		if n.words || odd[i+window]-odd[i] >= minOdd {
			found = strings.Index(n.hay(), bones[i:i+window])
		}
		if found < 0 {
			i += step
			continue
		}
		from, to := n.extend(bones, i, found)
		mark(from, to)
		i = to
	}
	for _, literal := range n.literal {
		for i := range v.chars {
			if bytes.HasPrefix(v.chars[i:], literal) {
				spans = append(spans, v.span(i, i+len(literal)))
			}
		}
	}
	return spans
}

// extend returns how far a text is the same as the hay around a window that was found.
func (n *needles) extend(bones string, at, found int) (from, to int) {
	from, to = at, at+window
	hay := n.hay()
	for h := found - 1; from > 0 && h >= 0 && bones[from-1] == hay[h]; h-- {
		from--
	}
	for h := found + window; to < len(bones) && h < len(hay) && bones[to] == hay[h]; h++ {
		to++
	}
	return from, to
}

// skeleton returns the view's letters and digits, where in it each stands, and how many
// capitals and digits there are before each.
func (v view) skeleton() (bones string, at, odd []int) {
	folded := make([]byte, 0, len(v.chars))
	numbers := make([]int, 2*len(v.chars)+1)
	at, odd = numbers[:0:len(v.chars)], numbers[len(v.chars):len(v.chars)]
	count := 0
	for i, c := range v.chars {
		if !isAlnum(c) {
			continue
		}
		folded, at, odd = append(folded, lower(c)), append(at, i), append(odd, count)
		if isDigit(c) || isUpper(c) {
			count++
		}
	}
	return string(folded), at, append(odd, count)
}
