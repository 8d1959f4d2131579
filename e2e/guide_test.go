package e2e

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// A guide has the text of docs/installation.md by the headings of its sections.
type guide map[string]string

var heading = regexp.MustCompile(`(?m)^#{2,3} (.+)$`)

func readGuide(t *testing.T) guide {
	t.Helper()
	content, err := os.ReadFile("../docs/installation.md")
	if err != nil {
		t.Fatal(err)
	}
	page, sections := string(content), guide{}
	found := heading.FindAllStringSubmatchIndex(page, -1)
	for i, at := range found {
		end := len(page)
		if i+1 < len(found) {
			end = found[i+1][0]
		}
		sections[page[at[2]:at[3]]] = page[at[1]:end]
	}
	return sections
}

var fenced = regexp.MustCompile("(?ms)^```sh\n(.*?)^```$")

// publishedChart is where the guide gets the chart from. The tests take the one of this checkout.
const publishedChart = "oci://ghcr.io/vault-k8s-auth-exporter/charts/vault-k8s-auth-exporter"

// commands returns the shell blocks of a section.
func (g guide) commands(section string) []string {
	var blocks []string
	for _, match := range fenced.FindAllStringSubmatch(g[section], -1) {
		blocks = append(blocks, strings.ReplaceAll(match[1], publishedChart, chart))
	}
	return blocks
}

// yaml returns the only YAML block of a section.
func (g guide) yaml(section string) string {
	_, after, _ := strings.Cut(g[section], "```yaml\n")
	block, _, _ := strings.Cut(after, "```")
	return block
}
