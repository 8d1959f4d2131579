package redact

import (
	"regexp"
	"slices"
	"strings"
)

// suspicious are the parts of words, in lower case, that make it worth while to look
// for what a credential looks like.
var suspicious = []string{"eyj", "hvs.", "hvb.", "hvr.", "token", "bearer", "basic", "accessor", "passw", "jwt", "credential", "authorization", "secret"}

// minRun is the length of the shortest run that is taken for encoded data.
const minRun = 40

// maybeShaped is false where nothing in a text looks like a credential. It allocates
// nothing for a text without escapes in lower case.
func maybeShaped(text string) bool {
	run, odd := 0, 0
	for i := range len(text) {
		switch c := text[i]; {
		case c < ' ' || c > '~' || c == '%' || c == '\\' || c == '&':
			return true
		case c == '.' && i > 0 && strings.IndexByte("sbr", text[i-1]) >= 0 && len(text)-i > oldToken:
			return true
		case isWordByte(c) || c == '/':
			run++
			if isDigit(c) || isUpper(c) {
				odd++
			}
			if run >= minRun && odd >= minOdd || run >= longRun {
				return true
			}
		default:
			run, odd = 0, 0
		}
	}
	return nextList(text, 0) < len(text) || isSuspicious(text)
}

// isSuspicious reports whether a text has a part that stands in or before many a credential.
func isSuspicious(text string) bool {
	folded := strings.ToLower(text)
	return slices.ContainsFunc(suspicious, func(part string) bool { return strings.Contains(folded, part) })
}

// findShapes returns the spans of a view that look like a credential.
func findShapes(v view) []span {
	spans := keyed(v)
	var after int // where the last credential ended; 0 where there was none
	for i, end := v.word(0); i < end; i, end = v.word(end) {
		word := string(v.chars[i:end])
		at := credentialIn(word)
		if at < 0 && after > 0 && i-after <= maxGap && (isEncoded(word) || v.isEncodedAfter(end)) {
			at = 0 // it goes on in the next line
		}
		if at >= 0 {
			spans, after = append(spans, v.span(i+at, end)), end
		}
	}
	return spans
}

// word returns where the next word of a view begins and ends; it is empty behind the
// last.
func (v view) word(from int) (i, end int) {
	for i = from; i < len(v.chars) && !isTokenByte(v.chars[i]); i++ {
	}
	for end = i; end < len(v.chars) && isTokenByte(v.chars[end]); end++ {
	}
	return i, end
}

// isEncodedAfter reports whether the next word, and near, is encoded: a part of a
// credential may happen to look like a word.
func (v view) isEncodedAfter(from int) bool {
	i, end := v.word(from)
	return i < end && i-from <= maxGap && isEncoded(string(v.chars[i:end]))
}

// maxGap is how many characters stand between the parts of a credential at most.
const maxGap = 4

func isTokenByte(c byte) bool { return isWordByte(c) || c == '.' || c == '/' }

// credentialIn returns where in a word a credential begins, or -1.
func credentialIn(word string) int {
	for i := range len(word) {
		if begins(word, i) {
			return i
		}
	}
	return -1
}

const (
	// longRun is the length from which a run without slashes is taken for encoded data
	// whatever it consists of.
	longRun = 64
	// oldToken is the length of what follows "s." at least, and newToken what follows
	// "hvs." where it has a capital or a digit.
	oldToken, newToken = 20, 12
)

// begins reports whether a JWT, a Vault token or encoded data begins here.
func begins(word string, i int) bool {
	rest := word[i:]
	switch {
	case strings.HasPrefix(rest, "eyJ"):
		return countRun(rest, isNameByte).length >= 8
	case len(rest) > 4 && rest[0] == 'h' && rest[1] == 'v' && strings.IndexByte("sbr", rest[2]) >= 0 && rest[3] == '.':
		r := countRun(rest[4:], isNameByte)
		return r.length >= oldToken || r.length >= newToken && r.upper+r.digit > 0 || r.length >= minHeld && r.upper > 1
	case len(rest) > 2 && strings.IndexByte("sbr", rest[0]) >= 0 && rest[1] == '.':
		r := countRun(rest[2:], isNameByte)
		return r.length >= oldToken && (i == 0 || !isAlnum(word[i-1]) || r.upper > 0 && r.digit > 0)
	case i > 0 && isWordByte(word[i-1]):
		return false // a run was looked at where it began
	}
	if countRun(rest, func(c byte) bool { return isNameByte(c) || c == '+' }).length >= longRun {
		return true
	}
	r := countRun(rest, func(c byte) bool { return isNameByte(c) || c == '+' || c == '/' })
	return r.length >= minRun && r.upper >= 4 && r.lower >= 4 && r.digit >= 2 && 4*(r.upper+r.digit) >= r.length && 16*r.slash <= r.length
}

func isNameByte(c byte) bool { return isAlnum(c) || c == '_' || c == '-' }

// run counts what the characters at the beginning of a word are.
type run struct{ length, upper, lower, digit, slash int }

func countRun(word string, belongs func(byte) bool) run {
	var r run
	for ; r.length < len(word) && belongs(word[r.length]); r.length++ {
		switch c := word[r.length]; {
		case isUpper(c):
			r.upper++
		case isLower(c):
			r.lower++
		case isDigit(c):
			r.digit++
		case c == '/':
			r.slash++
		}
	}
	return r
}

// isEncoded reports whether a word is none of a language: it has capitals inside, or
// letters and digits, or padding.
func isEncoded(word string) bool {
	r := countRun(word, isTokenByte)
	upper := r.upper
	if isUpper(word[0]) {
		upper--
	}
	switch {
	case strings.HasSuffix(word, "="):
		return true
	case r.digit > 0 && r.upper+r.lower > 0:
		return len(word) >= 6
	}
	return upper > 0 && r.lower > 0 && len(word) >= 4 || len(word) >= oldToken && r.slash == 0
}

// key is a word after which a credential may stand, with what stands between. Every such word has a
// suspicious part.
var key = regexp.MustCompile(`(?i)(basic|bearer|token|accessor|passw(?:or)?d|jwt|credentials?|authorization|secret[_-]?id|client[_-]?secret)[a-z_-]*([ "'=:(<>\[\]]{1,8})(?:(?:is|was|id)[ "'=:(]+)?`)

// isUUID reports whether a text is a UUID, with all of its hyphens, some or none.
func isUUID(text string) bool {
	digits := 0
	for i := range len(text) {
		switch c := text[i]; {
		case isDigit(c), lower(c) >= 'a' && lower(c) <= 'f':
			digits++
		case c != '-' || digits < 8 || digits > 20 || digits%4 != 0 || text[i-1] == '-':
			return false
		}
	}
	return digits == 32
}

func isHex(text string) bool {
	return strings.IndexFunc(text, func(c rune) bool { return (c < '0' || c > '9') && (c < 'a' || c > 'f') && (c < 'A' || c > 'F') }) < 0
}

// keyed returns the spans of values that only what stands before them shows to be
// credentials: after Basic, Bearer, "token:", and of UUIDs and accessors.
func keyed(v view) []span {
	text := string(v.chars)
	if !isSuspicious(text) {
		return nil
	}
	var spans []span
	for from := 0; ; {
		m := key.FindStringSubmatchIndex(text[from:])
		if m == nil {
			return spans
		}
		name, between, at := strings.ToLower(text[from+m[2]:from+m[3]]), text[from+m[4]:from+m[5]], from+m[1]
		end := at
		for end < len(text) && (isTokenByte(text[end]) || strings.IndexByte("~:@", text[end]) >= 0) {
			end++
		}
		if isCredential(name, between, text[at:end]) {
			spans = append(spans, v.span(at, end))
		}
		from = max(from+m[5], from+1)
	}
}

func isCredential(key, between, value string) bool {
	value = strings.TrimRight(value, ".:")
	if len(value) < minHeld || strings.HasPrefix(value, "auth_") { // a mount's accessor is none of a token
		return false
	}
	assigned := strings.ContainsAny(between, "=:") || key == "basic" || key == "bearer"
	switch {
	case isUUID(value):
		return true
	case strings.Contains(value, "://"), strings.HasPrefix(value, "/"), !assigned && key != "accessor":
		return false
	}
	return (len(value) >= newToken || key == "basic" || key == "bearer") && isEncoded(value) && !strings.HasSuffix(strings.TrimRight(value, "="), "realm")
}
