package localfile_test

import (
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/internal/localfile"
)

const limit = 100

// A kubelet's file is a link to a link, and the second one is swapped.
func TestReadFollowsLinks(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	for version, content := range map[string]string{"..1": "one", "..2": strings.Repeat("2", limit)} {
		must(t, os.Mkdir(at(version), 0o700))
		must(t, os.WriteFile(at(version+"/token"), []byte(content), 0o600))
	}
	must(t, os.Symlink("..1", at("..data")))
	must(t, os.Symlink("..data/token", at("token")))
	expect(t, at("token"), "one")
	must(t, os.Symlink("..2", at("..next")))
	must(t, os.Rename(at("..next"), at("..data")))
	expect(t, at("token"), strings.Repeat("2", limit))
	must(t, os.Remove(at("..2/token")))
	must(t, syscall.Mkfifo(at("..2/token"), 0o600))
	refused(t, at("token"), "no regular file, but a named pipe")
}

func TestReadRefuses(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	must(t, syscall.Mkfifo(at("fifo"), 0o600))
	must(t, os.WriteFile(at("large"), []byte(strings.Repeat("S", limit+1)), 0o600))
	must(t, os.WriteFile(at("sparse"), nil, 0o600))
	must(t, os.Truncate(at("sparse"), 1<<40))
	listener, err := net.Listen("unix", at("socket"))
	must(t, err)
	defer listener.Close()
	for path, why := range map[string]string{
		at("fifo"):   "no regular file, but a named pipe",
		at("socket"): "no regular file, but a socket",
		dir:          "no regular file, but a directory",
		"/dev/zero":  "no regular file, but a device",
		at("large"):  "too large, up to 100 bytes are allowed",
		at("sparse"): "too large, up to 100 bytes are allowed",
	} {
		refused(t, path, why)
	}
	// A file of /proc does not say its size.
	if status, err := os.ReadFile("/proc/self/status"); err == nil && len(status) > limit {
		refused(t, "/proc/self/status", "too large, up to 100 bytes are allowed")
	}
}

func TestReadCannot(t *testing.T) {
	dir := t.TempDir()
	if _, err := localfile.Read(filepath.Join(dir, "none"), limit); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a missing file: %v", err)
	}
	loop := filepath.Join(dir, "loop")
	must(t, os.Symlink("loop", loop))
	if _, err := localfile.Read(loop, limit); !errors.Is(err, syscall.ELOOP) {
		t.Errorf("a link to itself: %v", err)
	}
	if os.Getuid() == 0 {
		return // root may read everything
	}
	secret := filepath.Join(dir, "secret")
	must(t, os.WriteFile(secret, []byte("x"), 0))
	if _, err := localfile.Read(secret, limit); !errors.Is(err, fs.ErrPermission) {
		t.Errorf("an unreadable file: %v", err)
	}
}

func expect(t *testing.T, path, want string) {
	t.Helper()
	if content, err := localfile.Read(path, limit); err != nil || string(content) != want {
		t.Errorf("reading %s: %q, %v", path, content, err)
	}
}

func refused(t *testing.T, path, why string) {
	t.Helper()
	content, err := localfile.Read(path, limit)
	named, isPath := errors.AsType[*fs.PathError](err)
	refusal, is := errors.AsType[localfile.Refusal](err)
	if !isPath || named.Path != path || !is || refusal.Error() != why || content != nil {
		t.Errorf("reading %s: %v, want %q", path, err, why)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
