package lab

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
)

type builder struct {
	root, bin string
	progress  io.Writer
}

func newBuilder(progress io.Writer) (*builder, error) {
	root, err := Root()
	if err != nil {
		return nil, err
	}
	bin := filepath.Join(root, ".lab", "bin")
	return &builder{root: root, bin: bin, progress: progress}, os.MkdirAll(bin, 0o755)
}

// locked calls build with a builder whose lock is held. What Go prints when it is interrupted is no error of a build.
func locked(ctx context.Context, progress io.Writer, build func(*builder) error) error {
	b, err := newBuilder(progress)
	if err != nil {
		return err
	}
	unlock, err := b.lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	if err := build(b); ctx.Err() == nil {
		return err
	}
	return context.Cause(ctx)
}

// lock keeps two processes of one checkout from compiling the same thing at the same time.
func (b *builder) lock(ctx context.Context) (unlock func() error, err error) {
	file, err := os.OpenFile(filepath.Join(b.bin, lockFile), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	reported := false
	err = poll(ctx, func(context.Context) error {
		err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if errors.Is(err, syscall.EWOULDBLOCK) && !reported {
			reported = true
			fmt.Fprintln(b.progress, "waiting for another process of this checkout to finish compiling")
		}
		return err
	})
	if err != nil {
		file.Close()
		return nil, fmt.Errorf("locking %s: %w", b.bin, err)
	}
	return file.Close, nil
}

// command builds a command of this checkout's own module. It always runs go build: with Go's build cache that takes
// seconds.
func (b *builder) command(ctx context.Context, pkg, what string) (string, error) {
	target := filepath.Join(b.bin, filepath.Base(pkg))
	return target, b.compile(ctx, compilation{what: what, dir: b.root, pkg: "./" + pkg, target: target})
}

// wanted is a program, and where to store the path of its binary.
type wanted struct {
	program program
	binary  *string
}

// programs compiles those that have no binary with the same key.
func (b *builder) programs(ctx context.Context, all ...wanted) error {
	kubernetes, err := b.kubernetesVersion(ctx)
	if err != nil {
		return err
	}
	for _, w := range all {
		p := w.program
		job := compilation{what: p.what, pkg: p.pkg, minutes: p.minutes, tags: p.tags, ldflags: versionFlag(kubernetes)}
		if *w.binary, err = b.module(ctx, p.module, p.name, job); err != nil {
			return err
		}
	}
	return nil
}

// module builds the command called name in the module lab/<module>, unless a binary with the same key exists.
func (b *builder) module(ctx context.Context, module, name string, job compilation) (string, error) {
	job.dir = filepath.Join(b.root, "lab", module)
	var err error
	if job.target, err = b.target(ctx, job.dir, name); err != nil {
		return "", err
	}
	if _, err := os.Stat(job.target); err == nil {
		return job.target, nil
	}
	if err := b.compile(ctx, job); err != nil {
		return "", err
	}
	return job.target, b.removeOlderBuilds(name, job.target)
}

// target is the path of the binary called name that is compiled from the module in dir.
func (b *builder) target(ctx context.Context, dir, name string) (string, error) {
	version, err := goTool(ctx, dir, "env", "GOVERSION").Output()
	if err != nil {
		return "", fmt.Errorf("asking Go for its version: %w", err)
	}
	key, err := sourceKey(os.DirFS(dir))
	if err != nil {
		return "", fmt.Errorf("hashing the sources in %s: %w", dir, err)
	}
	return filepath.Join(b.bin, fmt.Sprintf("%s-%s-%s", name, strings.TrimSpace(string(version)), key)), nil
}

// kubernetesVersion is the version in go.mod, which the API server is to answer at /version.
func (b *builder) kubernetesVersion(ctx context.Context) (string, error) {
	list := goTool(ctx, filepath.Join(b.root, "lab", "kube-apiserver"), "list", "-m", "-f", "{{.Version}}", "k8s.io/kubernetes")
	version, err := list.Output()
	if err != nil {
		return "", fmt.Errorf("asking Go for the version of Kubernetes: %w", err)
	}
	return strings.TrimSpace(string(version)), nil
}

// versionFlag makes an API server answer with that version at /version.
func versionFlag(version string) string {
	return "-X k8s.io/component-base/version.gitVersion=" + version
}

// removeOlderBuilds removes the binaries of the same name from other sources or another version of Go.
func (b *builder) removeOlderBuilds(name, keep string) error {
	old, err := filepath.Glob(filepath.Join(b.bin, name+"-*"))
	if err != nil {
		return err
	}
	for _, path := range old {
		if path == keep {
			continue
		}
		if err := removeFile(path); err != nil {
			return err
		}
	}
	return nil
}

// sourceKey is a hash of everything that determines a build: the Go files of the module and of the modules below it, and
// its dependencies in go.mod and go.sum. A changed comment changes it too.
func sourceKey(dir fs.FS) (string, error) {
	hash := sha256.New()
	for _, pattern := range []string{"*.go", "go.mod", "go.sum", "*/go.mod", "*/*.go", "*/*/*.go", "*/*/*/*.go"} {
		names, err := fs.Glob(dir, pattern)
		if err != nil {
			return "", err
		}
		for _, name := range names {
			data, err := fs.ReadFile(dir, name)
			if err != nil {
				return "", err
			}
			fmt.Fprintf(hash, "%s %d\n", name, len(data))
			hash.Write(data)
		}
	}
	return hex.EncodeToString(hash.Sum(nil))[:12], nil
}

// goTool returns a go command that ignores the user's GOFLAGS, workspace and cross-compilation settings.
func goTool(ctx context.Context, dir string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(),
		"CGO_ENABLED=0", "GOFLAGS=-mod=readonly", "GOWORK=off", "GO111MODULE=on", "GOOS=", "GOARCH=", "GOEXPERIMENT=", "PWD="+dir)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	return cmd
}
