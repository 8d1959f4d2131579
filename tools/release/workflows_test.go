package release

import (
	"errors"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

type workflow struct {
	On          map[string]any
	Permissions map[string]string
	Jobs        map[string]struct {
		Uses  string
		Steps []struct {
			Uses, Run string
			With      map[string]string
		}
	}
}

var (
	action = regexp.MustCompile(`^[\w.-]+/[\w./-]+@[0-9a-f]{40}$`)
	target = regexp.MustCompile(`\bmake ([a-z][a-z-]*)`)
	word   = regexp.MustCompile(`[^\s"'=]+`)
	file   = regexp.MustCompile(`^(\./)?[\w.-]+(/[\w.-]+)+$`)
)

// TestWorkflows checks that the files and make targets in the workflows exist, that actions are pinned to commits, and that the
// permissions are minimal.
func TestWorkflows(t *testing.T) {
	for _, name := range workflows(t) {
		t.Run(path.Base(name), func(t *testing.T) {
			var flow workflow
			parse(t, name, &flow)
			if !maps.Equal(flow.Permissions, map[string]string{"contents": "read"}) {
				t.Errorf("permissions of the whole workflow: %v, want contents: read; a job may ask for more", flow.Permissions)
			}
			if _, ok := flow.On["pull_request_target"]; ok || len(flow.On) == 0 {
				t.Errorf("it runs on %v: want a trigger, but not pull_request_target, which gives untrusted code this repository's token", flow.On)
			}
			if len(flow.Jobs) == 0 {
				t.Error("there are no jobs")
			}
			for _, job := range flow.Jobs {
				checkUses(t, job.Uses)
				for _, step := range job.Steps {
					checkUses(t, step.Uses)
					checkScript(t, step.Run)
					for key, value := range step.With {
						if strings.HasSuffix(key, "-file") {
							checkExists(t, value)
						}
					}
				}
			}
		})
	}
}

// TestDependabotCoversEveryModule checks that every module, package and Dockerfile is listed: dependabot updates no others.
func TestDependabotCoversEveryModule(t *testing.T) {
	var config struct {
		Updates []struct {
			Ecosystem   string `yaml:"package-ecosystem"`
			Directory   string
			Directories []string
		}
	}
	parse(t, ".github/dependabot.yaml", &config)
	listed := map[string][]string{}
	for _, update := range config.Updates {
		directories := update.Directories
		if update.Directory != "" {
			directories = append(directories, update.Directory)
		}
		listed[update.Ecosystem] = append(listed[update.Ecosystem], directories...)
	}
	found := map[string][]string{"github-actions": {"/"}}
	manifests := map[string]string{"go.mod": "gomod", "package.json": "npm", "Dockerfile": "docker"}
	for _, name := range gitFiles(t) {
		if ecosystem, ok := manifests[path.Base(name)]; ok {
			found[ecosystem] = append(found[ecosystem], path.Join("/", path.Dir(name)))
		}
	}
	for _, ecosystem := range slices.Sorted(maps.Keys(found)) {
		slices.Sort(found[ecosystem])
		slices.Sort(listed[ecosystem])
		if !slices.Equal(listed[ecosystem], found[ecosystem]) {
			t.Errorf("%s: dependabot watches %v, the repository has %v", ecosystem, listed[ecosystem], found[ecosystem])
		}
	}
}

// TestReleaseTestsFirst checks that every release job waits for the tests.
func TestReleaseTestsFirst(t *testing.T) {
	var flow struct {
		Jobs map[string]struct{ Uses, Needs string }
	}
	parse(t, ".github/workflows/release.yaml", &flow)
	for name, job := range flow.Jobs {
		seen := 0
		for job.Needs != "" && seen < len(flow.Jobs) {
			job = flow.Jobs[job.Needs]
			seen++
		}
		if job.Uses != "./.github/workflows/test.yaml" {
			t.Errorf("the job %s does not wait for the tests", name)
		}
	}
	if !strings.Contains(read(t, ".github/workflows/test.yaml"), "run: bash .ci/run\n") {
		t.Error("test.yaml does not run .ci/run")
	}
}

// TestChartIsSigned checks that the release signs the digest of the chart that it pushed, and may do so without a key.
func TestChartIsSigned(t *testing.T) {
	var flow struct {
		Jobs map[string]struct {
			Permissions map[string]string
			Steps       []struct{ Run, Uses string }
		}
	}
	parse(t, ".github/workflows/release.yaml", &flow)
	job := flow.Jobs["chart"]
	if job.Permissions["id-token"] != "write" || job.Permissions["packages"] != "write" {
		t.Errorf("the job's permissions are %v", job.Permissions)
	}
	var scripts, actions string
	for _, step := range job.Steps {
		scripts += step.Run
		actions += step.Uses + "\n"
	}
	for _, want := range []string{"helm push", `cosign sign --yes "$charts/vault-k8s-auth-exporter@$digest"`} {
		if !strings.Contains(scripts, want) {
			t.Errorf("no step runs %s", want)
		}
	}
	for _, want := range []string{"sigstore/cosign-installer@", "actions/attest-build-provenance@"} {
		if !strings.Contains(actions, want) {
			t.Errorf("no step uses %s", want)
		}
	}
}

// TestReleaseRefusesMovableBaseImages runs the step of the release that checks the Dockerfile.
func TestReleaseRefusesMovableBaseImages(t *testing.T) {
	var flow workflow
	parse(t, ".github/workflows/release.yaml", &flow)
	script := ""
	for _, step := range flow.Jobs["release"].Steps {
		if strings.Contains(step.Run, "make base-images") {
			script = step.Run
		}
	}
	const digest = "@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
	for dockerfile, want := range map[string]bool{
		"FROM --platform=$BUILDPLATFORM golang:1.26 AS build\nFROM static:nonroot" + digest + "\n":               false,
		"FROM --platform=$BUILDPLATFORM golang:1.26" + digest + " AS build\nFROM static:nonroot\n":               false,
		"FROM --platform=$BUILDPLATFORM golang:1.26" + digest + " AS build\nFROM static:nonroot" + digest + "\n": true,
	} {
		step := exec.Command("bash", "-ec", script)
		step.Dir = t.TempDir()
		if err := os.WriteFile(filepath.Join(step.Dir, "Dockerfile"), []byte(dockerfile), 0o600); err != nil {
			t.Fatal(err)
		}
		if out, err := step.CombinedOutput(); script == "" || (err == nil) != want {
			t.Errorf("released: %t, want %t\n%s%s", err == nil, want, dockerfile, out)
		}
	}
}

func workflows(t *testing.T) []string {
	t.Helper()
	var names []string
	for _, name := range gitFiles(t) {
		if strings.HasPrefix(name, ".github/workflows/") {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		t.Fatal("there are no workflows")
	}
	return names
}

func checkUses(t *testing.T, uses string) {
	t.Helper()
	switch {
	case uses == "":
	case strings.HasPrefix(uses, "./"):
		checkExists(t, uses)
	case !action.MatchString(uses):
		t.Errorf("uses %s: want it pinned to a commit, because a tag can be moved", uses)
	}
}

// checkScript checks that every make target in a script exists, and every word that looks like a path in the repository.
func checkScript(t *testing.T, script string) {
	t.Helper()
	for _, match := range target.FindAllStringSubmatch(script, -1) {
		if !strings.Contains(read(t, "Makefile"), "\n"+match[1]+":") {
			t.Errorf("make %s: there is no such target", match[1])
		}
	}
	for _, name := range word.FindAllString(script, -1) {
		if file.MatchString(name) {
			checkExists(t, name)
		}
	}
}

func checkExists(t *testing.T, name string) {
	t.Helper()
	if _, err := os.Stat(filepath.Join(repository, name)); errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%s does not exist", name)
	}
}

func parse(t *testing.T, name string, into any) {
	t.Helper()
	if err := yaml.Unmarshal([]byte(read(t, name)), into); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
}
