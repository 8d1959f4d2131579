package release

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"testing"
)

// TestGoreleaserAccepts checks the configuration with the version of goreleaser that makes releases.
func TestGoreleaserAccepts(t *testing.T) {
	check := exec.Command("go", "tool", "-modfile=tools/goreleaser/go.mod", "goreleaser", "check")
	check.Dir = repository
	check.Env = append(os.Environ(), "GITHUB_REPOSITORY=someone/vault-k8s-auth-exporter", "GITHUB_REPOSITORY_OWNER=someone")
	if output, err := check.CombinedOutput(); err != nil {
		t.Errorf("goreleaser check: %v\n%s", err, output)
	}
}

// TestBuildsSetTheSameVariables compares the -X flags of the Dockerfile and of .goreleaser.yaml.
func TestBuildsSetTheSameVariables(t *testing.T) {
	variables := regexp.MustCompile(`-X ([\w./]+)=`)
	set := func(name string) (names []string) {
		for _, match := range variables.FindAllStringSubmatch(read(t, name), -1) {
			names = append(names, match[1])
		}
		slices.Sort(names)
		return names
	}
	image, binaries := set("Dockerfile"), set(".goreleaser.yaml")
	if len(image) == 0 || !slices.Equal(image, binaries) {
		t.Errorf("the Dockerfile sets %v, .goreleaser.yaml %v", image, binaries)
	}
}

// TestContextHasCopiedFiles: goreleaser builds the image with only the files in extra_files.
func TestContextHasCopiedFiles(t *testing.T) {
	var config struct {
		Images []struct {
			Files []string `yaml:"extra_files"`
		} `yaml:"dockers_v2"`
	}
	parse(t, ".goreleaser.yaml", &config)
	if len(config.Images) != 1 {
		t.Fatalf("there are %d images, want one", len(config.Images))
	}
	build, _ := stages(t)
	for _, source := range append(copied(build), ".dockerignore") {
		if !slices.Contains(config.Images[0].Files, source) {
			t.Errorf("extra_files lacks %s, which the Dockerfile needs", source)
		}
	}
}

func read(t *testing.T, name string) string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(repository, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}
