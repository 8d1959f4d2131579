// The simulated command runs the fakes of probe/probetest in place of a lab, so that the demo has something to show while
// the real servers are compiled. The lab command cannot run them itself: it would take as long to compile as the
// exporter, without a sign of progress.
package main

import (
	"context"
	"fmt"
	"io"
	"os"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/lab"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: simulated DIRECTORY")
		os.Exit(2)
	}
	if err := run(os.Args[1], os.Stdin); err != nil {
		fmt.Fprintln(os.Stderr, "simulated:", err)
		os.Exit(1)
	}
}

// run writes the targets file into dir and serves the control there, until stdin ends.
func run(dir string, stdin io.Reader) error {
	p, err := newPair(dir, process{})
	if err != nil {
		return err
	}
	control, err := lab.ServeControl(dir, p)
	if err != nil {
		return err
	}
	_, _ = io.Copy(io.Discard, stdin)
	return control.Close()
}

// process is the probetest.TB of this process. What would be cleaned up after a test ends with the process, and its
// temporary files are in the directory of the demo, which removes it.
type process struct{}

func (process) Helper()                  {}
func (process) Cleanup(func())           {}
func (process) Context() context.Context { return context.Background() }
func (process) Fatal(args ...any)        { panic(fmt.Sprint(args...)) }
