package mixin

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

const root = "../.."

// TestRendered checks that the committed files are those that make mixin renders.
func TestRendered(t *testing.T) {
	dir := t.TempDir()
	render := exec.Command("go", "tool", "-modfile=tools/go.mod", "jsonnet", "-S", "-c", "-m", dir, "deploy/mixin/render.jsonnet")
	render.Dir, render.Stderr = root, os.Stderr
	names, err := render.Output()
	if err != nil {
		t.Fatal(err)
	}
	for path := range strings.FieldsSeq(string(names)) {
		name, err := filepath.Rel(dir, path)
		if err != nil {
			t.Fatal(err)
		}
		rendered, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if committed, err := os.ReadFile(filepath.Join(root, name)); err != nil || !bytes.Equal(committed, rendered) {
			t.Errorf("%s is not what deploy/mixin renders: run make mixin (%v)", name, err)
		}
	}
}
