package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/lab"
)

const envFile = "exporter.env"

// up runs the lab until ctx ends. It prints the environment to stdout and everything else to stderr, so that stdout can
// be sourced.
func up(ctx context.Context, stdout, stderr io.Writer) (err error) {
	if _, err := lab.BuildExporter(ctx, stderr); err != nil { // used by the printed command lines
		return err
	}
	installation, err := lab.ReleaseNamed(ctx)
	if err != nil {
		return err
	}
	l, err := lab.Start(ctx, lab.Options{Log: stderr, Control: true, Installation: installation})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	if err := writeEnv(l); err != nil {
		return err
	}
	current, err := lab.MakeCurrent(l.Dir(), stderr)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, current.Close()) }()
	fmt.Fprint(stdout, environment(l))
	fmt.Fprintf(stderr, `
The variables above are also in .lab/current/%[1]s. To run one check: (. .lab/current/%[1]s; .lab/bin/exporter check)
Vault's debug log says why a login failed: %[2]s
Inject a fault with make fault NAME=reviewer_forbidden, undo it with make heal, stop the lab with Ctrl-C.
`, envFile, l.DebugLog())
	<-ctx.Done()
	fmt.Fprintln(stderr, "stopping the lab")
	return nil
}

// writeEnv writes the environment to a file in the lab's directory, for a shell to source.
func writeEnv(l *lab.Lab) error {
	return os.WriteFile(filepath.Join(l.Dir(), envFile), []byte(environment(l)), 0o600)
}

// environmentSource is the part of a Lab that environment needs.
type environmentSource interface {
	Env() []string
	FullEnv() []string // must begin with Env
}

// environment returns export lines for everything that the exporter can be given. A comment precedes the optional
// variables.
func environment(l environmentSource) string {
	bare := l.Env()
	return exports(bare) + "# optional evidence: without it some verdicts are less exact\n" + exports(l.FullEnv()[len(bare):])
}

// exports returns the variables as export lines for a shell.
func exports(env []string) string {
	var lines strings.Builder
	for _, variable := range env {
		name, value, _ := strings.Cut(variable, "=")
		fmt.Fprintf(&lines, "export %s=%s\n", name, shellQuote(value))
	}
	return lines.String()
}

var noQuotesNeeded = regexp.MustCompile(`^[\w@%+:,./-]*$`)

// shellQuote quotes a word for a shell, if necessary.
func shellQuote(word string) string {
	if noQuotesNeeded.MatchString(word) {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}
