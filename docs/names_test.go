package docs_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/internal/config"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/diagnose"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
)

func pages(t *testing.T) []string {
	t.Helper()
	var paths []string
	for _, folder := range []string{"..", ".", "runbooks", "../dashboards", "../deploy/prometheus", "../deploy/systemd", "../deploy/helm/*"} {
		found, err := filepath.Glob(folder + "/*.md")
		if err != nil {
			t.Fatal(err)
		}
		paths = append(paths, found...)
	}
	return paths
}

// TestLinksResolve checks every link to a file in this repository, and its anchor.
func TestLinksResolve(t *testing.T) {
	link := regexp.MustCompile(`\]\(([^)\s]+)\)`)
	for _, page := range pages(t) {
		for _, match := range link.FindAllStringSubmatch(read(t, page), -1) {
			target, anchor, _ := strings.Cut(match[1], "#")
			if strings.Contains(target, "://") {
				continue
			}
			path := page
			if target != "" {
				path = filepath.Join(filepath.Dir(page), target)
			}
			if _, err := os.Stat(path); err != nil {
				t.Errorf("%s: the file of the link %s does not exist", page, match[1])
				continue
			}
			if anchor != "" && !hasAnchor(read(t, path), anchor) {
				t.Errorf("%s: the anchor of the link %s does not exist", page, match[1])
			}
		}
	}
}

var notInAnchor = regexp.MustCompile(`[^\p{L}\p{N}_ -]`)

// hasAnchor reports whether a heading of the page has this anchor, by GitHub's rules.
func hasAnchor(page, anchor string) bool {
	for line := range strings.Lines(page) {
		title := strings.TrimLeft(line, "#")
		if title == line {
			continue
		}
		title = notInAnchor.ReplaceAllString(strings.ToLower(strings.TrimSpace(title)), "")
		if strings.ReplaceAll(title, " ", "-") == anchor {
			return true
		}
	}
	return false
}

// TestVariablesExist checks that the exporter reads every variable that a page names.
func TestVariablesExist(t *testing.T) {
	var known strings.Builder
	if err := (config.Config{Targets: []evidence.Target{{}}}).Write(&known); err != nil {
		t.Fatal(err)
	}
	variable := regexp.MustCompile(`\bEXPORTER_[A-Z_]*[A-Z]\b`)
	for _, page := range pages(t) {
		for _, name := range variable.FindAllString(read(t, page), -1) {
			if !strings.Contains("\n"+known.String(), "\n"+name+"=") {
				t.Errorf("%s: there is no variable %s", page, name)
			}
		}
	}
}

// TestMetricsExist checks that docs/metrics.md lists every metric that a page names. Another
// test compares that page with the program.
func TestMetricsExist(t *testing.T) {
	reference := read(t, "metrics.md")
	metric := regexp.MustCompile(`\bvault_k8s_auth_[a-z_]*[a-z]\b`)
	for _, page := range pages(t) {
		for _, name := range metric.FindAllString(read(t, page), -1) {
			if !strings.Contains(reference, "| `"+name+"` |") {
				t.Errorf("%s: there is no metric %s", page, name)
			}
		}
	}
}

func TestVersionsNamesEveryPlatform(t *testing.T) {
	page := strings.Join(strings.Fields(read(t, "versions.md")), " ")
	for _, name := range diagnose.Platforms() {
		if !strings.Contains(page, name) {
			t.Errorf("versions.md does not name %s, which is recognised", name)
		}
	}
}
