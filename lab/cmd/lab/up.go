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

// up starts the lab and holds it until ctx ends. The environment goes to stdout, all else to stderr.
func up(ctx context.Context, stdout, stderr io.Writer) (err error) {
	if _, err := lab.BuildExporter(ctx, stderr); err != nil { // for the command lines that are printed
		return err
	}
	l, err := lab.Start(ctx, lab.Options{Log: stderr, Control: true})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	if err := writeEnv(l); err != nil {
		return err
	}
	fmt.Fprint(stdout, environment(l))
	fmt.Fprintf(stderr, `
The lines above are also in .lab/current/%[1]s: (. .lab/current/%[1]s; .lab/bin/exporter check)
Vault says why it refuses a login in %[2]s.
Break something with make fault NAME=reviewer_forbidden, mend it with make heal, end the lab with Ctrl-C.
`, envFile, l.DebugLog())
	<-ctx.Done()
	fmt.Fprintln(stderr, "taking the lab down")
	return nil
}

// writeEnv leaves a file to source in the lab's directory.
func writeEnv(l *lab.Lab) error {
	return os.WriteFile(filepath.Join(l.Dir(), envFile), []byte(environment(l)), 0o600)
}

// equipped is the part of a Lab that an environment is made of.
type environmentSource interface {
	Env() []string
	FullEnv() []string // begins with Env
}

// environment is all that the exporter can be told, with a comment before what it can do without.
func environment(l environmentSource) string {
	bare := l.Env()
	return exports(bare) + "# optional evidence: without it some verdicts are less exact\n" + exports(l.FullEnv()[len(bare):])
}

// exports is an environment as a shell reads it.
func exports(env []string) string {
	var lines strings.Builder
	for _, variable := range env {
		name, value, _ := strings.Cut(variable, "=")
		fmt.Fprintf(&lines, "export %s=%s\n", name, shellQuote(value))
	}
	return lines.String()
}

var noQuotesNeeded = regexp.MustCompile(`^[\w@%+:,./-]*$`)

// quoted is a word as a shell reads it.
func shellQuote(word string) string {
	if noQuotesNeeded.MatchString(word) {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}
