package docs_test

import (
	"path/filepath"
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
