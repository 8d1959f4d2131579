package lab

import (
	"os"
	"path/filepath"
	"syscall"
)

const (
	runDirPrefix = "vault-k8s-auth-lab-"
	lockFile     = "lock"
)

// A RunDir holds everything that a lab or a demo writes. Its process holds a lock on it; the kernel releases the lock if
// the process is killed.
type RunDir struct {
	path string
	lock *os.File
}

// NewRunDir creates a directory with mode 0700, and removes those of labs that were killed.
func NewRunDir() (*RunDir, error) {
	removeStaleDirs()
	path, err := os.MkdirTemp("", runDirPrefix)
	if err != nil {
		return nil, err
	}
	lock, err := lockDir(path)
	if err != nil {
		_ = os.RemoveAll(path)
		return nil, err
	}
	return &RunDir{path: path, lock: lock}, nil
}

// Path is the path of the file of this name in the directory, or of the directory if the name is empty.
func (d *RunDir) Path(name string) string { return filepath.Join(d.path, name) }

// Remove removes the directory and all that is in it.
func (d *RunDir) Remove() error {
	defer d.lock.Close()
	return os.RemoveAll(d.path)
}

// lockDir does not wait: it returns an error if another process holds the lock.
func lockDir(path string) (*os.File, error) {
	lock, err := os.OpenFile(filepath.Join(path, lockFile), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		lock.Close()
		return nil, err
	}
	return lock, nil
}

// removeStaleDirs removes the directories whose lock nobody holds. It ignores errors, and skips a directory without a
// lock file: another lab may be creating it.
func removeStaleDirs() {
	locks, _ := filepath.Glob(filepath.Join(os.TempDir(), runDirPrefix+"*", lockFile))
	for _, path := range locks {
		dir := filepath.Dir(path)
		lock, err := lockDir(dir)
		if err != nil {
			continue
		}
		_ = os.RemoveAll(dir)
		lock.Close()
	}
}
