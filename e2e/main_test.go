package e2e

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/lab"
)

// shared has the lab that most tests use, its installation, and the path of the exporter's binary.
// Tests that run in parallel start labs of their own.
var shared struct {
	lab          *lab.Lab
	installation lab.Installation
	exporter     string
}

func TestMain(m *testing.M) {
	flag.Parse()
	if testing.Short() {
		fmt.Println("e2e: left out with -short; without it the real servers are compiled and started")
		os.Exit(0)
	}
	code, err := runWithSharedLab(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, "e2e:", err)
		os.Exit(1)
	}
	os.Exit(code)
}

// runWithSharedLab builds the exporter, starts the shared lab, runs the tests, searches what they printed for secrets, and
// closes the lab.
func runWithSharedLab(m *testing.M) (code int, err error) {
	ctx := context.Background()
	if shared.exporter, err = lab.BuildExporter(ctx, os.Stderr); err != nil {
		return 0, err
	}
	if shared.exporter, err = filepath.Abs(shared.exporter); err != nil {
		return 0, err
	}
	if shared.installation, err = lab.ReleaseNamed(ctx); err != nil {
		return 0, err
	}
	if shared.lab, err = lab.Start(ctx, lab.Options{Log: os.Stderr, Commands: true, Installation: shared.installation}); err != nil {
		return 0, err
	}
	defer func() {
		if closing := shared.lab.Close(); err == nil {
			err = closing
		}
	}()
	code = m.Run()
	return code, noSecretWasPrinted(flag.Lookup("test.run").Value.String() == "")
}
