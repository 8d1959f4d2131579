package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"vault-k8s-auth-exporter/lab"
)

const envFile = "exporter.env"

// up starts the lab and holds it until ctx ends. The environment goes to stdout, all else to stderr.
func up(ctx context.Context, stdout, stderr io.Writer) (err error) {
	l, err := lab.Start(ctx, lab.Options{Log: stderr, Control: true})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	if err := writeEnv(l); err != nil {
		return err
	}
	fmt.Fprint(stdout, exports(l.FullEnv()))
	fmt.Fprintf(stderr, `
The lines above are also in %s. Vault says why it refuses a login in %s.
Break something with make fault NAME=reviewer_forbidden, mend it with make heal, end the lab with Ctrl-C.
`, filepath.Join(".lab", "current", envFile), l.DebugLog())
	<-ctx.Done()
	fmt.Fprintln(stderr, "taking the lab down")
	return nil
}

// writeEnv leaves a file to source in the lab's directory.
func writeEnv(l *lab.Lab) error {
	return os.WriteFile(filepath.Join(l.Dir(), envFile), []byte(exports(l.FullEnv())), 0o600)
}

// exports is an environment as a shell reads it.
func exports(env []string) string {
	var lines strings.Builder
	for _, variable := range env {
		name, value, _ := strings.Cut(variable, "=")
		fmt.Fprintf(&lines, "export %s='%s'\n", name, strings.ReplaceAll(value, "'", `'\''`))
	}
	return lines.String()
}
