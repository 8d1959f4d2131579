package redact_test

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/internal/redact"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/probetest"
)

// FuzzRedact puts a credential, in any form, into any text. What is left of the text shows nothing
// of the credential, and is one line of bounded length.
func FuzzRedact(f *testing.F) {
	kinds, forms := slices.Sorted(maps.Keys(credentials)), probetest.Forms()
	for i := range forms {
		f.Add(uint(i), uint(i), "1 error occurred: ", " was refused")
	}
	for _, around := range [][2]string{
		{"%", "%"}, {`\`, `\`}, {"&#", ";"}, {"\x1b[", "m"}, {"\xff", "\xff"}, {"é", "é"}, {"\u202e", "\u200d"}, {"[104 118 ", " 1]"}, {"eyJ", "=="}, {"hvs.", "."},
		{strings.Repeat("a ", 255), ""}, {strings.Repeat("\u200b", 5000), "x"}, {`{"a":"`, `"}`}, {"https://user:", "@host/"}, {"A", "A"}, {"\\u00", "\\u"},
	} {
		f.Add(uint(0), uint(0), around[0], around[1])
		f.Add(uint(1), uint(len(forms)/2), around[0], around[1])
	}
	f.Fuzz(func(t *testing.T, kind, form uint, before, after string) {
		credential := credentials[kinds[kind%uint(len(kinds))]]
		traces := probetest.Traces(credential)
		if traces(before+" "+after) != "" {
			t.Skip("not the planted one")
		}
		text := before + forms[form%uint(len(forms))].Encode(credential) + after
		r := redact.New(credential)
		got := r.Clean(text)
		if found := traces(got); found != "" {
			t.Errorf("%q is in %q, which was %q", found, got, text)
		}
		if found := traces(r.Remove(text)); found != "" {
			t.Errorf("%q is left by Remove in %q", found, text)
		}
		if len(got) > redact.MaxText+len("…") || strings.ContainsFunc(got, func(c rune) bool { return !unicode.IsPrint(c) }) || strings.ToValidUTF8(got, "") != got {
			t.Errorf("%q became %q", text, got)
		}
		if again := redact.New(credential).Clean(text); again != got {
			t.Errorf("%q became %q, and then %q", text, got, again)
		}
	})
}

// FuzzHeldValue holds any value, since a server chooses what it sends as a token. Whatever it is, texts
// are cleaned, and one that has the value's letters and digits as they are does not keep them.
func FuzzHeldValue(f *testing.F) {
	for _, value := range []string{"", "abcdef", "a.b.c.d.e.f", "\u200b\u200b", strings.Repeat("\x00", 8), "\xff\xfe\xfd\xfc\xfb\xfa", `\u0041\u0042`, "%%%%%%", "&#65;&#66;", "......", "日本語日本語"} {
		f.Add(value, "permission denied for ", " here")
		f.Add(value, `%`, `;`)
	}
	f.Add("Aaaa0a", "\x1b[", "") // its first letter may end a control sequence
	f.Add("Aaaa0a", "\x1b[31m", "\x1b[0m")
	f.Add("Aaaa0a", "\x1b[\x01", "\x1b[\n0m")
	f.Add(strings.Repeat("0", 15), strings.Repeat("0", 17), "") // a UUID
	f.Add(redact.Redacted, "", "")
	f.Add("00000R", "0\x10000000000\x00\x00\x04\x00000", "00000")
	f.Fuzz(func(t *testing.T, value, before, after string) {
		r := redact.New(value)
		text := before + value + after
		got := r.Clean(text)
		if len(got) > redact.MaxText+len("…") || strings.ContainsFunc(got, func(c rune) bool { return !unicode.IsPrint(c) }) {
			t.Errorf("with %q, %q became %q", value, text, got)
		}
		isWord := len(value) >= 6 && !strings.ContainsFunc(value, func(c rune) bool { return c > unicode.MaxASCII || !unicode.IsLetter(c) && !unicode.IsDigit(c) })
		left := r.Remove(text) + " " + got
		if !strings.Contains(value, redact.Redacted) { // what stands beside the mark may make the value with a letter of the mark
			left = strings.ReplaceAll(left, redact.Redacted, " ")
		}
		if isWord && value != redact.Redacted && strings.Contains(left, value) {
			t.Errorf("%q is left of %q: %q", value, text, got)
		}
	})
}
