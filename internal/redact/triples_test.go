package redact

import (
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"
)

// A piece of a text is never ruled out, and of 1 000 others next to none is not.
func TestTriplesHoldEveryPiece(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	value := randomText(random, 1000)
	set := newNeedles([]string{value}).triplesOfForms()
	for form := range encodings(value) {
		bones := skeleton(form)
		for i := range len(bones) - window {
			if piece := bones[i : i+window]; !set.mayHold(piece) {
				t.Fatalf("%q, a piece at %d, is ruled out", piece, i)
			}
		}
	}
	others := 0
	for range 1000 {
		if set.mayHold(skeleton(randomText(random, window))) {
			others++
		}
	}
	if others > 10 {
		t.Errorf("%d pieces of other texts are not ruled out", others)
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
