package main

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/probetest"
)

// Colours repeat what words say: taking them out again leaves the plain report,
// with its lines broken at the same places.
func TestColoursChangeNoWord(t *testing.T) {
	for _, s := range probetest.Scenarios() {
		if s.Name != "healthy" && s.Name != "reviewer_forbidden" && s.Name != "role_ttl_too_long" {
			continue
		}
		results := []probe.Result{probetest.NewWorld(t).Play(s, false)}
		var plain, coloured bytes.Buffer
		if writeInked(&plain, false, results) != nil || writeInked(&coloured, true, results) != nil {
			t.Fatal("a buffer refused the report")
		}
		if got := painted.ReplaceAllString(coloured.String(), ""); got != plain.String() {
			t.Errorf("%s: without its colours the report is:\n%s\nwant:\n%s", s.Name, got, plain.String())
		}
		if strings.Contains(plain.String(), "\x1b") || !strings.Contains(coloured.String(), "\x1b[") {
			t.Errorf("%s: colours are in the plain report, or missing in the coloured one", s.Name)
		}
	}
}

func TestInkIsForTerminals(t *testing.T) {
	t.Setenv("NO_COLOR", "")
	t.Setenv("TERM", "xterm")
	file, err := os.Create(t.TempDir() + "/report")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if inkFor(file) || inkFor(new(bytes.Buffer)) {
		t.Error("what is no terminal gets colours")
	}
}
