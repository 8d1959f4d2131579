// Package localfile reads the files that the configuration names, whatever stands at
// their paths: a named pipe, a device or a file without an end neither hangs the
// process nor uses up its memory.
package localfile

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"
	"time"
)

// patience bounds the reading of what says that it is a regular file and waits for
// more all the same, as some files of /proc do.
const patience = time.Second

// Refusal says why a file that exists is not read. It completes a sentence that names
// the file and ends in "is".
type Refusal string

func (r Refusal) Error() string { return string(r) }

// Read returns the content of a regular file of at most limit bytes. Symbolic links are
// followed. Every error is a [*fs.PathError], which wraps a [Refusal] where the file is
// another kind of file or too large; none holds content.
func Read(path string, limit int64) ([]byte, error) {
	refuse := func(why Refusal) error { return &fs.PathError{Op: "read", Path: path, Err: why} }
	// Opening a device may have an effect of its own.
	if info, err := os.Stat(path); err == nil {
		if why := refusal(info, limit); why != "" {
			return nil, refuse(why)
		}
	}
	file, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	info, err := file.Stat() // the path may name another file by now
	if err != nil {
		return nil, err
	}
	if why := refusal(info, limit); why != "" {
		return nil, refuse(why)
	}
	if err := file.SetReadDeadline(time.Now().Add(patience)); err != nil && !errors.Is(err, os.ErrNoDeadline) {
		return nil, err
	}
	content := bytes.NewBuffer(make([]byte, 0, info.Size()+bytes.MinRead)) // read at once, unless it grows
	_, err = content.ReadFrom(io.LimitReader(file, limit+1))
	switch {
	case err != nil:
		return nil, err
	case int64(content.Len()) > limit: // it grew, or does not say its size
		return nil, refuse(tooLarge(limit))
	}
	return content.Bytes(), nil
}

// refusal is why a file is not read, empty where it may be.
func refusal(info fs.FileInfo, limit int64) Refusal {
	switch {
	case !info.Mode().IsRegular():
		return Refusal("no regular file, but a " + kind(info.Mode()))
	case info.Size() > limit:
		return tooLarge(limit)
	}
	return ""
}

func tooLarge(limit int64) Refusal {
	if limit >= 1<<20 {
		return Refusal(fmt.Sprintf("too large, up to %d MiB are allowed", limit>>20))
	}
	return Refusal(fmt.Sprintf("too large, up to %d bytes are allowed", limit))
}

func kind(mode fs.FileMode) string {
	switch {
	case mode.IsDir():
		return "directory"
	case mode&fs.ModeNamedPipe != 0:
		return "named pipe"
	case mode&fs.ModeSocket != 0:
		return "socket"
	case mode&fs.ModeDevice != 0:
		return "device"
	}
	return "special file"
}
