package lab

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// Current is the link .lab/current to the directory of the lab of this checkout that was started last: `make fault` and
// `make heal` act on that one.
type Current struct{ link, dir string }

// MakeCurrent points the link to dir. It tells log if another lab is running.
func MakeCurrent(dir string, log io.Writer) (*Current, error) {
	root, err := Root()
	if err != nil {
		return nil, err
	}
	c := &Current{link: currentLink(root)}
	if other, err := os.Readlink(c.link); err == nil && isRunning(other) {
		fmt.Fprintf(log, "another lab of this checkout is running in %s; `make fault` and `make heal` now act on the new one\n", other)
	}
	return c, c.Move(dir)
}

// Move points the link to another directory, unless a newer lab has replaced it.
func (c *Current) Move(dir string) error {
	if now, err := os.Readlink(c.link); err == nil && c.dir != "" && now != c.dir {
		return nil
	}
	if err := replaceLink(c.link, dir); err != nil {
		return err
	}
	c.dir = dir
	return nil
}

// Close removes the link, unless a newer lab has replaced it.
func (c *Current) Close() error {
	if now, err := os.Readlink(c.link); err != nil || now != c.dir {
		return nil
	}
	return removeFile(c.link)
}

func currentLink(root string) string { return filepath.Join(root, ".lab", "current") }

// replaceLink points link to dir, atomically: it creates a new link and renames it.
func replaceLink(link, dir string) error {
	if err := os.MkdirAll(filepath.Dir(link), 0o755); err != nil {
		return err
	}
	temporary := fmt.Sprintf("%s.%d", link, os.Getpid())
	if err := removeFile(temporary); err != nil {
		return err
	}
	if err := os.Symlink(dir, temporary); err != nil {
		return err
	}
	return os.Rename(temporary, link)
}
