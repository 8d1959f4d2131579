package lab

import (
	"context"
	"io"
	"os"
	"path/filepath"
)

// Binaries are the paths of the compiled servers.
type Binaries struct{ KubeAPIServer, Vault string }

// Commands are the paths of the commands that the exporter's checks and fixes use.
type Commands struct{ Kubectl, JQ, Vault string }

// MonitoringBinaries are the paths of Prometheus and Alertmanager, and of the two commands that check their
// configuration.
type MonitoringBinaries struct {
	Prometheus, Alertmanager string
	Promtool, Amtool         string
}

// A program is compiled from the module lab/<module>.
type program struct {
	name, module, pkg string
	what, tags        string
	minutes           int // see [compilation]
}

var (
	kubeAPIServer = program{name: "kube-apiserver", module: "kube-apiserver", pkg: ".", what: "the real kube-apiserver", minutes: 4}
	vaultServer   = program{name: "vault", module: "vault", pkg: ".", what: "the real vault", minutes: 2}

	kubectl = program{name: "kubectl", module: "kubectl", pkg: ".", what: "the real kubectl", minutes: 1}
	gojq    = program{name: "jq", module: "kubectl", pkg: "github.com/itchyny/gojq/cmd/gojq", what: "jq, as gojq", minutes: 1}
	helm    = program{name: "helm", module: "kubectl", pkg: "helm.sh/helm/v4/cmd/helm", what: "the real helm", minutes: 2}
)

// monitoringProgram is a program of Prometheus or Alertmanager.
func monitoringProgram(project, name string, minutes int) program {
	return program{
		name: name, module: "prometheus", pkg: "github.com/prometheus/" + project + "/cmd/" + name,
		what: "the real " + name, tags: "remove_all_sd", minutes: minutes,
	}
}

// Build compiles the servers, which takes minutes, or returns those that were compiled from the same sources with the
// same version of Go. It writes progress messages for people.
func Build(ctx context.Context, progress io.Writer) (Binaries, error) {
	return BuildFor(ctx, Installation{}, progress)
}

// BuildFor is Build for a lab that differs: it also compiles the servers of other versions. Another plugin takes seconds,
// another API server minutes.
func BuildFor(ctx context.Context, installation Installation, progress io.Writer) (binaries Binaries, err error) {
	err = locked(ctx, progress, func(b *builder) error {
		if err := b.programs(ctx, wanted{kubeAPIServer, &binaries.KubeAPIServer}, wanted{vaultServer, &binaries.Vault}); err != nil {
			return err
		}
		return b.buildFor(ctx, installation, &binaries)
	})
	return binaries, err
}

// MinutesToBuild estimates how long Build will take on a small machine. It is 0 if nothing needs to be compiled.
func MinutesToBuild(ctx context.Context) (minutes int, err error) {
	b, err := newBuilder(io.Discard)
	if err != nil {
		return 0, err
	}
	for _, p := range []program{kubeAPIServer, vaultServer} {
		target, err := b.target(ctx, filepath.Join(b.root, "lab", p.module), p.name)
		if err != nil {
			return 0, err
		}
		if _, err := os.Stat(target); err != nil {
			minutes += p.minutes
		}
	}
	return minutes, nil
}

// BuildCommands is Build for the commands, which only some tests need. A release brings its own vault command.
func BuildCommands(ctx context.Context, installation Installation, progress io.Writer) (commands Commands, err error) {
	err = locked(ctx, progress, func(b *builder) (err error) {
		if err := b.programs(ctx, wanted{kubectl, &commands.Kubectl}, wanted{gojq, &commands.JQ}); err != nil {
			return err
		}
		if commands.Vault = installation.Release.Binary; commands.Vault != "" {
			return nil
		}
		commands.Vault, err = b.command(ctx, "lab/cmd/vault", "the stand-in for the vault command")
		return err
	})
	return commands, err
}

// BuildHelm compiles the helm command, which only the tests of the installation guide need.
func BuildHelm(ctx context.Context, progress io.Writer) (binary string, err error) {
	err = locked(ctx, progress, func(b *builder) error { return b.programs(ctx, wanted{helm, &binary}) })
	return binary, err
}

// BuildMonitoring is Build for Prometheus and Alertmanager, which only some labs need.
func BuildMonitoring(ctx context.Context, progress io.Writer) (binaries MonitoringBinaries, err error) {
	err = locked(ctx, progress, func(b *builder) error {
		return b.programs(ctx,
			wanted{monitoringProgram("prometheus", "prometheus", 4), &binaries.Prometheus},
			wanted{monitoringProgram("prometheus", "promtool", 1), &binaries.Promtool},
			wanted{monitoringProgram("alertmanager", "alertmanager", 1), &binaries.Alertmanager},
			wanted{monitoringProgram("alertmanager", "amtool", 1), &binaries.Amtool},
		)
	})
	return binaries, err
}

// BuildExporter compiles the exporter of this checkout.
func BuildExporter(ctx context.Context, progress io.Writer) (string, error) {
	return buildCommand(ctx, progress, "cmd/exporter", "the exporter")
}

// BuildSimulated compiles the command that runs simulated servers.
func BuildSimulated(ctx context.Context, progress io.Writer) (string, error) {
	return buildCommand(ctx, progress, "lab/cmd/simulated", "the simulated servers")
}

func buildCommand(ctx context.Context, progress io.Writer, pkg, what string) (binary string, err error) {
	err = locked(ctx, progress, func(b *builder) (err error) {
		binary, err = b.command(ctx, pkg, what)
		return err
	})
	return binary, err
}
