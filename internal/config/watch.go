package config

import (
	"context"
	"fmt"
	"path/filepath"
	"time"

	"github.com/fsnotify/fsnotify"
)

// settle is the pause after a change, since kubelet and editors make it in several
// steps.
const settle = 200 * time.Millisecond

// Watch sends after every change of the file, also after kubelet replaced the ..data
// symlink beside it, as it does for ConfigMaps. It sends once for changes in quick
// succession. The channel closes when the context is done or the directory is removed.
func Watch(ctx context.Context, path string) (<-chan struct{}, error) {
	watcher, err := fsnotify.NewWatcher()
	if err != nil {
		return nil, fmt.Errorf("watching %s: %w", path, err)
	}
	directory := filepath.Dir(path)
	if err := watcher.Add(directory); err != nil {
		_ = watcher.Close()
		return nil, fmt.Errorf("watching %s: %w", directory, err)
	}
	changes := make(chan struct{}, 1)
	go func() {
		defer close(changes)
		defer watcher.Close()
		follow(ctx, watcher, path, changes)
	}()
	return changes, nil
}

func follow(ctx context.Context, watcher *fsnotify.Watcher, path string, changes chan<- struct{}) {
	var settled <-chan time.Time // nil while nothing has changed
	begin := func() {
		if settled == nil {
			settled = time.After(settle)
		}
	}
	for {
		select {
		case <-ctx.Done():
			return
		case event, open := <-watcher.Events:
			switch {
			case !open, event.Name == filepath.Dir(path) && event.Has(fsnotify.Remove):
				return
			case concerns(event, path):
				begin()
			}
		case _, open := <-watcher.Errors:
			if !open {
				return
			}
			begin() // events were lost, maybe one of the file
		case <-settled:
			settled = nil
			select {
			case changes <- struct{}{}:
			default: // the receiver has not taken the last one
			}
		}
	}
}

// concerns reports whether an event may have changed what the path holds.
func concerns(event fsnotify.Event, path string) bool {
	name := filepath.Base(event.Name)
	return (name == filepath.Base(path) || name == "..data") && event.Op != fsnotify.Chmod
}
