package redact

import (
	"html"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// other stands in a view for every visible character beyond ASCII.
const other = 0x80

// view is a text reduced to what a credential can consist of: its ASCII characters, a
// blank for each white space, [other] for the rest. Characters that are not seen are left
// out. from and to are where in the text each character stands.
type view struct {
	chars    []byte
	from, to []int32
	rounds   int // of decoding
}

// maxRounds is how often escapes inside escapes are undone.
const maxRounds = 4

// newViews returns the view of a text and, where it has control sequences of terminals, the view
// without them: a credential may be coloured in parts, and one behind the beginning of a sequence
// may begin with the letter that ends it.
func newViews(text string) []view {
	views := []view{newView(text, false)}
	if strings.Contains(text, sequence) {
		views = append(views, newView(text, true))
	}
	return views
}

func newView(text string, dropSequences bool) view {
	v := makeView(len(text))
	for i := 0; i < len(text); {
		if dropSequences {
			if n := controlSequence(text[i:]); n > 0 {
				i += n
				continue
			}
		}
		c, n := utf8.DecodeRuneInString(text[i:])
		v.addRune(c, i, i+n)
		i += n
	}
	return v
}

func makeView(n int) view {
	offsets := make([]int32, 0, 2*n)
	return view{chars: make([]byte, 0, n), from: offsets[0:0:n], to: offsets[n : n : 2*n]}
}

func (v *view) add(c byte, from, to int) {
	v.chars, v.from, v.to = append(v.chars, c), append(v.from, int32(from)), append(v.to, int32(to))
}

func (v *view) addRune(c rune, from, to int) {
	switch {
	case c > ' ' && c <= '~':
		v.add(byte(c), from, to)
	case unicode.IsSpace(c):
		v.add(' ', from, to)
	case !unicode.IsPrint(c), unicode.In(c, unicode.Mn, unicode.Me):
	default:
		v.add(other, from, to)
	}
}

// span is where the characters from i up to, not including, j stand in the text.
func (v view) span(i, j int) span { return span{int(v.from[i]), int(v.to[j-1])} }

// sequence begins a control sequence, and maxSequence is the length of the longest that is
// looked for, in bytes.
const (
	sequence    = "\x1b["
	maxSequence = 16
)

// controlSequence is the length of the terminal's control sequence that a text begins
// with, such as a change of colour. Whatever stands in it is a part of it.
func controlSequence(text string) int {
	if !strings.HasPrefix(text, sequence) {
		return 0
	}
	for i := len(sequence); i < min(len(text), maxSequence) && text[i] != sequence[0]; i++ {
		if text[i] >= '@' && text[i] <= '~' {
			return i + 1
		}
	}
	return 0
}

// decode undoes one round of percent-encoding, of the escapes of JSON, Go, C and Rust,
// of HTML's entities and of lists of bytes. changed is false where there were none, or
// too many rounds.
func (v view) decode() (decoded view, changed bool) {
	list := nextList(v.chars, 0)
	if v.rounds == maxRounds || list == len(v.chars) && !strings.ContainsAny(string(v.chars), `%\&`) {
		return v, false
	}
	decoded = makeView(len(v.chars))
	decoded.rounds = v.rounds + 1
	for i := 0; i < len(v.chars); {
		if i == list {
			changed = true
			i = v.decodeList(&decoded, i)
			list = nextList(v.chars, i)
			continue
		}
		if c, n := unescape(v.chars[i:]); n > 0 {
			changed = true
			decoded.addRune(c, int(v.from[i]), int(v.to[i+n-1]))
			i += n
			continue
		}
		decoded.add(v.chars[i], int(v.from[i]), int(v.to[i]))
		i++
	}
	return decoded, changed
}

// unescape returns the character that an escape stands for, and the escape's length,
// which is 0 where the characters begin with none.
func unescape(chars []byte) (rune, int) {
	switch chars[0] {
	case '%':
		if len(chars) > 1 && chars[1] == 'u' { // JavaScript's escape()
			return hexadecimal(chars, 2, 4)
		}
		return hexadecimal(chars, 1, 2)
	case '\\':
		return unbackslash(chars)
	case '&':
		return entity(chars)
	}
	return 0, 0
}

func unbackslash(chars []byte) (rune, int) {
	if len(chars) < 2 {
		return 0, 0
	}
	switch chars[1] {
	case 'n', 'r', 't', 'f', 'b':
		return ' ', 2
	case '"', '\'', '/', '\\':
		return rune(chars[1]), 2
	case 'u':
		if digits := slices.Index(chars[:min(len(chars), maxEscape)], '}') - 3; digits > 0 && chars[2] == '{' {
			c, n := hexadecimal(chars, 3, digits)
			return c, n + min(n, 1)
		}
		return hexadecimal(chars, 2, 4)
	case 'U':
		return hexadecimal(chars, 2, 8)
	case 'x':
		return hexadecimal(chars, 2, 2)
	}
	return number(chars, 1, 3, 8)
}

// maxEscape is the length of `\u{10ffff}`.
const maxEscape = 10

func hexadecimal(chars []byte, at, digits int) (rune, int) { return number(chars, at, digits, 16) }

func number(chars []byte, at, digits, base int) (rune, int) {
	if len(chars) < at+digits {
		return 0, 0
	}
	n, err := strconv.ParseUint(string(chars[at:at+digits]), base, 32)
	if err != nil {
		return 0, 0
	}
	return rune(n), at + digits
}

// maxEntity is the length of "&ZeroWidthSpace;" and a little more.
const maxEntity = 20

func entity(chars []byte) (rune, int) {
	chars = chars[:min(len(chars), maxEntity)]
	end := slices.Index(chars, ';')
	if number := numericEntity(chars); number > 0 && (end < 0 || end >= number) {
		end = number - 1
		if number < len(chars) && chars[number] == ';' {
			end++
		}
	}
	if end < 0 {
		return 0, 0
	}
	escaped := string(chars[:end+1])
	c, n := utf8.DecodeRuneInString(html.UnescapeString(escaped))
	if n == 0 || c == '&' && html.UnescapeString(escaped) == escaped {
		return 0, 0
	}
	return c, end + 1
}

// numericEntity is the length of the entity with a number that characters begin with,
// without its semicolon, which browsers do not need.
func numericEntity(chars []byte) int {
	at, isDigitOf := 2, isDigit
	if len(chars) > 2 && chars[2]|' ' == 'x' {
		at, isDigitOf = 3, func(c byte) bool { return isDigit(c) || c|' ' >= 'a' && c|' ' <= 'f' }
	}
	end := at
	for end < len(chars) && isDigitOf(chars[end]) {
		end++
	}
	if end == at || chars[1] != '#' {
		return 0
	}
	return end
}
