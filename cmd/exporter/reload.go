package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/internal/config"
)

// changes are what the configuration is read anew for.
type changes struct {
	file    <-chan struct{} // nil without a file that is watched
	hangups chan os.Signal
}

// watch has changes be noticed from now on, until the context ends.
func (e *exporter) watch(ctx context.Context) changes {
	c := changes{hangups: make(chan os.Signal, 1)}
	signal.Notify(c.hangups, syscall.SIGHUP)
	if file := e.settings.TargetsFile; file != "" {
		var err error
		if c.file, err = config.Watch(ctx, file); err != nil {
			e.logger.Warn("Changes of the targets file are not noticed, send SIGHUP", "err", err)
		}
	}
	return c
}

// follow reads the configuration anew for every change until the context ends.
func (e *exporter) follow(ctx context.Context, c changes) {
	defer signal.Stop(c.hangups)
	for {
		select {
		case <-ctx.Done():
			return
		case <-c.hangups:
			e.reload("SIGHUP")
		case _, open := <-c.file:
			if open {
				e.reload("the targets file")
				continue
			}
			c.file = nil
			if ctx.Err() == nil {
				e.logger.Warn("Changes of the targets file are no longer noticed, send SIGHUP")
			}
		}
	}
}

// reload puts what is configured now into force, or refuses the whole of it.
func (e *exporter) reload(cause string) {
	settings, err := e.settings.Reload()
	if err != nil {
		e.recorder.ReloadFailed()
		e.logger.Error("Configuration refused, the old one stays", "cause", cause, "err", oneLine(err))
		return
	}
	e.use(settings)
	e.logger.Info("Configuration reloaded", "cause", cause, "targets", len(settings.Targets))
}

// oneLine puts all mistakes into one line of the log.
func oneLine(err error) string {
	var texts []string
	for _, mistake := range flatten(err) {
		texts = append(texts, fmt.Sprint(mistake))
	}
	return strings.Join(texts, "; ")
}
