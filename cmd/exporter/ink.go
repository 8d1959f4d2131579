package main

import (
	"io"
	"os"
	"regexp"
	"unicode/utf8"

	"golang.org/x/term"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
)

// ink colours words for a terminal. Without colour the words are the same: they
// carry the meaning alone.
type ink bool

// inkFor is coloured where w is a terminal whose user does not object: NO_COLOR
// (no-color.org) counts when it is not empty, TERM=dumb cannot show any.
func inkFor(w io.Writer) ink {
	file, ok := w.(*os.File)
	return ink(ok && term.IsTerminal(int(file.Fd())) && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb")
}

// The colours, as SGR parameters. All show on a dark ground and on a light one.
const (
	bold   = "1"
	faint  = "2"
	red    = "31"
	green  = "32"
	yellow = "33"
)

func (i ink) paint(colour, words string) string {
	if !i {
		return words
	}
	return "\x1b[" + colour + "m" + words + "\x1b[0m"
}

// state paints the word of a step's state.
func (i ink) state(state evidence.StepState, words string) string {
	switch state {
	case evidence.StepOK:
		return i.paint(green, words)
	case evidence.StepFailed:
		return i.paint(red, words)
	}
	return i.paint(faint, words)
}

var painted = regexp.MustCompile("\x1b\\[[0-9]*m")

// columns is how wide a text stands on a terminal.
func columns(text string) int {
	return utf8.RuneCountInString(painted.ReplaceAllString(text, ""))
}
