package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
)

// inputOr returns the file that a flag names.
func inputOr(file string) string {
	if file == "-" {
		return evidence.StandardInput
	}
	return file
}

// maxInput limits standard input, in bytes.
const maxInput = 1 << 20

// giveInput reads standard input to its end if a candidate is on it, since a pipe can be read only
// once. Its error is the context's, of reading, or that there is too much.
func giveInput(ctx context.Context, prober *probe.Prober, selected []evidence.Target, stdin *os.File, stderr io.Writer) error {
	if !slices.ContainsFunc(selected, evidence.Target.ReadsInput) {
		return nil
	}
	if info, err := stdin.Stat(); err == nil && info.Mode()&os.ModeCharDevice != 0 {
		fmt.Fprintln(stderr, "exporter: reading standard input")
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
	prober.Given(evidence.StandardInput, content)
	return nil
}
