package redact

import (
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"
)

// The filter never rules a piece of a form out, so that pieces are found where a search without it finds
// them, and it rules out nearly every other.
func TestTriplesRuleNoFormOut(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	const alphabet = "abcXYZ019-_./+ é"
	for range 300 {
		var values []string
		for range 1 + random.IntN(3) {
			var value strings.Builder
			for range 1 + random.IntN(200) {
				value.WriteByte(alphabet[random.IntN(len(alphabet))])
			}
			values = append(values, value.String())
		}
		n := newNeedles(values)
		for form := range strings.SplitSeq(n.forms(), "\x00") {
			for i := 0; i+window <= len(form); i++ {
				piece := form[i : i+window]
				if hay, found := n.lookUp(piece, true); found < 0 || found != n.inForms().find(piece) || hay.text == "" {
					t.Fatalf("%q, a piece of a form of %q, is at %d", piece, values, found)
				}
			}
		}
	}
	others, set := 0, newNeedles([]string{randomText(random, 1000)}).formTriples()
	for range 1000 {
		if set.mayHold(randomText(random, window)) {
			others++
		}
	}
	if others > 10 {
		t.Errorf("%d of 1000 other pieces are not ruled out", others)
	}
}

// Where the expression for what stands before a credential matches, its text is looked at.
func TestEveryKeyIsSuspicious(t *testing.T) {
	for _, word := range []string{
		"basic", "bearer", "token", "accessor", "passwd", "password", "jwt", "credential", "credentials", "authorization",
		"secret_id", "secret-id", "secretid", "client_secret", "client-secret", "clientsecret",
	} {
		const hidden = "7d444840-9dc0-11d1-b245-5ffdce74fad2"
		if text := strings.ToUpper(word) + "=" + hidden; !key.MatchString(text) || !isSuspicious(text) || strings.Contains(Clean(text), hidden) {
			t.Errorf("%s: matched %t, suspicious %t, cleaned %q", text, key.MatchString(text), isSuspicious(text), Clean(text))
		}
	}
	expression := key.String()
	words := strings.NewReplacer("(?:or)?", "", "s?", "", "[_-]?", "").Replace(expression[strings.Index(expression, "(basic")+1 : strings.Index(expression, ")[a-z_-]*")])
	for word := range strings.SplitSeq(words, "|") {
		if !isSuspicious(word) {
			t.Errorf("%s, of the expression, is not suspicious", word)
		}
	}
}

func TestUUIDIsWhatItsPatternSays(t *testing.T) {
	pattern := regexp.MustCompile(`^[0-9A-Fa-f]{8}-?(?:[0-9A-Fa-f]{4}-?){3}[0-9A-Fa-f]{12}$`)
	random := rand.New(rand.NewPCG(1, 2))
	matched := 0
	for range 100_000 {
		text := []byte(strings.ReplaceAll("7d444840-9DC0-11d1-b245-5ffdce74fad2", "-", []string{"-", ""}[random.IntN(2)]))
		for range random.IntN(3) {
			i := random.IntN(len(text))
			switch random.IntN(3) {
			case 0:
				text[i] = "-09afAFgG/:@`\x80"[random.IntN(14)]
			case 1:
				text = append(text[:i], text[i+1:]...)
			case 2:
				text = append(text[:i], append([]byte("-"), text[i:]...)...)
			}
		}
		want := pattern.Match(text)
		if isUUID(string(text)) != want {
			t.Fatalf("%q: a UUID is %t", text, want)
		}
		if want {
			matched++
		}
	}
	if matched < 1000 {
		t.Errorf("only %d texts match", matched)
	}
}
