package main

import (
	"fmt"
	"strings"
	"testing"
)

func TestScreenKeepsProgressBelow(t *testing.T) {
	var terminal strings.Builder
	s := &screen{terminal: &terminal, width: func() int { return 12 }}
	progress, out := s.progress(nil), s.above(&terminal)
	fmt.Fprintln(progress, "compiling the real vault")
	fmt.Fprint(out, "up\n")
	fmt.Fprintln(progress, "done")
	s.setLine("")
	fmt.Fprint(out, "down\n")
	const erase = "\r\x1b[K"
	if got, want := terminal.String(), "compiling t"+erase+"up\ncompiling t"+erase+"done"+erase+"down\n"; got != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

func TestScreenWithoutATerminal(t *testing.T) {
	var stderr strings.Builder
	s := newScreen(&stderr)
	fmt.Fprintln(s.progress(&stderr), "compiling the real vault")
	fmt.Fprintln(s.above(&stderr), "up")
	s.setLine("")
	if got, want := stderr.String(), "compiling the real vault\nup\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
