package config

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"
)

func mustDo(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// A change is signalled whether the file is written, replaced or removed, swapped with a
// directory that a symlink on the way names, or with the directory that it is in.
func TestWatch(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "targets")
	at := func(names ...string) string { return filepath.Join(append([]string{dir}, names...)...) }
	mount := func(content string) { // as kubelet fills a volume
		mustDo(t, os.MkdirAll(at("..1"), 0o700))
		mustDo(t, os.WriteFile(at("..1", "t.yaml"), []byte(content), 0o600))
		mustDo(t, os.Symlink("..1", at("..data")))
		mustDo(t, os.Symlink("..data/t.yaml", at("t.yaml")))
	}
	mount("1")

	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		changes := Watch(ctx, at("t.yaml"))
		signalled := func() bool {
			time.Sleep(lookEvery + settle)
			synctest.Wait()
			select {
			case <-changes:
				return true
			default:
				return false
			}
		}
		for _, step := range []struct {
			what   string
			do     func()
			change bool
		}{
			{"nothing", func() {}, false},
			{"another file", func() { mustDo(t, os.WriteFile(at("other.yaml"), nil, 0o600)) }, false},
			{"the mode", func() { mustDo(t, os.Chmod(at("t.yaml"), 0o400)) }, false},
			{"..data is swapped", func() {
				mustDo(t, os.Mkdir(at("..2"), 0o700))
				mustDo(t, os.WriteFile(at("..2", "t.yaml"), []byte("2"), 0o600))
				mustDo(t, os.Symlink("..2", at("..data_tmp")))
				mustDo(t, os.Rename(at("..data_tmp"), at("..data")))
			}, true},
			{"the file is replaced", func() {
				mustDo(t, os.WriteFile(at("new"), []byte("3"), 0o600))
				mustDo(t, os.Rename(at("new"), at("t.yaml")))
			}, true},
			{"the file is written", func() { mustDo(t, os.WriteFile(at("t.yaml"), []byte("four"), 0o600)) }, true},
			{"the directory is moved away", func() { mustDo(t, os.Rename(dir, dir+".old")) }, true},
			{"it is still gone", func() {}, false},
			{"another directory in its place", func() { mount("5") }, true},
			{"a file in that", func() { mustDo(t, os.WriteFile(at("t.yaml"), []byte("sixth"), 0o600)) }, true},
			{"the directory is a link", func() {
				mustDo(t, os.Rename(dir, dir+".5"))
				mustDo(t, os.Symlink("targets.old", dir))
			}, true},
			{"which is swapped", func() {
				mustDo(t, os.Symlink("targets.5", dir+".new"))
				mustDo(t, os.Rename(dir+".new", dir))
			}, true},
			{"the file is removed", func() { mustDo(t, os.Remove(at("t.yaml"))) }, true},
		} {
			step.do()
			if got := signalled(); got != step.change {
				t.Errorf("%s: signalled is %t", step.what, got)
			}
		}
		cancel()
		for range changes { // closes
		}
	})
}
