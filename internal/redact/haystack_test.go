package redact

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

// With an index, the same pieces are found as without.
func TestIndexFindsWhatASearchFinds(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	text := randomText(random, maxSearched+1)
	indexed, plain := newHaystack(text), haystack{text: text}
	if indexed.index == nil {
		t.Fatal("a long text has no index")
	}
	for range 1000 {
		at := random.IntN(len(text) - window)
		piece := text[at : at+window]
		if found := indexed.find(piece); found < 0 || text[found:found+window] != piece {
			t.Fatalf("the piece at %d is found at %d", at, found)
		}
		other := randomText(random, window)
		if got, want := indexed.find(other) < 0, plain.find(other) < 0; got != want {
			t.Fatalf("%q is missing: %t, want %t", other, got, want)
		}
	}
}

func randomText(random *rand.Rand, length int) string {
	const alphabet = "abcdefghijklmnopqrstuvwxyz0123456789"
	var b strings.Builder
	for range length {
		b.WriteByte(alphabet[random.IntN(len(alphabet))])
	}
	return b.String()
}

// The cost of a long text must not grow with the length of the credential: a hostile server
// chooses both.
func BenchmarkCleanWithLongToken(b *testing.B) {
	random := rand.New(rand.NewPCG(1, 2))
	text := strings.ToUpper(randomText(random, maxRaw))
	for _, length := range []int{1 << 10, 16 << 10, 64 << 10} {
		r := New(strings.ToUpper(randomText(random, length)))
		b.Run(fmt.Sprintf("%dKiB", length>>10), func(b *testing.B) {
			for b.Loop() {
				r.Clean(text)
			}
		})
	}
}
