package docs_test

import (
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const examples = "../deploy/helm/vault-k8s-auth-exporter/examples"

// TestEveryExampleIsNamed checks that the installation guide links to each example values file
// of the chart. TestLinksResolve checks that each file it links to exists.
func TestEveryExampleIsNamed(t *testing.T) {
	files, err := filepath.Glob(examples + "/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no examples: %v", err)
	}
	guide := read(t, "installation.md")
	for _, file := range files {
		if !strings.Contains(guide, "]("+file+")") {
			t.Errorf("no section links to %s", file)
		}
	}
}

// TestEveryInstallationHasItsExample checks that each section that sets variables links to a values file.
func TestEveryInstallationHasItsExample(t *testing.T) {
	found := 0
	for _, section := range regexp.MustCompile(`(?m)^#{2,3} `).Split(read(t, "installation.md"), -1) {
		if !strings.Contains(section, "exporter.env <<") && !strings.Contains(section, ">> exporter.env") {
			continue
		}
		found++
		if title, _, _ := strings.Cut(section, "\n"); !strings.Contains(section, "]("+examples+"/") {
			t.Errorf("the section %q links to no values file of the chart", title)
		}
	}
	if found != 6 {
		t.Errorf("%d sections set variables, want 6", found)
	}
}
