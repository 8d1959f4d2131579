// The lab command starts a real Kubernetes API server and a real Vault on loopback and breaks them on demand.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/lab"
)

const usage = `usage: lab COMMAND

  demo [--prometheus]
                start the lab and an exporter, and print each change of its verdict (make demo);
                with --prometheus also what Alertmanager sends to a pager (make demo PROMETHEUS=1)
  build         compile the lab's servers, Prometheus and Alertmanager
  up            start the lab alone, and print the environment for an exporter (make lab)
  fault [NAME]  inject a fault into the running lab; without NAME, list the faults (make fault NAME=…)
  heal          undo all injected faults (make heal)
`

// errUsage makes run print the usage and return 2.
var errUsage = errors.New("invalid command line")

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// run executes one command and returns the exit code: 0 for success and when ctx ends a command that would run forever,
// 1 for a failure, 2 for a wrong command line or an unknown fault.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	err := dispatch(ctx, args, stdout, stderr)
	switch {
	case err == nil, errors.Is(err, context.Canceled) && ctx.Err() != nil:
		return 0
	case errors.Is(err, errUsage):
		fmt.Fprint(stderr, usage)
		return 2
	case errors.Is(err, lab.ErrUnknownFault):
		fmt.Fprintln(stderr, "lab:", err)
		return 2
	default:
		fmt.Fprintln(stderr, "lab:", err)
		return 1
	}
}

func dispatch(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	if len(args) == 0 {
		return errUsage
	}
	switch name, args := args[0], args[1:]; {
	case name == "build" && len(args) == 0:
		return build(ctx, stderr)
	case name == "demo" && len(args) == 0:
		return runDemo(ctx, false, stdout, stderr)
	case name == "demo" && len(args) == 1 && args[0] == "--prometheus":
		return runDemo(ctx, true, stdout, stderr)
	case (name == "up" || name == "lab") && len(args) == 0:
		return up(ctx, stdout, stderr)
	case name == "fault" && len(args) == 0:
		return listFaults(ctx, stdout)
	case name == "fault" && len(args) == 1:
		return inject(ctx, args[0], stdout)
	case name == "heal" && len(args) == 0:
		return heal(ctx, stdout)
	default:
		return errUsage
	}
}

func build(ctx context.Context, stderr io.Writer) error {
	if _, err := lab.Build(ctx, stderr); err != nil {
		return err
	}
	if _, err := lab.BuildCommands(ctx, lab.Installation{}, stderr); err != nil {
		return err
	}
	if _, err := lab.BuildMonitoring(ctx, stderr); err != nil {
		return err
	}
	_, err := lab.BuildHelm(ctx, stderr)
	return err
}
