package lab

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// ReplaceFile writes to a temporary file and renames it, as kubelet does: a reader sees either the old or the new
// content.
func ReplaceFile(path string, data []byte) error {
	temporary, err := os.CreateTemp(filepath.Dir(path), ".new-")
	if err != nil {
		return err
	}
	defer os.Remove(temporary.Name())
	if _, err := temporary.Write(data); err != nil {
		temporary.Close()
		return err
	}
	if err := temporary.Close(); err != nil {
		return err
	}
	return os.Rename(temporary.Name(), path)
}

// removeFile returns nil if the file does not exist.
func removeFile(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
