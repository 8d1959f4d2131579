package lab

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// buildFor replaces those servers whose versions differ from the lab's.
func (b *builder) buildFor(ctx context.Context, i Installation, binaries *Binaries) (err error) {
	if i.Release != (Release{}) {
		binaries.Vault = i.Release.Binary
	} else if i.Plugin != "" {
		if binaries.Vault, err = b.vaultWith(ctx, i.Plugin); err != nil {
			return err
		}
	}
	if i.Kubernetes != "" {
		binaries.KubeAPIServer, err = b.apiServer(ctx, i.Kubernetes)
	}
	return err
}

// vaultWith compiles the lab's Vault with another version of the plugin.
func (b *builder) vaultWith(ctx context.Context, plugin string) (string, error) {
	const path = "github.com/hashicorp/vault-plugin-auth-kubernetes"
	dir := filepath.Join(b.root, "lab", "vault")
	mod, err := os.ReadFile(filepath.Join(dir, "go.mod"))
	if err != nil {
		return "", err
	}
	sum, err := os.ReadFile(filepath.Join(dir, "go.sum"))
	if err != nil {
		return "", err
	}
	name := "vault_plugin-" + plugin
	modfile, err := b.writeModule(name, fmt.Appendf(mod, "\nreplace %s => %[1]s %s\n", path, plugin), sum)
	if err != nil {
		return "", err
	}
	return b.module(ctx, "vault", name, compilation{what: "Vault with the plugin " + plugin, pkg: ".", modfile: modfile})
}

// apiServer compiles the lab's API server from another version of Kubernetes, with the requirements of that version's own
// go.mod.
func (b *builder) apiServer(ctx context.Context, version string) (string, error) {
	mod, sum, err := moduleOf(ctx, "k8s.io/kubernetes@"+version)
	if err != nil {
		return "", err
	}
	name := "kube-apiserver_" + version
	modfile, err := b.writeModule(name, requirementsOf(mod, version), sum)
	if err != nil {
		return "", err
	}
	job := compilation{what: "kube-apiserver " + version, pkg: ".", minutes: 5, modfile: modfile, ldflags: versionFlag(version)}
	if compareVersions(version, "v1.33.0") < 0 {
		job.tags = "before_1_33"
	}
	return b.module(ctx, "kube-apiserver", name, job)
}

// moduleOf downloads a module and returns its go.mod and its go.sum.
func moduleOf(ctx context.Context, module string) (mod, sum []byte, err error) {
	output, err := goTool(ctx, os.TempDir(), "mod", "download", "-json", module).Output()
	var downloaded struct{ Dir, Error string }
	if failed := json.Unmarshal(output, &downloaded); failed != nil || downloaded.Error != "" {
		return nil, nil, fmt.Errorf("downloading %s: %w", module, errors.Join(err, failed, errors.New(downloaded.Error)))
	}
	if mod, err = os.ReadFile(filepath.Join(downloaded.Dir, "go.mod")); err != nil {
		return nil, nil, err
	}
	sum, err = os.ReadFile(filepath.Join(downloaded.Dir, "go.sum"))
	return mod, sum, err
}

var (
	moduleClause = regexp.MustCompile(`(?m)^module .*$`)
	stagingLine  = regexp.MustCompile(`(k8s\.io/\S+) => \./staging/src/\S+`)
	// of these nothing is linked, or types alone that are the same in all versions of a minor one; and not every patch
	// version of them is to be had
	minorLine = regexp.MustCompile(`(k8s\.io/(?:sample-\S+|endpointslice|kube-controller-manager|kube-proxy|kube-scheduler)) => \./staging/src/\S+`)
	// settings of the main module that are not for another one
	godebugLine = regexp.MustCompile(`(?m)^godebug (default=.*|\((?s:.*?)^\))$`)
)

// requirementsOf turns the go.mod of Kubernetes into that of a module that requires it: its staging folders are published
// as v0 with the same minor and patch version.
func requirementsOf(mod []byte, version string) []byte {
	staging := "v0" + strings.TrimPrefix(version, "v1")
	mod = minorLine.ReplaceAll(mod, []byte("$1 => $1 "+staging[:strings.LastIndex(staging, ".")]+".0"))
	mod = stagingLine.ReplaceAll(mod, []byte("$1 => $1 "+staging))
	mod = godebugLine.ReplaceAll(mod, nil)
	return moduleClause.ReplaceAll(mod, fmt.Appendf(nil, "module lab/kube-apiserver\n\nrequire k8s.io/kubernetes %s", version))
}

// writeModule writes a go.mod and a go.sum for the flag -modfile, and returns the path of the former.
func (b *builder) writeModule(name string, mod, sum []byte) (string, error) {
	dir := filepath.Join(b.root, ".lab", "modules")
	path := filepath.Join(dir, name+".mod")
	return path, errors.Join(
		os.MkdirAll(dir, 0o755),
		os.WriteFile(path, mod, 0o644),
		os.WriteFile(filepath.Join(dir, name+".sum"), sum, 0o644))
}
