package redact

import (
	"encoding/base64"
	"encoding/hex"
	"iter"
	"strings"
)

// forms are all forms of all values, one behind the other.
func (n *needles) forms() string {
	length := 0
	for _, value := range n.values {
		length += 7*len(value) + 2*window // hexadecimal takes 2, base64 3 times 4/3, the value itself 1
	}
	var all strings.Builder
	all.Grow(length)
	for form := range n.everyForm() {
		writeSkeleton(&all, form)
		all.WriteByte(0)
	}
	return all.String()
}

func (n *needles) triplesOfForms() *triples {
	set := new(triples)
	for form := range n.everyForm() {
		set.add(form)
	}
	return set
}

// everyForm yields every form of every value. Each is valid until the next.
func (n *needles) everyForm() iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		for _, value := range n.values {
			behind := behindZeros(value)
			if !yield(behind[zeros:]) {
				return
			}
			for form := range encodings(behind) {
				if !yield(form) {
					return
				}
			}
		}
	}
}

// encoded returns the skeletons of a value's encodings. One that has hardly a letter or digit, such as
// base64 of nothing but + and /, is left out: it would be found in every text.
func encoded(value string) []string {
	var forms []string
	for form := range encodings(behindZeros(value)) {
		if bones := skeleton(form); len(bones) >= minHeld {
			forms = append(forms, bones)
		}
	}
	return forms
}

// zeros is how many zeros stand in front of a value that is encoded: base64 depends on up to two
// characters before it.
const zeros = 2

func behindZeros(value string) []byte { return append(make([]byte, zeros, zeros+len(value)), value...) }

// encodings yields the hexadecimal digits of a value behind zeros, and its base64 with whatever in front
// of it and behind. Each is valid until the next.
func encodings(value []byte) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		text := hex.AppendEncode(nil, value[zeros:])
		if !yield(text) {
			return
		}
		for before := range 3 {
			text = base64.RawStdEncoding.AppendEncode(text[:0], value[zeros-before:])
			// The first characters also hold bits of what stands before, the last of what follows.
			first, last := [...]int{0, 2, 3}[before], len(text)
			if (before+len(value)-zeros)%3 != 0 {
				last--
			}
			if !yield(text[first:last]) {
				return
			}
		}
	}
}

// skeleton is a text's letters and digits, in lower case. That the alphabets of base64
// differ, padding, line ends and whatever else stands in between make no difference.
func skeleton[T string | []byte](text T) string {
	var bones strings.Builder
	bones.Grow(len(text))
	writeSkeleton(&bones, text)
	return bones.String()
}

func writeSkeleton[T string | []byte](bones *strings.Builder, text T) {
	for i := range len(text) {
		if bone := boneOf[text[i]]; bone != 0 {
			bones.WriteByte(bone)
		}
	}
}

// boneOf is each letter in lower case, each digit, and 0 for other characters.
var boneOf = func() (table [256]byte) {
	for i := range table {
		if c := byte(i); isAlnum(c) {
			table[i] = lower(c)
		}
	}
	return table
}()

func lower(c byte) byte {
	if isUpper(c) {
		return c + 'a' - 'A'
	}
	return c
}
