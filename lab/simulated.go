package lab

import (
	"context"
	"errors"
	"io"
	"time"
)

// The timing of the demo's exporter.
const (
	DemoInterval = 10 * time.Second
	DemoTimeout  = 3 * time.Second
	DemoRecheck  = 2 * time.Second
)

// TargetsFile is the name of the demo's targets file, and SimulatedTarget the name of the target in it that is
// simulated.
const (
	TargetsFile     = "targets.yaml"
	SimulatedTarget = "simulated"
)

// Simulated is a process that runs the fakes of both servers in place of a lab: lab/cmd/simulated.
type Simulated struct {
	dir     *RunDir
	process *process
}

// StartSimulated starts the servers, with their control and their targets file in dir. As with a lab, the context bounds
// only the start.
func StartSimulated(ctx context.Context, dir *RunDir, progress io.Writer) (*Simulated, error) {
	binary, err := BuildSimulated(ctx, progress)
	if err != nil {
		return nil, err
	}
	p, err := startProcess(dir.path, binary, "simulated", dir.path)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	err = p.untilReady(ctx, func(context.Context) error {
		if !isRunning(dir.path) {
			return errors.New("no control")
		}
		return nil
	})
	if err != nil {
		return nil, errors.Join(err, p.stop())
	}
	return &Simulated{dir: dir, process: p}, nil
}

// Injected returns the names of the injected faults.
func (s *Simulated) Injected(ctx context.Context) (names []string, err error) {
	states, err := connect(s.dir.path).Faults(ctx)
	for _, state := range states {
		if state.Injected {
			names = append(names, state.Name)
		}
	}
	return names, err
}

// Close stops the servers.
func (s *Simulated) Close() error { return s.process.stop() }
