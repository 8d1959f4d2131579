package gather

import (
	"testing"
)

func FuzzDecodeClaims(f *testing.F) {
	f.Add("eyJhbGciOiJSUzI1NiJ9.eyJhdWQiOjF9.c2ln")
	f.Add("..")
	f.Fuzz(func(t *testing.T, token string) {
		claims := decodeClaims(token)
		if claims.Opaque && claims.Subject != "" {
			t.Errorf("an opaque token has claims: %+v", claims)
		}
	})
}
