package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/internal/status"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/probetest"
)

var update = flag.Bool("update", false, "write the golden files anew")

// TestBooks holds what is shown of every scenario against two files: the reports,
// which can be read as a book of what the exporter says, and the samples.
func TestBooks(t *testing.T) {
	var reports, samples bytes.Buffer
	for _, s := range probetest.Scenarios() {
		if s.Bare.Reason != "" {
			writeBooks(t, &reports, &samples, s, s.Name, false)
		}
		if s.Full.Reason != "" && s.Full != s.Bare {
			writeBooks(t, &reports, &samples, s, s.Name+" (all evidence)", true)
		}
	}
	golden(t, "check.golden", reports.Bytes())
	golden(t, "exposition.golden", samples.Bytes())
}

func writeBooks(t *testing.T, reports, samples *bytes.Buffer, s probetest.Scenario, title string, complete bool) {
	t.Helper()
	w := probetest.NewWorld(t)
	result := w.Play(s, complete)
	fmt.Fprintf(samples, "== %s\n\n%s\n", title, exposed(t, result))
	var text bytes.Buffer
	if err := writeText(&text, []probe.Result{neutral(result, w)}); err != nil {
		t.Fatal(err)
	}
	checkWidth(t, title, text.String())
	fmt.Fprintf(reports, "== %s\n\n%s\n", title, text.String())
}

// checkWidth: prose is wrapped, commands are not.
func checkWidth(t *testing.T, name, text string) {
	t.Helper()
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\n")
		command := strings.HasPrefix(line, "  fix  ") || strings.HasPrefix(line, "       ")
		if utf8.RuneCountInString(line) > width && !command && len(strings.Fields(line)) > 1 && strings.Contains(strings.TrimSpace(line[min(len(line), 39):]), " ") {
			t.Errorf("%s: a line has %d columns: %s", name, utf8.RuneCountInString(line), line)
		}
	}
}

func TestCheckJSON(t *testing.T) {
	var results []probe.Result
	for _, s := range probetest.Scenarios() {
		if s.Name != "healthy" && s.Name != "reviewer_forbidden" && s.Name != "role_ttl_too_long" {
			continue
		}
		w := probetest.NewWorld(t)
		result := w.Play(s, false)
		results = append(results, neutral(result, w))
	}
	var out bytes.Buffer
	if err := status.WriteReport(&out, results); err != nil {
		t.Fatal(err)
	}
	golden(t, "check.json.golden", out.Bytes())
}

// Every list in the JSON is a list also where it is empty.
func TestJSONHasNoNull(t *testing.T) {
	var out bytes.Buffer
	if err := status.WriteReport(&out, []probe.Result{{}}); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(out.String(), "null") {
		t.Errorf("null in %s", out.String())
	}
	if err := json.Unmarshal(out.Bytes(), &status.Report{}); err != nil {
		t.Error(err)
	}
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(string(got), "\n")); diff != "" {
		t.Errorf("%s differs (-want +got); go test ./cmd/exporter -update writes it anew:\n%s", path, diff)
	}
}
