package main

import (
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"golang.org/x/term"
)

// progressAfter is how long check is silent before it shows its progress.
const progressAfter = time.Second

// progress shows on a terminal how many targets were probed, and which took longest, or how many
// logins were rehearsed. It is one line, which is removed at the end.
type progress struct {
	width int // of the terminal, 0 if it is not known
	total int
	of    string // what is counted
	start time.Time
	first *time.Timer // nil if it is no terminal

	mu      sync.Mutex // guards what follows
	out     io.Writer  // nil if it is no terminal, and after the end
	done    int
	slowest string
	longest time.Duration
	shown   bool
}

func newProgress(w io.Writer, total int) *progress {
	p := &progress{total: total, of: "targets probed", start: time.Now()}
	if file, ok := w.(*os.File); ok && term.IsTerminal(int(file.Fd())) && os.Getenv("TERM") != "dumb" {
		p.out, p.width = w, screenOf(file)
		p.first = time.AfterFunc(progressAfter, p.show) // also while no target responds
	}
	return p
}

// probed counts a target, or without a name a login.
func (p *progress) probed(target string, elapsed time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.done++
	if elapsed > p.longest {
		p.longest, p.slowest = elapsed, target
	}
	p.write()
}

func (p *progress) show() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.write()
}

// write is called with the lock held.
func (p *progress) write() {
	if p.out == nil || time.Since(p.start) < progressAfter {
		return
	}
	p.shown = true
	line := fmt.Sprintf("%d of %d %s", p.done, p.total, p.of)
	if p.slowest != "" {
		line += fmt.Sprintf(", the slowest: %s, %.1f s", p.slowest, p.longest.Seconds())
	}
	if p.width > 0 { // a line that the terminal wraps could not be removed
		line = line[:min(len(line), p.width-1)]
	}
	fmt.Fprint(p.out, "\r\x1b[K", line)
}

// end removes the line.
func (p *progress) end() {
	if p.first != nil {
		p.first.Stop()
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.shown {
		fmt.Fprint(p.out, "\r\x1b[K")
	}
	p.out = nil // the timer may have fired just now
}
