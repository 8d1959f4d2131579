package main

import (
	"io"
	"os"
	"regexp"
	"unicode/utf8"

	"golang.org/x/term"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
)

// palette colors words for a terminal, or leaves them as they are if it is false. The
// words alone carry the meaning.
type palette bool

// paletteFor returns colors if w is a terminal, unless NO_COLOR (no-color.org) is set
// and not empty, or TERM is dumb.
func paletteFor(w io.Writer) palette {
	file, ok := w.(*os.File)
	return palette(ok && term.IsTerminal(int(file.Fd())) && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb")
}

// Select Graphic Rendition parameters. All are legible on dark and light backgrounds.
const (
	bold   = "1"
	faint  = "2"
	red    = "31"
	green  = "32"
	yellow = "33"
)

func (p palette) color(parameter, text string) string {
	if !p {
		return text
	}
	return "\x1b[" + parameter + "m" + text + "\x1b[0m"
}

// state colors a step's state, which may be padded.
func (p palette) state(state evidence.StepState, text string) string {
	switch state {
	case evidence.StepOK:
		return p.color(green, text)
	case evidence.StepFailed:
		return p.color(red, text)
	}
	return p.color(faint, text)
}

var escapeSequence = regexp.MustCompile("\x1b\\[[0-9]*m")

// columns returns the width of a text on a terminal.
func columns(text string) int {
	return utf8.RuneCountInString(escapeSequence.ReplaceAllString(text, ""))
}
