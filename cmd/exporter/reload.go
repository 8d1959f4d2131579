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

// reloadTriggers are the events after which the configuration is read again.
type reloadTriggers struct {
	file    <-chan struct{} // nil without a file that is watched
	signals chan os.Signal
}

// watchConfig returns the triggers that occur from now on, until the context ends.
func (e *exporter) watchConfig(ctx context.Context) reloadTriggers {
	c := reloadTriggers{signals: make(chan os.Signal, 1)}
	signal.Notify(c.signals, syscall.SIGHUP)
	if file := e.settings.TargetsFile; file != "" {
		var err error
		if c.file, err = config.Watch(ctx, file); err != nil {
			e.logger.Warn("Watching the targets file failed, send SIGHUP to reload it", "err", err)
		}
	}
	return c
}

// reloadOn reads the configuration again after every trigger, until the context ends.
func (e *exporter) reloadOn(ctx context.Context, c reloadTriggers) {
	defer signal.Stop(c.signals)
	for {
		select {
		case <-ctx.Done():
			return
		case <-c.signals:
			e.reload("SIGHUP")
		case _, open := <-c.file:
			if open {
				e.reload("the targets file")
				continue
			}
			c.file = nil
			if ctx.Err() == nil {
				e.logger.Warn("The targets file is no longer watched, send SIGHUP to reload it")
			}
		}
	}
}

// reload reads the configuration and applies it, unless any of it is invalid.
func (e *exporter) reload(cause string) {
	settings, err := e.settings.Reload()
	if err != nil {
		e.recorder.ReloadFailed()
		e.logger.Error("Configuration is invalid, the old one stays in use", "cause", cause, "err", oneLine(err))
		return
	}
	e.apply(settings)
	e.logger.Info("Configuration reloaded", "cause", cause, "targets", len(settings.Targets))
}

// oneLine joins all errors in one line.
func oneLine(err error) string {
	var texts []string
	for _, part := range flatten(err) {
		texts = append(texts, fmt.Sprint(part))
	}
	return strings.Join(texts, "; ")
}
