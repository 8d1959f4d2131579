package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"slices"

	"golang.org/x/term"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
)

// fileNamed returns the file that a flag names.
func fileNamed(value string) string {
	if value == "-" || value == "/dev/stdin" {
		return evidence.StandardInput
	}
	return value
}

// maxInput limits standard input, in bytes: as a file of certificates.
const maxInput = 4 << 20

// giveInput reads standard input to its end if a candidate is on it, since a pipe can be read only
// once. Its error is the context's, of reading, or that there is too much.
func giveInput(ctx context.Context, prober *probe.Prober, selected []evidence.Target, stdin *os.File, stderr io.Writer) error {
	if !slices.ContainsFunc(selected, evidence.Target.ReadsInput) {
		return nil
	}
	if term.IsTerminal(int(stdin.Fd())) {
		fmt.Fprintln(stderr, "exporter: reading standard input, until Ctrl-D")
	}
	var content []byte
	done := make(chan error, 1)
	go func() { // it may never end
		var err error
		content, err = io.ReadAll(io.LimitReader(stdin, maxInput+1))
		done <- err
	}()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case err := <-done:
		if err != nil {
			return fmt.Errorf("reading standard input: %w", err)
		}
	}
	if len(content) > maxInput {
		return fmt.Errorf("standard input is too large; allowed: up to %d MiB", maxInput>>20)
	}
	prober.WithFile(evidence.StandardInput, content)
	return nil
}
