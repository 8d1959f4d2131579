package main

import (
	"io"
	"os"
	"regexp"
	"strconv"
	"unicode/utf8"

	"golang.org/x/term"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
)

// layout is how the report for people looks: colors on a terminal, and its width. The words
// alone carry the meaning.
type layout struct {
	colored bool
	screen  int // columns of the terminal, 0 if it is none
}

const (
	// maxWidth is where prose is wrapped at the latest, as it is in a file.
	maxWidth = 100
	// minWidth is where the lines of a very narrow terminal end; it wraps them itself.
	minWidth = 40
)

// layoutFor returns colors if w is a terminal, unless NO_COLOR (no-color.org) is set and not
// empty, or TERM is dumb. COLUMNS takes precedence over the size of the terminal.
func layoutFor(w io.Writer) layout {
	file, ok := w.(*os.File)
	if !ok || !term.IsTerminal(int(file.Fd())) {
		return layout{}
	}
	return layout{colored: os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb", screen: screenOf(file)}
}

// screenOf returns the number of columns of a terminal, 0 if it is not known.
func screenOf(terminal *os.File) int {
	if n, err := strconv.Atoi(os.Getenv("COLUMNS")); err == nil && n > 0 {
		return n
	}
	n, _, _ := term.GetSize(int(terminal.Fd()))
	return n
}

// width is where prose is wrapped.
func (l layout) width() int {
	if l.screen == 0 {
		return maxWidth
	}
	return max(minWidth, min(l.screen, maxWidth))
}

// Select Graphic Rendition parameters. All are legible on dark and light backgrounds.
const (
	bold   = "1"
	faint  = "2"
	red    = "31"
	green  = "32"
	yellow = "33"
)

func (l layout) color(parameter, text string) string {
	if !l.colored {
		return text
	}
	return "\x1b[" + parameter + "m" + text + "\x1b[0m"
}

// state colors a step's state, which may be padded.
func (l layout) state(state evidence.StepState, text string) string {
	switch state {
	case evidence.StepOK:
		return l.color(green, text)
	case evidence.StepFailed:
		return l.color(red, text)
	}
	return l.color(faint, text)
}

var escapeSequence = regexp.MustCompile("\x1b\\[[0-9]*m")

// columns returns the width of a text on a terminal.
func columns(text string) int {
	return utf8.RuneCountInString(escapeSequence.ReplaceAllString(text, ""))
}
