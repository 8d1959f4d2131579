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

// A runDir holds everything that a lab writes. Its lock is held while the lab lives, and let go by the kernel when the lab
// is killed.
type runDir struct {
	path string
	lock *os.File
}

// newRunDir also removes the directories of labs that were killed.
func newRunDir() (*runDir, error) {
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
	return &runDir{path: path, lock: lock}, nil
}

func (d *runDir) remove() error {
	defer d.lock.Close()
	return os.RemoveAll(d.path)
}

// lockDir fails at once if the lock is held.
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

// sweep leaves alone what it may not remove and what is not finished: a directory without a lock file is being made.
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
