package gather

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/internal/redact"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
)

// Whatever holds a credential shows it in no printed or encoded form. TestHoldersOfSecretsAreKnown
// lists what does.
func TestHoldersAreNotPrinted(t *testing.T) {
	secret := evidence.NewSecret(planted)
	token := evidence.Token{Secret: secret}
	tokens := tokensMinted{canary: minted{token}, reviewer: minted{token}}
	vault, err := newVaultServer(evidence.Vault{Addr: "http://127.0.0.1:8200"}, "test", answering(""))
	if err != nil {
		t.Fatal(err)
	}
	kubernetes, err := newKubernetesServer(evidence.Kubernetes{Host: "http://127.0.0.1:6443"}, "test", answering(""))
	if err != nil {
		t.Fatal(err)
	}
	bearer, err := kubernetes.as(secret)
	if err != nil {
		t.Fatal(err)
	}
	r := run{
		vault: vault, kubernetes: kubernetes, issued: loginAnswer{token: secret, server: vault}, minted: tokens, memory: &Memory{minted: tokens},
		canary: secret, reviewer: secret, own: secret, reader: secret, redactor: redact.New(planted),
	}
	for _, holder := range []any{
		token, minted{token}, tokens, Memory{minted: tokens}, loginAnswer{token: secret, server: vault}, tokenSource{run: &r, minted: &tokens.canary}, &r,
		*vault, bearer, vaultRequest{token: secret},
	} {
		text := fmt.Sprintf("%v %+v %#v %s %q %v %+v %#v", holder, holder, holder, holder, holder, &holder, &holder, &holder)
		if encoded, err := json.Marshal(holder); err == nil {
			text += string(encoded)
		}
		var log strings.Builder
		slog.New(slog.NewJSONHandler(&log, nil)).Info("m", "holder", holder, "pointer", &holder)
		slog.New(slog.NewTextHandler(&log, nil)).Info("m", "holder", holder, "pointer", &holder)
		if text += log.String(); strings.Contains(text, planted[:12]) || strings.Contains(text, planted[20:32]) {
			t.Errorf("%T is printed as %s", holder, text)
		}
	}
}
