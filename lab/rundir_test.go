package lab

import (
	"errors"
	"io/fs"
	"os"
	"testing"
)

func TestRunDir(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	running, err := NewRunDir()
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(running.path); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("mode is %v, %v", info.Mode(), err)
	}
	killed, err := NewRunDir()
	if err != nil {
		t.Fatal(err)
	}
	killed.lock.Close() // the kernel does the same when a process is killed

	another, err := NewRunDir()
	if err != nil {
		t.Fatal(err)
	}
	wantGone(t, killed.path)
	if _, err := os.Stat(running.path); err != nil {
		t.Errorf("the directory of a running lab was removed: %v", err)
	}
	for _, dir := range []*RunDir{running, another} {
		if err := dir.Remove(); err != nil {
			t.Error(err)
		}
		wantGone(t, dir.path)
	}
}

func wantGone(t *testing.T, path string) {
	t.Helper()
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%s is still there: %v", path, err)
	}
}
