package main

import (
	"context"
	"log"
	"log/slog"
	"regexp"
	"strings"

	"github.com/go-logr/logr/funcr"
	"k8s.io/klog/v2"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/internal/redact"
)

// Libraries log by themselves, and what they say may quote a server: net/http prints
// the beginning of an answer that nobody asked for, a token included. All of it goes
// through a libraryLog, so that nothing is written beside the program's own log.

// divertLibraries has the standard logger and klog write to the program's log.
func divertLibraries(logger *slog.Logger) {
	log.SetFlags(0)
	log.SetOutput(libraryLog{logger, func(string) slog.Level { return slog.LevelDebug }})
	warnings := libraryLog{logger, func(string) slog.Level { return slog.LevelWarn }}
	klog.SetLogger(funcr.New(func(prefix, text string) { warnings.say(prefix + " " + text) }, funcr.Options{}))
}

// serverLog is the log of a listener. What any stranger can bring about is for debugging.
func serverLog(logger *slog.Logger) *log.Logger {
	return log.New(libraryLog{logger, func(text string) slog.Level {
		if strings.HasPrefix(text, "http: TLS handshake error") {
			return slog.LevelDebug
		}
		return slog.LevelWarn
	}}, "", 0)
}

type libraryLog struct {
	logger *slog.Logger
	level  func(text string) slog.Level
}

func (l libraryLog) Write(line []byte) (int, error) {
	l.say(quoted.ReplaceAllString(string(line), `"…"`))
	return len(line), nil
}

// quoted is what net/http quotes: another's words, cut or not.
var quoted = regexp.MustCompile(`"(?:[^"\\]|\\.)*"?`)

func (l libraryLog) say(text string) {
	l.logger.Log(context.Background(), l.level(text), "Message of a library", "text", redact.Clean(text))
}
