package statefile

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/internal/localfile"
)

const (
	format  = "vault-k8s-auth-exporter state"
	version = 1
	// maxSize is the size of the file in bytes, above which it is neither written nor read.
	maxSize = 16 << 20
)

// header is the first line.
type header struct {
	Format  string `json:"format"`
	Version int    `json:"version"`
	SHA256  string `json:"sha256"` // of the second line
}

// File is a state file at its path. Only one process writes it at a time.
type File string

// Unusable is why a file that exists is not used, and what to do about it.
type Unusable struct{ Why, Do string }

func (u *Unusable) Error() string { return u.Why }

// At returns the file at a path, with symbolic links followed: it is replaced where it is.
func At(path string) File {
	if resolved, err := filepath.EvalSymlinks(path); err == nil {
		return File(resolved)
	}
	return File(path)
}

// Read returns the state. If there is no file the error is [fs.ErrNotExist], otherwise an [Unusable].
func (f File) Read(now time.Time) (State, error) {
	content, err := localfile.Read(string(f), maxSize)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return State{}, fs.ErrNotExist
	case err != nil:
		return State{}, &Unusable{err.Error(), "let the user that the exporter runs as read and write it, or set EXPORTER_STATE_FILE to another path"}
	}
	return decode(content, now)
}

func decode(content []byte, now time.Time) (State, error) {
	first, body, _ := bytes.Cut(content, []byte("\n"))
	var h header
	if json.Unmarshal(first, &h) != nil || h.Format != format || h.Version < 1 {
		return State{}, &Unusable{"the file was not written by this program, or its beginning is damaged", "set EXPORTER_STATE_FILE to a path that nothing else uses"}
	}
	if h.Version > version {
		return State{}, &Unusable{
			fmt.Sprintf("a newer version of this program wrote it: format %d, and this one reads up to %d", h.Version, version),
			"nothing; to use it again, install that version and rename it back",
		}
	}
	damaged := &Unusable{"", "nothing, but check the volume if it occurs again; what was remembered is lost"}
	body = bytes.TrimSuffix(body, []byte("\n"))
	var s State
	if sum := sha256.Sum256(body); hex.EncodeToString(sum[:]) != h.SHA256 {
		damaged.Why = "it is damaged: its checksum does not match"
	} else if err := json.Unmarshal(body, &s); err != nil {
		damaged.Why = "it is damaged: it cannot be decoded"
	} else if err := s.check(now); err != nil {
		damaged.Why, damaged.Do = "it "+err.Error(), "check the clock of the node and who else can write the file; what was remembered is lost"
	} else {
		s.trim()
		return s, nil
	}
	return State{}, damaged
}

func encode(s State) ([]byte, error) {
	s.trim()
	body, err := json.Marshal(s)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(body)
	first, err := json.Marshal(header{format, version, hex.EncodeToString(sum[:])})
	if err != nil {
		return nil, err
	}
	content := append(append(append(first, '\n'), body...), '\n')
	if len(content) > maxSize {
		return nil, fmt.Errorf("it would have %d MiB, more than the %d that are read", len(content)>>20, maxSize>>20)
	}
	return content, nil
}

// SetAside renames the file, so that it is kept and not overwritten, and returns its new path. One
// that was set aside before is replaced. Only regular files are renamed.
func (f File) SetAside() (string, error) {
	info, err := os.Lstat(string(f))
	switch {
	case err != nil:
		return "", err
	case !info.Mode().IsRegular():
		return "", errors.New("it is no regular file")
	}
	aside := string(f) + ".aside"
	return aside, os.Rename(string(f), aside)
}

// Write replaces the file at once: after a crash it holds the old state or the new one.
func (f File) Write(s State) error {
	content, err := encode(s)
	if err != nil {
		return err
	}
	temporary, err := os.CreateTemp(filepath.Dir(string(f)), f.temporaries())
	if err != nil {
		return err
	}
	_, err = temporary.Write(content)
	if err == nil {
		err = temporary.Sync()
	}
	err = errors.Join(err, temporary.Close())
	if err == nil {
		err = os.Rename(temporary.Name(), string(f))
	}
	if err != nil {
		return errors.Join(err, os.Remove(temporary.Name()))
	}
	return syncDirectory(filepath.Dir(string(f)))
}

// temporaries is the pattern of the names of files that are being written.
func (f File) temporaries() string { return "." + filepath.Base(string(f)) + ".tmp-*" }

// RemoveTemporaries removes what processes that were killed while they wrote have left.
func (f File) RemoveTemporaries() {
	left, _ := filepath.Glob(filepath.Join(filepath.Dir(string(f)), f.temporaries())) // fails only for a malformed pattern
	for _, name := range left {
		_ = os.Remove(name) // the next process tries again
	}
}

// syncDirectory makes a rename durable. Some file systems cannot, and need not.
func syncDirectory(path string) error {
	directory, err := os.Open(path)
	if err != nil {
		return err
	}
	defer directory.Close()
	if err := directory.Sync(); err != nil && !errors.Is(err, syscall.EINVAL) && !errors.Is(err, syscall.ENOTSUP) {
		return err
	}
	return nil
}
