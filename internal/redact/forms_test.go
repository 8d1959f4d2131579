package redact_test

import (
	"strings"
	"testing"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/internal/redact"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/probetest"
)

var credentials = map[string]string{
	"JWT":         probetest.Token{Namespace: "vault", Name: "vault-auth", UID: "3b241101-e2bb-4255-8caf-4136c566a962", Issuer: "https://kubernetes.default.svc"}.String(),
	"Vault token": "hvs.CAESIJ0hTq8dWnYx3Lk2mVbQzR5sPfGc7oUe9aKi4DtXwZyBGh4KHGh2cy5BbHJ0",
	"old token":   "s.4fZ1mQ8yTn2KpXw7RbVcLd9H",
	"UUID":        "5f1c9a7e-3d42-4b8f-9c06-1e7ad2b4f853",
	"opaque":      "correct-horse-battery-staple-of-the-reviewer",
	"password":    "pr0xy-Passw0rd!#7",
}

// Every credential that is held is found in every form.
func TestHeldCredentialsInEveryForm(t *testing.T) {
	for kind, credential := range credentials {
		r, traces := redact.New(credential), probetest.Traces(credential)
		for _, form := range probetest.Forms() {
			text := "1 error occurred: * " + form.Encode(credential) + " was refused"
			got := r.Clean(text)
			if found := traces(got); found != "" {
				t.Errorf("%s, %s: %q of it are in %q", kind, form.Name, found, got)
			}
			if strings.HasPrefix(form.Name, "behind") {
				continue
			}
			if !strings.HasPrefix(got, "1 error occurred: * ") {
				t.Errorf("%s, %s: what stands around it is gone too: %q", kind, form.Name, got)
			}
		}
	}
	t.Logf("%d credentials in %d forms", len(credentials), len(probetest.Forms()))
}
