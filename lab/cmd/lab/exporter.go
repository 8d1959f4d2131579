package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/lab"
)

const (
	readyTimeout = 30 * time.Second
	stopTimeout  = 10 * time.Second // twice what the exporter promises for its shutdown

	lastLineCount = 20
)

// An exporter is the child process of the demo.
type exporter struct {
	binary      string
	env         []string
	web, health string // listen addresses
	log         string // file for the exporter's whole log
	out         io.Writer
}

// run starts the exporter and calls ready when /readyz responds. It stops the exporter when ctx ends, and returns an
// error if the exporter exits by itself.
func (e exporter) run(ctx context.Context, ready func()) error {
	log, err := os.Create(e.log)
	if err != nil {
		return err
	}
	defer log.Close()
	cmd := e.command()
	output, err := mergeOutput(cmd)
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("starting the exporter: %w", err)
	}
	_ = output.child.Close()

	// Reading from the pipe ends when the child exits, because the child has the only other end.
	ended := make(chan error, 1)
	go func() {
		last := e.follow(output.parent, log)
		ended <- exitError(cmd.Wait(), last)
	}()
	return e.supervise(ctx, cmd, ended, ready)
}

// command does not pass on the developer's environment: an EXPORTER_* or VAULT_* variable in it would change the demo.
func (e exporter) command() *exec.Cmd {
	cmd := exec.Command(e.binary, "serve",
		"--web.listen-address="+e.web, "--health.listen-address="+e.health, "--log.format=json", "--log.level=debug")
	cmd.Env = append([]string{
		"PATH=" + os.Getenv("PATH"),
		"HOME=" + os.Getenv("HOME"),
		"EXPORTER_INTERVAL=" + lab.DemoInterval.String(),
		"EXPORTER_TIMEOUT=" + lab.DemoTimeout.String(),
		"EXPORTER_RECHECK_INTERVAL=" + lab.DemoRecheck.String(),
	}, e.env...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // Ctrl-C must reach only the demo, which stops the exporter in order
	return cmd
}

// supervise waits for readiness, at most readyTimeout, and then for the end of the exporter or of ctx.
func (e exporter) supervise(ctx context.Context, cmd *exec.Cmd, ended <-chan error, ready func()) error {
	readying, cancel := context.WithTimeoutCause(ctx, readyTimeout, errors.New("the exporter was not ready within "+readyTimeout.String()))
	defer cancel()
	isReady := make(chan error, 1)
	go func() { isReady <- untilReady(readying, "http://"+e.health+"/readyz") }()
	select {
	case err := <-ended:
		return err
	case err := <-isReady:
		if err != nil {
			return errors.Join(err, terminate(cmd, ended))
		}
	}
	ready()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
		return errors.Join(ctx.Err(), terminate(cmd, ended))
	}
}

// terminate sends SIGTERM, as Kubernetes does, and SIGKILL after stopTimeout.
func terminate(cmd *exec.Cmd, ended <-chan error) error {
	_ = cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-ended:
		return nil
	case <-time.After(stopTimeout):
	}
	_ = cmd.Process.Kill()
	<-ended
	return fmt.Errorf("stopping the exporter: killed after %s", stopTimeout)
}

// follow copies every line to log, prints those that formatLogLine selects, and returns the last ones.
func (e exporter) follow(output io.Reader, log io.Writer) (last []string) {
	lines := bufio.NewScanner(output)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		fmt.Fprintln(log, lines.Text())
		last = append(last[max(0, len(last)-lastLineCount+1):], lines.Text())
		io.WriteString(e.out, formatLogLine(lines.Bytes()))
	}
	return last
}

func exitError(err error, last []string) error {
	status := "exit status 0"
	if err != nil {
		status = err.Error()
	}
	return fmt.Errorf("the exporter exited unexpectedly (%s); its last lines:\n%s", status, strings.Join(last, "\n"))
}

type outputPipe struct {
	parent, child *os.File
}

// mergeOutput connects stdout and stderr of cmd to one pipe.
func mergeOutput(cmd *exec.Cmd) (outputPipe, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return outputPipe{}, err
	}
	cmd.Stdout, cmd.Stderr = w, w
	return outputPipe{parent: r, child: w}, nil
}
