package setup

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/probetest"
)

// The token for Vault is in no printed or encoded form of what holds it.
func TestInputIsNotPrinted(t *testing.T) {
	input := Input{Token: evidence.NewSecret("hvs." + probetest.Mark)}
	for _, holder := range []any{input, &input, decision{in: input}} {
		encoded, err := json.Marshal(holder)
		if err != nil {
			t.Fatal(err)
		}
		var log strings.Builder
		slog.New(slog.NewJSONHandler(&log, nil)).Info("m", "holder", holder)
		slog.New(slog.NewTextHandler(&log, nil)).Info("m", "holder", holder)
		if text := fmt.Sprintf("%v %+v %#v %s %s", holder, holder, holder, encoded, log.String()); strings.Contains(text, probetest.Mark) {
			t.Errorf("%T is printed as %s", holder, text)
		}
	}
}
