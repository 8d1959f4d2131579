package main

import (
	"fmt"
	"os"
	"testing"

	"golang.org/x/sys/unix"
)

func TestColorCanBeTurnedOff(t *testing.T) {
	terminal := openTerminal(t)
	for _, test := range []struct {
		noColor, term string
		want          bool
	}{
		{"", "xterm-256color", true},
		{"1", "xterm-256color", false},
		{"", "dumb", false},
	} {
		t.Setenv("NO_COLOR", test.noColor)
		t.Setenv("TERM", test.term)
		if got := layoutFor(terminal).colored; got != test.want {
			t.Errorf("NO_COLOR=%q TERM=%q: colors are %t, want %t", test.noColor, test.term, got, test.want)
		}
	}
}

// openTerminal returns the user's end of a new pseudo-terminal.
func openTerminal(t *testing.T) *os.File {
	t.Helper()
	open := func(path string) *os.File {
		file, err := os.OpenFile(path, os.O_RDWR|unix.O_NOCTTY, 0)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = file.Close() })
		return file
	}
	master := int(open("/dev/ptmx").Fd())
	if err := unix.IoctlSetPointerInt(master, unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	number, err := unix.IoctlGetInt(master, unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	return open(fmt.Sprintf("/dev/pts/%d", number))
}

// The width is that of the terminal, or COLUMNS, and prose is never wider than 100.
func TestWidth(t *testing.T) {
	terminal := openTerminal(t)
	for _, test := range []struct {
		size    uint16
		columns string
		want    int
	}{
		{0, "", 100}, {80, "", 80}, {300, "", 100}, {20, "", 40}, {80, "60", 60}, {80, "wide", 80}, {80, "-1", 80},
	} {
		t.Setenv("COLUMNS", test.columns)
		if err := unix.IoctlSetWinsize(int(terminal.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: test.size}); err != nil {
			t.Fatal(err)
		}
		if got := layoutFor(terminal).width(); got != test.want {
			t.Errorf("%d columns, COLUMNS=%q: the width is %d, want %d", test.size, test.columns, got, test.want)
		}
	}
}
