// Command exporter checks whether pods can log in to Vault with the Kubernetes auth
// method. If they cannot, it names the cause and its fix.
//
//	exporter [serve]   probe on a schedule and expose metrics
//	exporter check     probe once and report to a human, or as JSON
//	exporter workloads rehearse the logins of the cluster's workloads once and report
//	exporter config    print the resolved configuration
//	exporter setup     print what an installation needs in Vault and Kubernetes
package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/alecthomas/kingpin/v2"
	"github.com/prometheus/common/promslog"
	promslogflag "github.com/prometheus/common/promslog/flag"
	"github.com/prometheus/common/version"
	"github.com/prometheus/exporter-toolkit/web"
	"github.com/prometheus/exporter-toolkit/web/kingpinflag"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/internal/config"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/internal/setup"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/internal/status"
)

// Exit codes.
const (
	exitOK        = 0
	exitUnhealthy = 1 // check: logins at some target fail, or are not known to work; serve: a listener failed
	exitUsage     = 2 // flags or configuration are invalid
	exitLost      = 3 // serve: another process holds the lease
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// flags is the parsed command line.
type flags struct {
	command string
	log     *promslog.Config
	// Of serve.
	web           *web.FlagConfig
	health, debug string
	site          siteFlags

	check       checkFlags
	workloads   workloadFlags
	setup       setup.Options
	setupOutput string
}

// run is the program. Results go to stdout, all else to stderr.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	signals := hangups()
	defer signal.Stop(signals)
	version.Version = cmp.Or(version.Version, moduleVersion(), "dev") // a release names its own
	f, code, done := parse(args, stdout, stderr)
	if done {
		return code
	}
	if f.command != "serve" {
		ignoreHangups(signals)
	}
	f.log.Writer = stderr
	logger := promslog.New(f.log)
	divertLibraries(logger)
	if f.command == "setup" {
		return printSetup(ctx, f, stdout, stderr)
	}
	settings, err := config.Load()
	if err != nil {
		return complain(stderr, err)
	}
	switch f.command {
	case "check":
		return check(ctx, f, settings, stdout, stderr)
	case "workloads":
		return workloads(ctx, f.workloads, settings, stdout, stderr)
	case "config":
		return printConfig(settings, stdout, stderr)
	}
	if err := checkListeners(f); err != nil {
		return complain(stderr, err)
	}
	at, err := siteOf(f, settings)
	if err != nil {
		return complain(stderr, err)
	}
	return serve(ctx, f, settings, at, signals, logger)
}

// parse reads the command line. If done is set, the program ends with the exit code.
func parse(args []string, stdout, stderr io.Writer) (f flags, code int, done bool) {
	app := kingpin.New("exporter", "Checks whether pods can log in to Vault with the Kubernetes auth method. If they cannot, it names the cause and its fix.\n\n"+
		"Targets are configured with EXPORTER_* variables: see "+status.Repository+"docs/configuration.md")
	app.UsageWriter(stdout)
	app.ErrorWriter(stderr)
	app.Flag("version", "Show application version.").PreAction(func(*kingpin.ParseContext) error {
		_, err := fmt.Fprintln(stdout, buildInfo())
		code, done = exitOK, true
		return err
	}).Bool()
	app.HelpFlag.Short('h')
	// kingpin would run the default command after --help and --version.
	app.Terminate(func(status int) { code, done = status, true })

	f.log = new(promslog.Config)
	promslogflag.AddFlags(app, f.log)

	serveCommand := app.Command("serve", "Probe on a schedule and expose metrics.").Default()
	f.web = kingpinflag.AddFlags(serveCommand, ":10190")
	addSiteFlags(serveCommand, &f.site)
	serveCommand.Flag("health.listen-address", "Address of the listener for /healthz and /readyz, without TLS.").Default(":10191").StringVar(&f.health)
	serveCommand.Flag("debug.listen-address", "Address of a listener for pprof, such as 127.0.0.1:10192. Off unless set.").StringVar(&f.debug)
	checkCommand := app.Command("check", "Probe every target once and report. Exit code 0: all are healthy, 1: some target is not, 2: invalid usage or configuration.")
	addCheckFlags(checkCommand, &f.check)
	workloadsCommand := app.Command("workloads", "Find who logs in from this cluster, rehearse each login once, and report. "+
		"Exit code 0: none is broken, 1: some login is broken, some target's canary cannot log in, the cluster cannot be read or, with --at, some login is not ready, "+
		"2: invalid usage or configuration.")
	addWorkloadFlags(workloadsCommand, &f.workloads)
	app.Command("config", "Print the resolved configuration.")
	addSetupFlags(app.Command("setup", "Print what an installation needs: policy and roles in Vault, permissions in Kubernetes, values of the chart. Changes nothing."), &f.setup, &f.setupOutput)

	command, err := app.Parse(withDashes(args))
	if done {
		return f, code, true
	}
	if err != nil {
		if len(args) > 0 && !strings.HasPrefix(args[0], "-") && app.GetCommand(args[0]) == nil {
			err = fmt.Errorf("%q is not a command; the commands are: %s", args[0], strings.Join(commandsOf(app), ", "))
		}
		fmt.Fprintf(stderr, "exporter: %v; see exporter --help\n", err)
		return f, exitUsage, true
	}
	f.command = command
	return f, exitOK, false
}

// withDashes joins a dash to the flag before it, of which it is the value: kingpin takes it for an
// empty one.
func withDashes(args []string) []string {
	var joined []string
	for _, arg := range args {
		if last := len(joined) - 1; arg == "-" && last >= 0 && strings.HasPrefix(joined[last], "--") && !strings.Contains(joined[last], "=") {
			joined[last] += "=-"
			continue
		}
		joined = append(joined, arg)
	}
	return joined
}

func commandsOf(app *kingpin.Application) []string {
	var names []string
	for _, c := range app.Model().Commands {
		if c.Name != "help" {
			names = append(names, c.Name)
		}
	}
	return names
}

func printConfig(settings config.Config, stdout, stderr io.Writer) int {
	if err := settings.Write(stdout); err != nil {
		fmt.Fprintln(stderr, "exporter:", err)
		return exitUnhealthy
	}
	return exitOK
}

// flatten lists joined errors.
func flatten(err error) []error {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		var all []error
		for _, part := range joined.Unwrap() {
			all = append(all, flatten(part)...)
		}
		return all
	}
	return []error{err}
}
