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
		want          palette
	}{
		{"", "xterm-256color", true},
		{"1", "xterm-256color", false},
		{"", "dumb", false},
	} {
		t.Setenv("NO_COLOR", test.noColor)
		t.Setenv("TERM", test.term)
		if got := paletteFor(terminal); got != test.want {
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
