package redact

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"unicode"
)

const (
	// Redacted stands where a credential stood.
	Redacted = "REDACTED"
	// MaxText is the length in bytes to which a text is cut.
	MaxText = 500
	// maxRaw is how much of a text is looked at. Invisible characters and credentials
	// make it shorter, so that more than MaxText may be needed.
	maxRaw = 16 << 10
	// maxHeld bounds what a long-lived Redactor holds. The oldest value goes first, but those that
	// New was given stay.
	maxHeld = 32
)

// Redactor holds credentials and removes them from texts. A nil Redactor holds none.
// It is safe for concurrent use, and no printed form of it shows what it holds.
type Redactor struct {
	lasting int        // how many values New was given
	mu      sync.Mutex // guards needles
	needles *needles
}

// New returns a Redactor that holds these values.
func New(values ...string) *Redactor {
	r := new(Redactor)
	for _, value := range values {
		r.Hold(value)
	}
	if r.needles != nil {
		r.lasting = len(r.needles.values)
	}
	return r
}

// Format keeps fmt from printing what is held.
func (*Redactor) Format(f fmt.State, _ rune) { fmt.Fprint(f, Redacted) }

// Hold adds a credential. One of fewer than six characters is no credential: too
// many words would be taken for it.
func (r *Redactor) Hold(value string) {
	if r == nil || len(value) < minHeld {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.needles == nil:
		r.needles = newNeedles(nil)
	case slices.Contains(r.needles.values, value):
		return
	case len(r.needles.values) == maxHeld:
		oldest := min(r.lasting, maxHeld-1)
		r.needles = newNeedles(slices.Delete(slices.Clone(r.needles.values), oldest, oldest+1))
	}
	r.needles = r.needles.with(value)
}

func (r *Redactor) search() *needles {
	if r == nil {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.needles
}

// Clean makes a text that a server or a file had a hand in fit to be logged and
// shown: one line of printable characters, bounded, without the credentials that are
// held, and with nothing in it that looks like a credential.
func (r *Redactor) Clean(text string) string {
	if len(text) > maxRaw {
		text = text[:maxRaw]
	}
	text = replace(text, find(text, r.search(), true))
	text = oneLine(text)
	if len(text) > MaxText {
		text = strings.ToValidUTF8(text[:MaxText], "") + "…"
	}
	return text
}

// Clean is [Redactor.Clean] where no credential is held.
func Clean(text string) string { return (*Redactor)(nil).Clean(text) }

// Remove takes the credentials that are held out of a text, and leaves the rest of it
// as it is.
func (r *Redactor) Remove(text string) string { return replace(text, find(text, r.search(), false)) }

// oneLine drops what is not printable and makes each run of blanks one.
func oneLine(text string) string {
	if isPlain(text) {
		return text
	}
	text = strings.Map(func(c rune) rune {
		if unicode.IsSpace(c) {
			return ' '
		}
		if !unicode.IsPrint(c) {
			return -1
		}
		return c
	}, strings.ToValidUTF8(text, "�"))
	return strings.Join(strings.Fields(text), " ")
}

// isPlain reports whether a text is one line of ASCII with single blanks inside.
func isPlain(text string) bool {
	blank := true
	for i := range len(text) {
		c := text[i]
		if c < ' ' || c > '~' || c == ' ' && blank {
			return false
		}
		blank = c == ' '
	}
	return !blank || text == ""
}

// span is a part of a text, in bytes.
type span struct{ from, to int }

// replace puts the mark where the spans are, which are sorted. Spans that touch or overlap are one.
func replace(text string, spans []span) string {
	if len(spans) == 0 {
		return text
	}
	var out strings.Builder
	written := 0
	for i := 0; i < len(spans); {
		whole := spans[i]
		for i++; i < len(spans) && spans[i].from <= whole.to; i++ {
			whole.to = max(whole.to, spans[i].to)
		}
		out.WriteString(text[written:whole.from])
		out.WriteString(Redacted)
		written = whole.to
	}
	out.WriteString(text[written:])
	return out.String()
}

// find returns the spans of the credentials that are held, and of what looks like
// one, in the text as it is and with its escapes undone.
func find(text string, held *needles, shapes bool) []span {
	exact := held.mayMatch(text)
	shapes = shapes && maybeShaped(text)
	if !exact && !shapes {
		return nil
	}
	var spans []span
	for _, v := range newViews(text) {
		for changed := true; changed; v, changed = v.decode() {
			if exact {
				spans = append(spans, held.find(v)...)
			}
			if shapes {
				spans = append(spans, findShapes(v)...)
			}
		}
	}
	return widen(text, spans)
}

// widen sorts the spans and extends each to the whole word: base64 of more than the credential
// shares a character with it on either side. It looks at each character once, however many
// spans a word has.
func widen(text string, spans []span) []span {
	slices.SortFunc(spans, func(a, b span) int { return a.from - b.from })
	wide, end := spans[:0], 0
	for _, s := range spans {
		if s.to <= end {
			continue
		}
		for s.from > end && isWordByte(text[s.from-1]) {
			s.from--
		}
		for s.to < len(text) && isWordByte(text[s.to]) {
			s.to++
		}
		wide, end = append(wide, s), s.to
	}
	return wide
}

func isWordByte(c byte) bool { return isAlnum(c) || c == '+' || c == '_' || c == '-' || c == '=' }

func isAlnum(c byte) bool { return isDigit(c) || isUpper(c) || isLower(c) }
func isDigit(c byte) bool { return c >= '0' && c <= '9' }
func isUpper(c byte) bool { return c >= 'A' && c <= 'Z' }
func isLower(c byte) bool { return c >= 'a' && c <= 'z' }
