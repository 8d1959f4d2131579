package deploy

import (
	"bytes"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"helm.sh/helm/v4/pkg/chart/v2/loader"
)

// copies returns the files that the chart has copies of, by their path in the chart.
func copies(t *testing.T) map[string]string {
	t.Helper()
	dashboards, err := filepath.Glob("../../dashboards/*.json")
	if err != nil || len(dashboards) == 0 {
		t.Fatalf("no dashboards: %v", err)
	}
	files := map[string]string{"files/rules.yaml": rulesFile}
	for _, path := range dashboards {
		files["files/dashboards/"+filepath.Base(path)] = path
	}
	return files
}

// TestChartFilesAreCopies compares the rules and dashboards in the chart with their originals. With -update it copies them.
//
// They are copies because Flux, and other tools that archive a checkout, drop symbolic links.
func TestChartFilesAreCopies(t *testing.T) {
	if *update {
		if err := os.RemoveAll(filepath.Join(chartDir, "files")); err != nil {
			t.Fatal(err)
		}
	}
	for name, original := range copies(t) {
		want, err := os.ReadFile(original)
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(chartDir, name)
		if *update {
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, want, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		got, err := os.ReadFile(path)
		if err != nil {
			t.Errorf("%v; run make chart", err)
		} else if !bytes.Equal(got, want) {
			t.Errorf("%s differs from %s; run make chart", path, original)
		}
	}
	for _, name := range chartFiles(t) {
		if _, copied := copies(t)[name]; strings.HasPrefix(name, "files/") && !copied {
			t.Errorf("%s has no original; run make chart", name)
		}
	}
}

// chartFiles returns the paths of the chart's files, relative to the chart. Links fail the test.
func chartFiles(t *testing.T) []string {
	t.Helper()
	var names []string
	err := filepath.WalkDir(chartDir, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir():
			return nil
		case !entry.Type().IsRegular():
			t.Errorf("%s is %s, not a regular file", path, entry.Type())
			return nil
		}
		name, err := filepath.Rel(chartDir, path)
		names = append(names, filepath.ToSlash(name))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// TestArchiveOfCheckoutRenders renders the chart from an archive of the checkout, as Flux makes it: only what git tracks, and no links.
func TestArchiveOfCheckoutRenders(t *testing.T) {
	tracked, err := exec.Command("git", "-C", chartDir, "ls-files", "-z", "--cached", "--others", "--exclude-standard").Output()
	if err != nil {
		t.Fatal(err)
	}
	archived := filepath.Join(t.TempDir(), release)
	for name := range strings.SplitSeq(strings.TrimSuffix(string(tracked), "\x00"), "\x00") {
		if info, err := os.Lstat(filepath.Join(chartDir, name)); err != nil || !info.Mode().IsRegular() {
			continue
		}
		content, err := os.ReadFile(filepath.Join(chartDir, name))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.MkdirAll(filepath.Dir(filepath.Join(archived, name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(archived, name), content, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	c, err := loader.LoadDir(archived)
	if err != nil {
		t.Fatal(err)
	}
	for name, v := range installations(t) {
		want, err := renderTexts(t, v)
		if err != nil {
			t.Fatal(err)
		}
		got, err := renderChart(c, v)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for path, text := range want {
			if got[path] != text {
				t.Errorf("%s: %s differs when it is rendered from the archive", name, path)
			}
		}
	}
}

// TestChartWithoutItsFilesFails checks that a chart whose rules or dashboards are missing or empty is not installed without them.
func TestChartWithoutItsFilesFails(t *testing.T) {
	for _, c := range []struct{ values, removed, wantError string }{
		{`prometheusRule: {enabled: true}`, "files/rules.yaml", "prometheusRule.enabled: this copy of the chart has no files/rules.yaml"},
		{`grafanaDashboard: {enabled: true}`, "files/dashboards/", "grafanaDashboard.enabled: this copy of the chart has no files/dashboards"},
	} {
		for _, how := range []string{"missing", "empty"} {
			broken := load(t)
			for i := range broken.Files {
				if file := broken.Files[i]; how == "empty" && strings.HasPrefix(file.Name, c.removed) {
					file.Data = nil
				}
			}
			if how == "missing" {
				for i := len(broken.Files) - 1; i >= 0; i-- {
					if strings.HasPrefix(broken.Files[i].Name, c.removed) {
						broken.Files = slices.Delete(broken.Files, i, i+1)
					}
				}
			}
			if _, err := renderChart(broken, merged(t, c.values)); err == nil || !strings.Contains(err.Error(), c.wantError) {
				t.Errorf("%s %s: %v; want %q", c.removed, how, err, c.wantError)
			}
			if _, err := renderChart(broken, merged(t, `{}`)); err != nil {
				t.Errorf("%s %s, but not used: %v", c.removed, how, err)
			}
		}
	}
}
