package e2e

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"vault-k8s-auth-exporter/lab"
)

// buildExporter compiles the exporter as it is shipped, or with the race detector
// where the tests have it: then a race in the exporter is a failure here too.
func buildExporter(ctx context.Context, dir string) (binary string, err error) {
	root, err := lab.Root()
	if err != nil {
		return "", err
	}
	binary = filepath.Join(dir, "exporter")
	args := []string{"build", "-trimpath", "-buildvcs=false", "-o", binary}
	cgo := "CGO_ENABLED=0"
	if raceEnabled {
		args, cgo = append(args, "-race"), "CGO_ENABLED=1"
	}
	build := exec.CommandContext(ctx, "go", append(args, "./cmd/exporter")...)
	build.Dir = root
	build.Env = append(os.Environ(), cgo, "PWD="+root)
	if output, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("compiling the exporter: %w\n%s", err, output)
	}
	return binary, nil
}
