package redact_test

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/internal/redact"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/probetest"
)

// A JWT that nobody holds, such as the reviewer's that Vault has stored, is known by what
// it looks like, in every form that leaves three quarters of its letters in a row.
func TestUnknownJWT(t *testing.T) {
	jwt := credentials["JWT"]
	for _, form := range probetest.Forms() {
		got := redact.Clean("1 error occurred: " + form.Encode(jwt) + " was refused")
		if found := probetest.Traces(jwt)(got); found != "" && !needsTheValue[form.Name] {
			t.Errorf("%s: %q is in %q", form.Name, found, got)
		}
	}
}

// needsTheValue are the forms in which nothing but the value itself tells a credential
// from other text.
var needsTheValue = map[string]bool{
	"split by blanks": true, "hexadecimal with colons": true, "split by NULs, as UTF-16": true, "without its beginning": true, "in two halves": true,
	"base64 in short lines": true,
}

func TestUnknownCredentials(t *testing.T) {
	const token, old = "hvs.CAESIJ0hTq8dWnYx3Lk2mVbQzR5sPfGc7oUe9aKi4DtXwZyBGh4KHGh2cy5BbHJ0", "s.4fZ1mQ8yTn2KpXw7RbVcLd9H"
	basic := base64.StdEncoding.EncodeToString([]byte("exporter:pr0xy-Passw0rd"))
	for text, leak := range map[string]string{
		"%20" + token: token[4:], `\u0022` + token + `\u0022`: token[4:], "client_token_" + token: token[4:], "\x1b[31m" + token: token[4:], "\x00" + token: token[4:],
		"hvb." + token[4:]: token[4:], "hvr." + token[4:]: token[4:], "hvs%2E" + token[4:]: token[4:], "hvs&#46;" + token[4:]: token[4:], "hvs.\u0301" + token[4:]: token[4:],
		"%20" + old: old[2:], "client_token_" + old: old[2:], "b." + old[2:]: old[2:], "r." + old[2:]: old[2:],
		"accessor: MfF8oSbUpTqqQ5HLBWqzeXhy":                  "MfF8oSbUpTqqQ5HLBWqzeXhy",
		"no lease for accessor MfF8oSbUpTqqQ5HLBWqzeXhy":      "MfF8oSbUpTqqQ5HLBWqzeXhy",
		`"accessor":"0e9e354a-520f-df04-6867-ee81cae3d42d"`:   "0e9e354a-520f-df04-6867-ee81cae3d42d",
		"token 0e9e354a-520f-df04-6867-ee81cae3d42d":          "0e9e354a-520f-df04-6867-ee81cae3d42d",
		"client_token=0e9e354a-520f-df04-6867-ee81cae3d42d":   "0e9e354a-520f-df04-6867-ee81cae3d42d",
		"the token is 0e9e354a-520f-df04-6867-ee81cae3d42d":   "0e9e354a-520f-df04-6867-ee81cae3d42d",
		"X-Vault-Token: 0e9e354a-520f-df04-6867-ee81cae3d42d": "0e9e354a-520f-df04-6867-ee81cae3d42d",
		"Proxy-Authorization: Basic " + basic:                 basic,
		"basic%20" + basic:                                    basic,
		"Authorization: Bearer aB3dE5fG7hJ9":                  "aB3dE5fG7hJ9",
		"password=pr0xyPassw0rd!":                             "pr0xyPassw0rd",
	} {
		got := redact.Clean("error: " + text + " is not valid")
		if strings.Contains(got, leak) || !strings.HasPrefix(got, "error: ") || !strings.HasSuffix(got, " is not valid") {
			t.Errorf("%q became %q", text, got)
		}
	}
}

// What is printed of a Redactor shows nothing of what it holds.
func TestRedactorIsNotPrinted(t *testing.T) {
	r := redact.New(credentials["JWT"])
	for _, format := range []string{"%v", "%+v", "%#v", "%s"} {
		for _, v := range []any{r, struct{ R *redact.Redactor }{r}, struct{ r *redact.Redactor }{r}} {
			if found := probetest.Traces(credentials["JWT"])(fmt.Sprintf(format, v)); found != "" {
				t.Errorf("%s of %T shows %q", format, v, found)
			}
		}
	}
}
