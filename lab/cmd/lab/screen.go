package main

import (
	"io"
	"os"
	"strings"
	"sync"

	"golang.org/x/term"
)

// A screen keeps one line of progress below all other output. If standard error is no terminal, progress is printed there
// line by line.
type screen struct {
	terminal io.Writer  // nil if there is none
	width    func() int // of the terminal, in columns

	mu   sync.Mutex // guards line and the order of what is written
	line string
}

func newScreen(stderr io.Writer) *screen {
	file, ok := stderr.(*os.File)
	if !ok || !term.IsTerminal(int(file.Fd())) {
		return new(screen)
	}
	return &screen{terminal: file, width: func() int {
		width, _, err := term.GetSize(int(file.Fd()))
		if err != nil || width == 0 { // some terminals do not know it
			return 80
		}
		return width
	}}
}

// writerFunc is an io.Writer.
type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(text []byte) (int, error) { return f(text) }

// above returns a writer to out, whose text appears above the line of progress. Every write must end with a newline.
func (s *screen) above(out io.Writer) io.Writer {
	return writerFunc(func(text []byte) (int, error) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.erase()
		defer s.draw()
		return out.Write(text)
	})
}

// progress returns a writer that replaces the line of progress by the last one of each write.
func (s *screen) progress(out io.Writer) io.Writer {
	if s.terminal == nil {
		return s.above(out)
	}
	return writerFunc(func(text []byte) (int, error) {
		lines := strings.Split(strings.TrimSpace(string(text)), "\n")
		s.setLine(lines[len(lines)-1])
		return len(text), nil
	})
}

// setLine replaces the line of progress; an empty one removes it.
func (s *screen) setLine(line string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.erase()
	s.line = line
	s.draw()
}

func (s *screen) erase() {
	if s.line != "" {
		_, _ = io.WriteString(s.terminal, "\r\x1b[K")
	}
}

// draw cuts the line: one that wraps could not be erased.
func (s *screen) draw() {
	if s.line != "" {
		line := []rune(s.line)
		_, _ = io.WriteString(s.terminal, string(line[:min(len(line), max(0, s.width()-1))]))
	}
}
