package main

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

// What is not known about a build is left out.
func TestVersion(t *testing.T) {
	var stdout, stderr transcript
	if code := run(t.Context(), []string{"--version"}, &stdout, &stderr); code != exitOK || stderr.String() != "" {
		t.Errorf("exit code %d: %s", code, &stderr)
	}
	for line := range strings.Lines(stdout.String()) {
		if line = strings.TrimSpace(line); line == "" || strings.HasSuffix(line, ":") || strings.Contains(line, "unknown") {
			t.Errorf("%q says nothing:\n%s", line, &stdout)
		}
	}
}

// The title of the manual is one line, as troff reads it. kingpin writes it to the process's own
// output.
func TestManualTitle(t *testing.T) {
	cmd := exec.Command(os.Args[0], "--help-man")
	cmd.Env = append(os.Environ(), asExporter+"=1")
	manual, err := cmd.Output()
	_, rest, _ := strings.Cut(string(manual), "\n")
	if err != nil || !strings.HasPrefix(string(manual), ".TH exporter 1 ") || !strings.HasPrefix(rest, ".SH ") {
		t.Errorf("%v: the manual begins with %.200q", err, manual)
	}
}
