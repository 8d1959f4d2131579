package redact

import (
	"index/suffixarray"
	"strings"
)

// haystack is a text in which pieces of other texts are looked up.
type haystack struct {
	text  string
	index *suffixarray.Index // nil where the text is so short that a search costs less
}

// maxSearched is the length of the longest text without an index, in bytes. A few tokens of
// usual length stay below it. A server that returns a token of a size of its own choice must
// not make each lookup as long as that token.
const maxSearched = 32 << 10

func newHaystack(text string) haystack {
	if len(text) <= maxSearched {
		return haystack{text: text}
	}
	return haystack{text, suffixarray.New([]byte(text))}
}

// find returns where a piece is in the text, -1 where it is not.
func (h haystack) find(piece string) int {
	if h.index == nil {
		return strings.Index(h.text, piece)
	}
	if at := h.index.Lookup([]byte(piece), 1); len(at) > 0 {
		return at[0]
	}
	return -1
}
