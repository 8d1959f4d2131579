package probe

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"os/exec"
	"strings"
	"testing"
	"unicode"
)

func TestSecretNeverSaysItself(t *testing.T) {
	const value = "hvs.MARKEDSECRET"
	secret := NewSecret(value)
	holder := struct{ S Secret }{secret}
	hidden := struct{ s Secret }{secret} // fmt cannot call the methods of an unexported field
	if printed := fmt.Sprintf("%v %+v %#v", hidden, hidden, &hidden); strings.Contains(printed, "MARKED") {
		t.Errorf("a secret in an unexported field says: %s", printed)
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
			t.Errorf("a secret says: %s", text)
		}
	}
	if secret.Reveal() != value {
		t.Error("a secret does not give its value to whoever asks for it")
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
		if got := clean(text); got != want {
			t.Errorf("clean(%q) = %q, want %q", text, got, want)
		}
	}
	if got := clean(strings.Repeat("word ", 1000)); len(got) > maxText+len("…") {
		t.Errorf("a long text keeps %d bytes", len(got))
	}
}

func FuzzClean(f *testing.F) {
	f.Add("eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ4In0.c2ln\x00")
	f.Add(strings.Repeat("é", 600))
	f.Fuzz(func(t *testing.T, text string) {
		got := clean(text)
		if len(got) > maxText+len("…") || strings.ContainsFunc(got, func(r rune) bool { return !unicode.IsPrint(r) }) {
			t.Errorf("clean(%q) = %q", text, got)
		}
		if strings.Contains(got, "eyJhbGciOiJSUzI1NiJ9") {
			t.Errorf("a token survived in %q", got)
		}
	})
}

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

func TestQuoting(t *testing.T) {
	for value, want := range map[string]string{
		"vault-auth":         "'vault-auth'",
		"a:b/c@d.e_f":        "'a:b/c@d.e_f'",
		"x'; rm -rf ~; '":    "<name>",
		"$(reboot)":          "<name>",
		"two words":          "<name>",
		"":                   "<name>",
		"line\nbreak":        "<name>",
		"trailing newline\n": "<name>",
	} {
		if got := quoteUntrusted(value, "name"); got != want {
			t.Errorf("quoteUntrusted(%q) = %s, want %s", value, got, want)
		}
	}
}

// What own quotes is, for a shell, one word with the value itself.
func TestOwnSurvivesTheShell(t *testing.T) {
	shell, err := exec.LookPath("sh")
	if err != nil {
		t.Fatal(err)
	}
	for _, value := range []string{"plain", "two words", "it's", `$HOME "x" \ ;&|`, "*", ""} {
		out, err := exec.Command(shell, "-c", "printf %s "+quoteTrusted(value)).Output()
		if err != nil || string(out) != value {
			t.Errorf("quoteTrusted(%q) = %s reads as %q (%v)", value, quoteTrusted(value), out, err)
		}
	}
}
