package config

import (
	"context"
	"io/fs"
	"os"
	"time"
)

const (
	// lookEvery is the time between two looks at the targets file.
	lookEvery = time.Second
	// settle is how long a change is given to be complete: editors write in several
	// steps.
	settle = 200 * time.Millisecond
)

// Watch sends after every change of what path names: the file is written or replaced,
// removed or there again, or a directory or link on the way to it is swapped, as kubelet
// does. Changes in quick succession are one. It looks at the file instead of having the
// system tell: inotify follows a directory that was moved away or unmounted, and not the
// one in its place. The channel closes with the context.
func Watch(ctx context.Context, path string) <-chan struct{} {
	changes := make(chan struct{}, 1)
	reported := look(path)
	go func() {
		defer close(changes)
		for pause(ctx, lookEvery) {
			if look(path).same(reported) {
				continue
			}
			if !pause(ctx, settle) {
				return
			}
			reported = look(path)
			select {
			case changes <- struct{}{}:
			default: // the last one was not received yet
			}
		}
	}()
	return changes
}

// pause returns false if the context ends first.
func pause(ctx context.Context, duration time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(duration):
		return true
	}
}

// sight is a file as it was seen; nil is a file that was not there.
type sight struct{ info fs.FileInfo }

func look(path string) sight {
	info, err := os.Stat(path)
	if err != nil {
		return sight{}
	}
	return sight{info}
}

func (s sight) same(other sight) bool {
	if s.info == nil || other.info == nil {
		return s.info == other.info
	}
	return os.SameFile(s.info, other.info) && s.info.Size() == other.info.Size() && s.info.ModTime().Equal(other.info.ModTime())
}
