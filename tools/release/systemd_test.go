package release

import (
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// packages is the part of .goreleaser.yaml about deb and rpm.
type packages struct {
	Builds []struct{ Binary string }
	NFPMs  []struct {
		Formats  []string
		Bindir   string
		Contents []struct{ Src, Dst, Type string }
		Scripts  map[string]string
	} `yaml:"nfpms"`
}

// TestPackagesContainWhatTheUnitNames checks that the packages install each file that the unit refers to, from files that exist.
func TestPackagesContainWhatTheUnitNames(t *testing.T) {
	var config packages
	parse(t, ".goreleaser.yaml", &config)
	if len(config.NFPMs) != 1 || !slices.Equal(config.NFPMs[0].Formats, []string{"deb", "rpm"}) {
		t.Fatalf("the packages are %+v", config.NFPMs)
	}
	made := config.NFPMs[0]
	installed := map[string]string{path.Join(made.Bindir, config.Builds[0].Binary): ""}
	for _, file := range made.Contents {
		checkExists(t, file.Src)
		installed[file.Dst] = file.Type
	}
	for _, script := range made.Scripts {
		checkExists(t, script)
		if out, err := exec.Command("sh", "-n", filepath.Join(repository, script)).CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", script, err, out)
		}
	}
	unit := settings(t)
	binary, _, _ := strings.Cut(unit["ExecStart"][0], " ")
	if _, found := installed[binary]; !found {
		t.Errorf("the unit starts %s, which the packages do not install", binary)
	}
	if kind := installed[unit["EnvironmentFile"][0]]; kind != "config|noreplace" {
		t.Errorf("an upgrade would replace %s: its type is %q", unit["EnvironmentFile"][0], kind)
	}
	if !strings.Contains(read(t, "deploy/systemd/sysusers.conf"), "u "+unit["User"][0]+" ") {
		t.Errorf("the packages do not create the user %s", unit["User"][0])
	}
}

// TestUnitLeavesMemoryHeadroom checks that GOMEMLIMIT is 90 % of the unit's memory limit.
func TestUnitLeavesMemoryHeadroom(t *testing.T) {
	unit := settings(t)
	limit, err := strconv.Atoi(strings.TrimSuffix(unit["MemoryMax"][0], "M"))
	if err != nil {
		t.Fatal(err)
	}
	if want := fmt.Sprintf("GOMEMLIMIT=%d", limit<<20*9/10); !slices.Contains(unit["Environment"], want) {
		t.Errorf("the unit sets %q, want %s", unit["Environment"], want)
	}
}

// TestUnitIsHardened checks the unit with systemd itself, where it is installed. Its scale is 0 to 100, and lower is better; what is left
// is the network.
func TestUnitIsHardened(t *testing.T) {
	if _, err := exec.LookPath("systemd-analyze"); err != nil {
		t.Skip("systemd-analyze is not installed")
	}
	analyze := exec.Command("systemd-analyze", "security", "--offline=true", "--threshold=15", "--no-pager", unitFile)
	analyze.Dir = repository
	if out, err := analyze.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

const unitFile = "deploy/systemd/vault-k8s-auth-exporter.service"

// settings returns the unit's settings; one may be set several times.
func settings(t *testing.T) map[string][]string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(repository, unitFile))
	if err != nil {
		t.Fatal(err)
	}
	found := map[string][]string{}
	for line := range strings.Lines(string(text)) {
		if name, value, set := strings.Cut(strings.TrimSpace(line), "="); set && !strings.HasPrefix(name, "#") {
			found[name] = append(found[name], value)
		}
	}
	return found
}
