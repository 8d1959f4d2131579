package lab

import (
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

func TestSignedTokenVerifiesOnlyWithItsOwnKey(t *testing.T) {
	ours, theirs := newTestSigner(t), newTestSigner(t)
	token, err := ours.sign(fields{"sub": "somebody", "strange": []int{1, 2}})
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := jwt.ParseSigned(token, []jose.SignatureAlgorithm{jose.RS256})
	if err != nil {
		t.Fatal(err)
	}
	if got := parsed.Headers[0].KeyID; got != ours.keyID {
		t.Errorf("kid = %q, want %q", got, ours.keyID)
	}
	var claims map[string]any
	if err := parsed.Claims(ours.key.Public(), &claims); err != nil {
		t.Fatal(err)
	}
	if claims["sub"] != "somebody" || len(claims["strange"].([]any)) != 2 {
		t.Errorf("claims = %v", claims)
	}
	if err := parsed.Claims(theirs.key.Public(), &claims); err == nil {
		t.Error("another key verifies the token")
	}
}

func TestClaimsOf(t *testing.T) {
	var account object
	account.Metadata.Namespace, account.Metadata.Name, account.Metadata.UID = "vault", "vault-auth", "uid-1"
	healthy := claimsOf(account, "a", "b")
	from, to := time.Unix(1000, 0), time.Unix(2000, 0)
	expired := healthy.with(validity(from, to))

	signer := newTestSigner(t)
	token, err := signer.sign(expired)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := jwt.ParseSigned(token, []jose.SignatureAlgorithm{jose.RS256})
	if err != nil {
		t.Fatal(err)
	}
	var got jwt.Claims
	if err := parsed.Claims(signer.key.Public(), &got); err != nil {
		t.Fatal(err)
	}
	if got.Subject != "system:serviceaccount:vault:vault-auth" || got.Issuer != issuer || len(got.Audience) != 2 {
		t.Errorf("claims = %+v", got)
	}
	if !got.NotBefore.Time().Equal(from) || !got.IssuedAt.Time().Equal(from) || !got.Expiry.Time().Equal(to) {
		t.Errorf("validity = %v, %v to %v", got.IssuedAt.Time(), got.NotBefore.Time(), got.Expiry.Time())
	}
	if healthy["exp"] == expired["exp"] {
		t.Error("with changed its receiver")
	}
}

func newTestSigner(t *testing.T) signer {
	t.Helper()
	s, err := newSigner()
	if err != nil {
		t.Fatal(err)
	}
	return s
}
