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

// Binaries are the paths of the compiled servers, and of the commands that the exporter's fixes use.
type Binaries struct {
	KubeAPIServer, Vault  string
	Kubectl, VaultCommand string
	JQ                    string
}

// Build compiles the servers and commands, which takes minutes, or returns those that were compiled from the same
// sources with the same version of Go. It writes progress messages for people.
func Build(ctx context.Context, progress io.Writer) (Binaries, error) {
	b, err := newBuilder(progress)
	if err != nil {
		return Binaries{}, err
	}
	unlock, err := b.lock(ctx)
	if err != nil {
		return Binaries{}, err
	}
	defer unlock()

	kubernetes, err := b.kubernetesVersion(ctx)
	if err != nil {
		return Binaries{}, err
	}
	var binaries Binaries
	for _, module := range []struct {
		name string
		path *string
	}{
		{"kube-apiserver", &binaries.KubeAPIServer},
		{"vault", &binaries.Vault},
		{"kubectl", &binaries.Kubectl},
	} {
		job := compilation{what: "the real " + module.name, pkg: ".", minutes: 4, ldflags: "-X k8s.io/component-base/version.gitVersion=" + kubernetes}
		if *module.path, err = b.module(ctx, module.name, module.name, job); err != nil {
			return Binaries{}, err
		}
	}
	jq := compilation{what: "jq, as gojq", pkg: "github.com/itchyny/gojq/cmd/gojq", minutes: 1}
	if binaries.JQ, err = b.module(ctx, "kubectl", "jq", jq); err != nil {
		return Binaries{}, err
	}
	binaries.VaultCommand, err = b.command(ctx, "lab/cmd/vault", "the stand-in for the vault command")
	return binaries, err
}

// BuildHelm compiles the helm command, which only the tests of the installation guide need.
func BuildHelm(ctx context.Context, progress io.Writer) (string, error) {
	b, err := newBuilder(progress)
	if err != nil {
		return "", err
	}
	unlock, err := b.lock(ctx)
	if err != nil {
		return "", err
	}
	defer unlock()
	return b.module(ctx, "kubectl", "helm", compilation{what: "the real helm", pkg: "helm.sh/helm/v4/cmd/helm", minutes: 2})
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

// MonitoringBinaries are the paths of Prometheus and Alertmanager, and of the two commands that check their
// configuration.
type MonitoringBinaries struct {
	Prometheus, Alertmanager string
	Promtool, Amtool         string
}

// BuildMonitoring is Build for Prometheus and Alertmanager, which only some labs need.
func BuildMonitoring(ctx context.Context, progress io.Writer) (MonitoringBinaries, error) {
	b, err := newBuilder(progress)
	if err != nil {
		return MonitoringBinaries{}, err
	}
	unlock, err := b.lock(ctx)
	if err != nil {
		return MonitoringBinaries{}, err
	}
	defer unlock()

	var binaries MonitoringBinaries
	for _, command := range []struct {
		name, pkg string
		minutes   int
		path      *string
	}{
		{"prometheus", "github.com/prometheus/prometheus/cmd/prometheus", 4, &binaries.Prometheus},
		{"promtool", "github.com/prometheus/prometheus/cmd/promtool", 1, &binaries.Promtool},
		{"alertmanager", "github.com/prometheus/alertmanager/cmd/alertmanager", 1, &binaries.Alertmanager},
		{"amtool", "github.com/prometheus/alertmanager/cmd/amtool", 1, &binaries.Amtool},
	} {
		job := compilation{what: "the real " + command.name, pkg: command.pkg, tags: "remove_all_sd", minutes: command.minutes}
		if *command.path, err = b.module(ctx, "prometheus", command.name, job); err != nil {
			return MonitoringBinaries{}, err
		}
	}
	return binaries, nil
}

// BuildExporter compiles the exporter of this checkout.
func BuildExporter(ctx context.Context, progress io.Writer) (string, error) {
	b, err := newBuilder(progress)
	if err != nil {
		return "", err
	}
	unlock, err := b.lock(ctx)
	if err != nil {
		return "", err
	}
	defer unlock()
	return b.command(ctx, "cmd/exporter", "the exporter")
}

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

// module builds the command called name in the module lab/<module>, unless a binary with the same key exists.
func (b *builder) module(ctx context.Context, module, name string, job compilation) (string, error) {
	job.dir = filepath.Join(b.root, "lab", module)
	version, err := goTool(ctx, job.dir, "env", "GOVERSION").Output()
	if err != nil {
		return "", fmt.Errorf("asking Go for its version: %w", err)
	}
	key, err := sourceKey(os.DirFS(job.dir))
	if err != nil {
		return "", fmt.Errorf("hashing the sources in %s: %w", job.dir, err)
	}
	job.target = filepath.Join(b.bin, fmt.Sprintf("%s-%s-%s", name, strings.TrimSpace(string(version)), key))
	if _, err := os.Stat(job.target); err == nil {
		return job.target, nil
	}
	if err := b.compile(ctx, job); err != nil {
		return "", err
	}
	return job.target, b.removeOlderBuilds(name, job.target)
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

// sourceKey is a hash of everything that determines a build: the module's own Go files, and its dependencies in go.mod
// and go.sum. A changed comment changes it too.
func sourceKey(dir fs.FS) (string, error) {
	hash := sha256.New()
	for _, pattern := range []string{"*.go", "go.mod", "go.sum"} {
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
