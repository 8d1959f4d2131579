package config

import (
	"context"
	"os"
	"path/filepath"
	"testing"
)

func mustDo(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// A change is signalled whether the file is written, replaced, or swapped with the
// directory that a symlink beside it names.
func TestWatch(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	mustDo(t, os.Mkdir(at("..1"), 0o700))
	mustDo(t, os.Mkdir(at("..2"), 0o700))
	mustDo(t, os.WriteFile(at("..1/t.yaml"), []byte("1"), 0o600))
	mustDo(t, os.WriteFile(at("..2/t.yaml"), []byte("2"), 0o600))
	mustDo(t, os.Symlink("..1", at("..data")))
	mustDo(t, os.Symlink("..data/t.yaml", at("t.yaml")))

	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	changes, err := Watch(ctx, at("t.yaml"))
	mustDo(t, err)

	mustDo(t, os.WriteFile(at("other.yaml"), nil, 0o600)) // not ours
	mustDo(t, os.Symlink("..2", at("..data_tmp")))
	mustDo(t, os.Rename(at("..data_tmp"), at("..data")))
	<-changes
	mustDo(t, os.WriteFile(at("new"), []byte("3"), 0o600))
	mustDo(t, os.Rename(at("new"), at("t.yaml")))
	<-changes
	mustDo(t, os.WriteFile(at("t.yaml"), []byte("4"), 0o600))
	<-changes
	cancel()
	for range changes { // closes
	}
}

func TestWatchEndsWithTheDirectory(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "gone")
	mustDo(t, os.Mkdir(dir, 0o700))
	changes, err := Watch(t.Context(), filepath.Join(dir, "t.yaml"))
	mustDo(t, err)
	mustDo(t, os.Remove(dir))
	for range changes { // closes
	}
	if _, err := Watch(t.Context(), filepath.Join(dir, "t.yaml")); err == nil {
		t.Error("a directory that is not there is watched")
	}
}
