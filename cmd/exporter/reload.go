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

// hangups receives SIGHUP from now on. A signal that comes before the configuration is
// read is for later; the system would end the process.
func hangups() chan os.Signal {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGHUP)
	return signals
}

// ignoreHangups gives SIGHUP its usual effect back, also if it came in the meantime.
func ignoreHangups(signals chan os.Signal) {
	signal.Stop(signals)
	select {
	case <-signals:
		_ = syscall.Kill(os.Getpid(), syscall.SIGHUP)
	default:
	}
}

// reloadTriggers are the events after which the configuration is read again.
type reloadTriggers struct {
	file    <-chan struct{} // nil without a targets file
	signals <-chan os.Signal
}

// watchConfig returns the triggers that occur from now on, until the context ends.
func (e *exporter) watchConfig(ctx context.Context, signals <-chan os.Signal) reloadTriggers {
	c := reloadTriggers{signals: signals}
	if file := e.settings.TargetsFile; file != "" {
		c.file = config.Watch(ctx, file)
	}
	return c
}

// reloadOn reads the configuration again after every trigger, until the context ends.
func (e *exporter) reloadOn(ctx context.Context, c reloadTriggers) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-c.signals:
			e.reload("SIGHUP")
		case _, open := <-c.file:
			if !open {
				return // with the context
			}
			e.reload("the targets file")
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
