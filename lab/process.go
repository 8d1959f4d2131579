package lab

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

// A process is a child process of the lab. It runs in its own process group, so Ctrl-C reaches the lab but not the
// child, and it exits when its standard input ends, so it never outlives the lab.
type process struct {
	name   string
	log    string
	stdin  io.Closer
	cmd    *exec.Cmd
	exited chan struct{} // closed when the process has exited; err is set before
	err    error
}

// startProcess runs binary in dir and appends its output to <name>.out there.
func startProcess(dir, binary, name string, args ...string) (*process, error) {
	return startProcessWith(nil, dir, binary, name, args...)
}

// startProcessWith is startProcess with variables in the process's environment, which is empty otherwise.
func startProcessWith(env []string, dir, binary, name string, args ...string) (*process, error) {
	cmd := exec.Command(binary, args...)
	cmd.Dir = dir
	cmd.Env = append([]string{"HOME=" + dir, "TMPDIR=" + dir}, env...)
	return startCommand(cmd, name)
}

// endWithInput is a shell script that becomes the command in its arguments, and sends it SIGTERM at the end of standard
// input. The lab's own servers watch standard input themselves; published ones do not.
const endWithInput = `exec 3<&0; (cat <&3 >/dev/null; kill $$) & exec "$@" </dev/null 3<&-`

// startCommand starts a command in its own process group, with its output in its directory.
func startCommand(cmd *exec.Cmd, name string) (*process, error) {
	path := filepath.Join(cmd.Dir, name+".out")
	output, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer output.Close()

	cmd.Stdout, cmd.Stderr = output, output
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting %s: %w", name, err)
	}
	p := &process{name: name, log: path, stdin: stdin, cmd: cmd, exited: make(chan struct{})}
	go func() {
		p.err = cmd.Wait()
		close(p.exited)
	}()
	return p, nil
}

// stop closes standard input, waits up to 5 s, and then kills the process. It returns when the process has exited.
func (p *process) stop() error {
	_ = p.stdin.Close()
	select {
	case <-p.exited:
		return nil
	case <-time.After(5 * time.Second):
	}
	if err := p.cmd.Process.Kill(); err != nil {
		return fmt.Errorf("killing %s: %w", p.name, err)
	}
	<-p.exited
	return nil
}

// kill ends the process at once, as a lost machine does. It does nothing if the process has exited.
func (p *process) kill() error {
	defer p.stdin.Close()
	if err := p.cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("killing %s: %w", p.name, err)
	}
	<-p.exited
	return nil
}

// restart kills the process and starts it again, with the same arguments and environment.
func (p *process) restart() (*process, error) {
	if err := p.kill(); err != nil {
		return nil, err
	}
	cmd := exec.Command(p.cmd.Path, p.cmd.Args[1:]...)
	cmd.Dir, cmd.Env = p.cmd.Dir, p.cmd.Env
	return startCommand(cmd, p.name)
}

// freeze stops the process without ending it: its connections stay open, and its address accepts new ones, but it does
// not respond. The kernel ends a frozen process with the lab, because its process group is then orphaned.
func (p *process) freeze() error { return p.cmd.Process.Signal(syscall.SIGSTOP) }

// untilReady polls ready until it returns nil. It returns early, with the end of the log, if the process exits.
func (p *process) untilReady(ctx context.Context, ready func(context.Context) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	go func() {
		select {
		case <-p.exited:
			cancel(fmt.Errorf("%s exited (%v):\n%s", p.name, p.err, tail(p.log, 2048)))
		case <-ctx.Done():
		}
	}()
	return poll(ctx, ready)
}

// poll calls ready every 25 ms until it returns nil or ctx ends; then the error wraps the last one of ready.
func poll(ctx context.Context, ready func(context.Context) error) error {
	tick := time.NewTicker(25 * time.Millisecond)
	defer tick.Stop()
	for {
		err := ready(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("%w (last error: %w)", context.Cause(ctx), err)
		}
	}
}

// tail returns at most the last n bytes of a file, without an incomplete first line.
func tail(path string, n int) []byte {
	data, err := os.ReadFile(path)
	if err != nil {
		return []byte(err.Error())
	}
	if len(data) <= n {
		return data
	}
	data = data[len(data)-n:]
	return data[bytes.IndexByte(data, '\n')+1:]
}
