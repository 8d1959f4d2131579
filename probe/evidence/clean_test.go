package evidence

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"unicode"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/internal/redact"
)

func TestSecretIsNeverPrinted(t *testing.T) {
	const value = "hvs.MARKEDSECRET"
	secret := NewSecret(value)
	holder := struct{ S Secret }{secret}
	hidden := struct{ s Secret }{secret} // fmt cannot call the methods of an unexported field
	if printed := fmt.Sprintf("%v %+v %#v", hidden, hidden, &hidden); strings.Contains(printed, "MARKED") {
		t.Errorf("a secret in an unexported field is printed as: %s", printed)
	}
	encoded, err := json.Marshal(holder)
	if err != nil {
		t.Fatal(err)
	}
	var log strings.Builder
	slog.New(slog.NewJSONHandler(&log, nil)).Info("m", "s", secret, "holder", holder)
	slog.New(slog.NewTextHandler(&log, nil)).Info("m", "s", secret, "holder", holder)
	printed := fmt.Sprintf("%s %v %+v %#v %q %x %d %v %+v %#v %s", secret, secret, secret, secret, secret, secret, secret, holder, holder, &holder, &secret)
	for _, text := range []string{printed, string(encoded), log.String(), fmt.Errorf("with %v", secret).Error()} {
		if strings.Contains(text, "MARKED") || !strings.Contains(text, redacted) {
			t.Errorf("a secret is printed as: %s", text)
		}
	}
	if secret.Reveal() != value {
		t.Error("Reveal does not return the secret")
	}
}

func TestClean(t *testing.T) {
	for text, want := range map[string]string{
		"two\nlines\tand\x00 more\x1b[31m":                      "two lines and more[31m",
		"token eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ4In0.c2ln here":  "token REDACTED here",
		"token hvs.CAESIJ0123456789abcdefghij here":             "token REDACTED here",
		"batch hvb.AAAAAQ0123456789abcdefghij-_x":               "batch REDACTED",
		"old s.0123456789abcdefghijABCD":                        "old REDACTED",
		strings.Repeat("a", 64):                                 "REDACTED",
		"system:serviceaccount:monitoring:canary":               "system:serviceaccount:monitoring:canary",
		"UID 3b241101-e2bb-4255-8caf-4136c566a962 differs":      "UID 3b241101-e2bb-4255-8caf-4136c566a962 differs",
		"/apis/authentication.k8s.io/v1/tokenreviews/and/so/on": "/apis/authentication.k8s.io/v1/tokenreviews/and/so/on",
	} {
		if got := Clean(text); got != want {
			t.Errorf("Clean(%q) = %q, want %q", text, got, want)
		}
	}
	if got := Clean(strings.Repeat("word ", 1000)); len(got) > redact.MaxText+len("…") {
		t.Errorf("a long text keeps %d bytes", len(got))
	}
}

func FuzzClean(f *testing.F) {
	f.Add("eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ4In0.c2ln\x00")
	f.Add(strings.Repeat("é", 600))
	f.Fuzz(func(t *testing.T, text string) {
		got := Clean(text)
		if len(got) > redact.MaxText+len("…") || strings.ContainsFunc(got, func(r rune) bool { return !unicode.IsPrint(r) }) {
			t.Errorf("Clean(%q) = %q", text, got)
		}
		if strings.Contains(got, "eyJhbGciOiJSUzI1NiJ9") {
			t.Errorf("a token was not removed from %q", got)
		}
	})
}
