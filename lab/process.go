package lab

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

// A process is a server of the lab. It holds no terminal and no process group of ours, so Ctrl-C reaches the orchestrator
// alone, and it ends by itself when the pipe on its standard input does.
type process struct {
	name   string
	log    string
	stdin  io.Closer
	cmd    *exec.Cmd
	exited chan struct{} // closed when the process is gone and err is set
	err    error
}

// startProcess runs binary in dir, which also takes its output as <name>.out.
func startProcess(dir, binary, name string, args ...string) (*process, error) {
	path := filepath.Join(dir, name+".out")
	output, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer output.Close()

	cmd := exec.Command(binary, args...)
	cmd.Dir = dir
	cmd.Env = []string{"HOME=" + dir, "TMPDIR=" + dir}
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

// stop ends the process and waits until it is gone.
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

// until polls ready until it succeeds. It gives up with the last error when ctx ends, and at once when the process does.
func (p *process) untilReady(ctx context.Context, ready func(context.Context) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	go func() {
		select {
		case <-p.exited:
			cancel(fmt.Errorf("%s ended (%v):\n%s", p.name, p.err, tail(p.log, 2048)))
		case <-ctx.Done():
		}
	}()
	return poll(ctx, ready)
}

// poll asks every 25 ms until ready succeeds or ctx ends.
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
			return fmt.Errorf("%w (last answer: %w)", context.Cause(ctx), err)
		}
	}
}

// tail is at most the last n bytes of a file, from the start of a line.
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
