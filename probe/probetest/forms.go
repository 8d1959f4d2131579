package probetest

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"html"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Form is one way in which a server's text can contain a credential.
type Form struct {
	Name   string
	Encode func(secret string) string
}

// Forms lists every form.
func Forms() []Form {
	return slices.Concat(plainForms, splitForms, escapedForms, encodedForms, partialForms)
}

func around(before, after string) func(string) string {
	return func(secret string) string { return before + secret + after }
}

var plainForms = []Form{
	{"plain", around("", "")},
	{"in a sentence", around("the token ", " is not valid")},
	{"in quotes", around(`"`, `"`)},
	{"after a percent-encoded space", around("%20", "")},
	{"after an escaped quote", around(`\u0022`, `\u0022`)},
	{"after a word character", around("client_token_", "")},
	{"after a letter", around("x", "")},
	{"after a digit", around("7", "")},
	{"after a colour", around("\x1b[31m", "\x1b[0m")},
	{"after a NUL", around("\x00", "\x00")},
	{"after a newline", around("x\n", "\n")},
	{"as a bearer", around("Authorization: Bearer ", "")},
	{"as a bearer in lower case", around("bearer ", "")},
	{"as a value", around("token=", "&x=1")},
	{"as JSON", around(`{"auth":{"client_token":"`, `"}}`)},
	{"as Go prints a map", around("map[token:", "]")},
	{"as HTML", around("<b>", "</b>")},
	{"in a URL", around("https://vault.example/v1/auth?token=", "#x")},
	{"as a password in a URL", around("https://user:", "@proxy.example:3128")},
	{"twice", func(s string) string { return s + s }},
	{"after 490 bytes", around(strings.Repeat("word ", 98), "")},
	{"after 1990 bytes", around(strings.Repeat("word ", 398), "")},
	{"after 9000 invisible bytes", around(strings.Repeat("\x00", 9000), "")},
}

// every inserts a separator after every n bytes.
func every(n int, separator string) func(string) string {
	return func(secret string) string {
		var parts []string
		for part := range slices.Chunk([]byte(secret), n) {
			parts = append(parts, string(part))
		}
		return strings.Join(parts, separator)
	}
}

var splitForms = []Form{
	{"split by line ends", every(40, "\n")},
	{"split by line ends of Windows", every(16, "\r\n")},
	{"split by folded lines", every(32, "\r\n\t")},
	{"split by tabs", every(10, "\t")},
	{"split by blanks", every(5, " ")},
	{"split by no-break spaces", every(20, "\u00a0")},
	{"split by slashes", every(20, "/")},
	{"split by commas and quotes", every(30, `", "`)},
	{"split by zero-width spaces", every(8, "\u200b")},
	{"split by soft hyphens", every(8, "\u00ad")},
	{"split by byte order marks", every(9, "\ufeff")},
	{"split by combining marks", every(4, "\u0301")},
	{"split by NULs, as UTF-16", every(1, "\x00")},
	{"split by colours", every(12, "\x1b[1;31m")},
	{"split by backspaces", every(7, "\b")},
	{"split by broken UTF-8", every(11, "\xff")},
}

func each(format string) func(string) string {
	return func(secret string) string {
		var b strings.Builder
		for i := range len(secret) {
			fmt.Fprintf(&b, format, secret[i])
		}
		return b.String()
	}
}

func then(first, second func(string) string) func(string) string {
	return func(secret string) string { return second(first(secret)) }
}

func asJSON(text string) string {
	encoded, err := json.Marshal(map[string]string{"token": text})
	if err != nil {
		panic(err)
	}
	return string(encoded)
}

var escapedForms = []Form{
	{"percent-encoded", each("%%%02X")},
	{"percent-encoded in lower case", each("%%%02x")},
	{"percent-encoded where it must be", url.QueryEscape},
	{"percent-encoded dots and dashes", func(s string) string { return strings.NewReplacer(".", "%2E", "-", "%2D").Replace(s) }},
	{"percent-encoded twice", then(each("%%%02X"), url.QueryEscape)},
	{"as JSON's escapes", each(`\u%04x`)},
	{"as escapes of Go", each(`\x%02x`)},
	{"quoted by Go", strconv.Quote},
	{"quoted by Go twice", then(strconv.Quote, strconv.Quote)},
	{"JSON in JSON", then(asJSON, asJSON)},
	{"as decimal entities", each("&#%d;")},
	{"as hexadecimal entities", each("&#x%x;")},
	{"with named entities", func(s string) string {
		return strings.NewReplacer(".", "&period;", "_", "&lowbar;", "-", "&hyphen;").Replace(s)
	}},
	{"as entities without their ends", each("&#%d")},
	{"as octal escapes", each(`\%03o`)},
	{"as escapes of Rust", each(`\u{%x}`)},
	{"as escapes of JavaScript", each("%%u%04x")},
	{"as Go prints bytes", func(s string) string { return fmt.Sprint([]byte(s)) }},
	{"as Go writes bytes", func(s string) string { return fmt.Sprintf("%#v", []byte(s)) }},
	{"escaped for HTML", then(around(`"`, `"`), html.EscapeString)},
}

func base64Of(encoding *base64.Encoding) func(string) string {
	return func(secret string) string { return encoding.EncodeToString([]byte(secret)) }
}

var encodedForms = []Form{
	{"base64", base64Of(base64.StdEncoding)},
	{"base64 without padding", base64Of(base64.RawStdEncoding)},
	{"base64 for URLs", base64Of(base64.URLEncoding)},
	{"base64 for URLs without padding", base64Of(base64.RawURLEncoding)},
	{"base64 behind one byte", then(around("x", "yy"), base64Of(base64.StdEncoding))},
	{"base64 behind two bytes", then(around("xx", "y"), base64Of(base64.StdEncoding))},
	{"base64 of JSON", then(asJSON, base64Of(base64.RawURLEncoding))},
	{"base64 as a password", then(then(around("user:", ""), base64Of(base64.StdEncoding)), around("Basic ", ""))},
	{"base64 in lines", then(base64Of(base64.StdEncoding), every(76, "\n"))},
	{"base64 in short lines", then(base64Of(base64.StdEncoding), every(20, "\r\n"))},
	{"base64, percent-encoded", then(base64Of(base64.StdEncoding), url.QueryEscape)},
	{"base64 after a word", then(base64Of(base64.StdEncoding), around("token_", ""))},
	{"hexadecimal", func(s string) string { return hex.EncodeToString([]byte(s)) }},
	{"hexadecimal in capitals", each("%02X")},
	{"hexadecimal with colons", then(func(s string) string { return hex.EncodeToString([]byte(s)) }, every(2, ":"))},
}

var partialForms = []Form{
	{"without its end", func(s string) string { return s[:len(s)*3/4] }},
	{"without its beginning", func(s string) string { return s[len(s)/4:] }},
	{"in two halves", func(s string) string { return "first half " + s[:len(s)/2] + " and second half " + s[len(s)/2:] }},
}

// tracePiece is how many consecutive letters and digits of a credential count as a leak.
const tracePiece = 16

// Traces returns a function that finds the first piece of a credential in a text: plain, in
// base64 or hexadecimal, escaped in any way and with any separators in between. It returns
// an empty string if there is none.
func Traces(credential string) func(text string) string {
	pieces := map[string]bool{}
	for _, form := range []string{
		credential, hex.EncodeToString([]byte(credential)), base64.RawStdEncoding.EncodeToString([]byte(credential)),
		base64.RawStdEncoding.EncodeToString([]byte("x" + credential))[2:], base64.RawStdEncoding.EncodeToString([]byte("xx" + credential))[3:],
	} {
		letters := lettersOf(form)
		for i := 0; i+tracePiece <= len(letters); i++ {
			pieces[letters[i:i+tracePiece]] = true
		}
	}
	return func(text string) string {
		text += " " + unlisted(text)
		for last := ""; text != last; {
			letters := lettersOf(text)
			for i := 0; i+tracePiece <= len(letters); i++ {
				if pieces[letters[i:i+tracePiece]] {
					return letters[i : i+tracePiece]
				}
			}
			last, text = text, unescaped(text)
		}
		return ""
	}
}

var (
	escape = regexp.MustCompile(`%u[0-9A-Fa-f]{4}|%[0-9A-Fa-f]{2}|\\u\{[0-9A-Fa-f]+\}|\\u[0-9A-Fa-f]{4}|\\x[0-9A-Fa-f]{2}|\\[0-7]{3}|\\.`)
	octal  = regexp.MustCompile(`^\\[0-7]{3}$`)
	// listed matches a byte as Go prints it, where one is before or behind it.
	listed = regexp.MustCompile(`\b(?:0x[0-9a-f]{2}|[0-9]{2,3})(?:, ?| |\]|\})`)
)

func lettersOf(text string) string {
	return strings.Map(func(c rune) rune {
		switch {
		case c >= 'a' && c <= 'z', c >= '0' && c <= '9':
			return c
		case c >= 'A' && c <= 'Z':
			return c + 'a' - 'A'
		}
		return -1
	}, text)
}

func unescaped(text string) string {
	if !strings.ContainsAny(text, `%\&`) {
		return text
	}
	return html.UnescapeString(escape.ReplaceAllStringFunc(text, func(e string) string {
		base := 16
		if octal.MatchString(e) {
			base = 8
		}
		if n, err := strconv.ParseUint(strings.Trim(e, `%\ux{}`), base, 32); err == nil {
			return string(rune(n))
		}
		return strings.TrimPrefix(e, `\`)
	}))
}

// unlisted is what the lists of bytes in a text hold, one behind the other.
func unlisted(text string) string {
	var bytes []byte
	for _, number := range listed.FindAllString(text, -1) {
		if n, err := strconv.ParseUint(strings.TrimRight(number, ", ]}"), 0, 8); err == nil {
			bytes = append(bytes, byte(n))
		}
	}
	return string(bytes)
}
