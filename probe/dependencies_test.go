package probe_test

import (
	"os"
	"strings"
	"testing"
)

// Each direct requirement in go.mod has a comment that says what it is for.
func TestRequirementsSayWhy(t *testing.T) {
	content, err := os.ReadFile("../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	direct, inBlock := 0, false
	for line := range strings.Lines(string(content)) {
		line = strings.TrimSpace(line)
		requirement, isSingle := strings.CutPrefix(line, "require ")
		switch {
		case requirement == "(":
			inBlock = true
		case line == ")":
			inBlock = false
		case inBlock && line != "" || isSingle:
			required, why, _ := strings.Cut(strings.TrimPrefix(line, "require "), "//")
			why = strings.TrimSpace(why)
			if why == "indirect" || required == "" {
				continue
			}
			direct++
			if why == "" {
				t.Errorf("go.mod does not say why it requires %s", required)
			}
		}
	}
	if direct < 10 {
		t.Errorf("found %d direct requirements, which is too few", direct)
	}
}

// heavy lists packages that register every Kubernetes API group: with them the binary is
// twice as large and uses half as much memory again.
var heavy = []string{
	"k8s.io/api/core/v1",
	"k8s.io/client-go/kubernetes",
	"k8s.io/client-go/informers",
	"k8s.io/client-go/tools/cache",
	"k8s.io/client-go/tools/leaderelection",
}

func TestExporterLinksNothingHeavy(t *testing.T) {
	for _, path := range list(t, `{{.ImportPath}}`, "-deps", "../cmd/exporter") {
		for _, pkg := range heavy {
			if path == pkg || strings.HasPrefix(path, pkg+"/") {
				t.Errorf("the exporter links %s", path)
			}
		}
	}
}
