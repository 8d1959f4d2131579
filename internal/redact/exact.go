package redact

import (
	"bytes"
	"math"
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
	// shortest is the length of the shortest text that may hold a value or a part of one, plain that
	// of the shortest value that capitals and digits do not tell from words.
	shortest, plain int
	// inID is whether a value, or a form of it, may be in the 32 hexadecimal digits of a UUID.
	inID bool
	// words are the values made of words, one behind the other, of which pieces are found.
	words string
	// inWords and inForms return where pieces of a text are looked up: in words, and in every
	// form of every value. formTriples rules nearly all pieces out that are in no form, so that
	// the forms themselves are rarely needed.
	inWords, inForms func() haystack
	formTriples      func() *triples
}

func newNeedles(values []string) *needles {
	n := &needles{shortest: window, plain: math.MaxInt}
	for _, value := range values {
		n = n.with(value)
	}
	return n
}

// with returns the needles of one value more.
func (n *needles) with(value string) *needles {
	more := &needles{values: append(slices.Clip(n.values), value), whole: slices.Clip(n.whole), literal: slices.Clip(n.literal)}
	more.inWords = sync.OnceValue(func() haystack { return newHaystack(more.words) })
	more.inForms = sync.OnceValue(func() haystack { return newHaystack(more.forms()) })
	more.formTriples = sync.OnceValue(more.triplesOfForms)
	more.shortest, more.plain, more.words = n.shortest, n.plain, n.words
	plain := skeleton(value)
	more.inID = n.inID || len(value) <= 16 || isHex(plain)
	if len(plain) < minHeld {
		if literal := newView(value, true).chars; len(literal) > 0 { // else nobody can see it
			more.literal, more.shortest = append(more.literal, literal), min(n.shortest, len(literal))
		}
	} else {
		more.whole, more.shortest = append(more.whole, plain), min(n.shortest, len(plain))
	}
	if len(plain) < minPart {
		more.whole = append(more.whole, encoded(value)...)
	}
	if len(plain) < minPart || isWords(value, len(plain)) {
		more.plain, more.words = min(n.plain, len(plain)), n.words+plain+"\x00"
	}
	return more
}

// isWords reports whether too little of a value with so many letters and digits looks
// like encoded data.
func isWords(value string, length int) bool {
	odd := 0
	for i := range len(value) {
		if isDigit(value[i]) || isUpper(value[i]) {
			odd++
		}
	}
	return 3*odd < length || !hasOddWindow(value)
}

// mayMatch is false where a text cannot hold any of the values. It allocates nothing.
func (n *needles) mayMatch(text string) bool {
	if n == nil || len(n.values) == 0 || len(text) < n.shortest {
		return false
	}
	if len(n.literal) > 0 || n.plain <= len(text) || n.words != "" && len(text) >= minPart {
		return true
	}
	if !n.inID && isUUID(text) { // that of an object, in each run
		return false
	}
	return hasOddWindow(text) || strings.ContainsAny(text, `%\&`)
}

// hasOddWindow reports whether some window of a text may be encoded data.
func hasOddWindow(text string) bool {
	var odd uint16 // a bit for each character of the window
	for i := range len(text) {
		c := text[i]
		switch {
		case isLower(c):
			odd <<= 1
		case isDigit(c), isUpper(c):
			odd = odd<<1 | 1
		}
		if bits.OnesCount16(odd&(1<<window-1)) >= minOdd {
			return true
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
		hay, found := n.lookUp(bones[i:i+window], odd[i+window]-odd[i] >= minOdd)
		if found < 0 {
			i += step
			continue
		}
		from, to := extend(hay.text, bones, i, found)
		end := to
		// One letter beyond a gap is that of the next word, by chance.
		if from < i && at[from+1] > at[from]+1 {
			from++
		}
		if to > i+window && at[to-1] > at[to-2]+1 {
			to--
		}
		mark(from, to)
		i = end
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

// lookUp returns where a piece of a text is, -1 if it is nowhere. A piece that may be encoded data is
// looked for in every form of every value.
func (n *needles) lookUp(piece string, encoded bool) (haystack, int) {
	if !encoded {
		hay := n.inWords()
		return hay, hay.find(piece)
	}
	if !n.formTriples().mayHold(piece) {
		return haystack{}, -1
	}
	hay := n.inForms()
	return hay, hay.find(piece)
}

// extend returns how far a text is the same as the hay around a window that was found.
func extend(hay, bones string, at, found int) (from, to int) {
	from, to = at, at+window
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
