package evidence

import (
	"regexp"
	"strings"
	"unicode"
)

// maxText is the length in bytes to which a server's text is cut.
const maxText = 500

// tokenLike matches what looks like a JWT, a Vault token or an accessor, and
// any long unbroken run of base64.
var tokenLike = regexp.MustCompile(`eyJ[A-Za-z0-9_-]{8,}(\.[A-Za-z0-9_-]*){0,2}|\b(hv[sbr]|[sbr])\.[A-Za-z0-9_-]{20,}|[A-Za-z0-9+_-]{64,}={0,2}`)

// clean makes a text that a server or a file had a hand in fit to be logged and
// shown: one line of printable characters, bounded, and nothing in it that looks
// like a token.
func Clean(text string) string {
	if len(text) > 4*maxText {
		text = text[:4*maxText]
	}
	text = strings.ToValidUTF8(text, "�")
	text = strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) {
			return ' '
		}
		if !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, text)
	text = strings.Join(strings.Fields(text), " ")
	text = tokenLike.ReplaceAllString(text, redacted)
	if len(text) > maxText {
		text = strings.ToValidUTF8(text[:maxText], "") + "…"
	}
	return text
}
