package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"time"

	"github.com/prometheus/common/version"
	"github.com/prometheus/exporter-toolkit/web"

	"vault-k8s-auth-exporter/internal/config"
	"vault-k8s-auth-exporter/internal/schedule"
	"vault-k8s-auth-exporter/internal/status"
	"vault-k8s-auth-exporter/metrics"
	"vault-k8s-auth-exporter/probe"
)

// lastRequests is how long requests in progress may take once all else has ended.
const lastRequests = 500 * time.Millisecond

// serve probes on a schedule until the context ends, and then in good order: the
// runs end and revoke what they hold, late logins are settled, the listeners close.
func serve(ctx context.Context, f flags, settings config.Config, logger *slog.Logger) int {
	if err := web.Validate(*f.web.WebConfigFile); err != nil {
		logger.Error("Web configuration is invalid", "file", *f.web.WebConfigFile, "err", err)
		return exitUsage
	}
	for _, w := range settings.Warnings() {
		logger.Warn(w.Text, "target", w.Target, "variable", w.Variable)
	}
	known, err := protected(f)
	if err != nil {
		logger.Error("Web configuration is invalid", "err", err)
		return exitUsage
	}
	logger.Info("Starting", "version", version.Info(), "targets", len(settings.Targets))

	ctx, stop := context.WithCancel(ctx)
	defer stop()
	recorder := metrics.New(settings.Targets)
	prober := probe.NewProber(version.Version, recorder.Account)
	var board *status.Board
	scheduler := schedule.New(jobs(settings.Targets, prober, recorder, func(r probe.Result) { board.Publish(r) }, logger))
	board = newBoard(recorder, scheduler, settings)

	servers := listen(f, publicRoutes(recorder, scheduler, pageOf(board, settings, known), configPage(settings.Write)), scheduler, logger)
	servers[0].http.RegisterOnShutdown(board.Close)
	failed := make(chan error, len(servers))
	for _, s := range servers {
		go func() {
			err := s.serve()
			if !errors.Is(err, http.ErrServerClosed) {
				failed <- fmt.Errorf("serving %s: %w", s.name, err)
			}
			stop() // without its listeners the exporter is of no use
		}()
	}

	scheduler.Run(ctx)
	prober.Wait()
	for _, s := range servers {
		s.end()
	}
	select {
	case err := <-failed:
		logger.Error("A listener failed", "err", err)
		return exitUnhealthy
	default:
		logger.Info("Stopped")
		return exitOK
	}
}

// jobs has every target probed on its interval, each run fed with what the last
// one leaves behind.
func jobs(targets []probe.Target, prober *probe.Prober, recorder *metrics.Recorder, publish func(probe.Result), logger *slog.Logger) []schedule.Job {
	jobs := make([]schedule.Job, 0, len(targets))
	for _, target := range targets {
		var memory probe.Memory // runs of one job never overlap
		jobs = append(jobs, schedule.Job{
			Name:     target.Name,
			Interval: target.Interval,
			Recheck:  target.Recheck,
			Longest:  target.Timeout + probe.Overrun,
			Run: func(ctx context.Context) schedule.Outcome {
				defer recorder.Begin()()
				result, next := prober.Probe(ctx, target, memory)
				if ctx.Err() != nil {
					return schedule.Outcome{} // cut short, it says nothing of the target
				}
				memory = next
				recorder.Record(result)
				publish(result)
				announce(logger, result)
				retry := result.Retry()
				return schedule.Outcome{
					Verdict: string(result.Diagnosis.Reason), LeaveAlone: retry.Refused, RetryAfter: retry.After,
				}
			},
			Skipped: func() {
				recorder.Skipped(target.Name)
				logger.Warn("Run skipped, the last one is still going", "target", target.Name)
			},
		})
	}
	return jobs
}

// announce logs one line for each change of verdict; repeats are for debugging.
func announce(logger *slog.Logger, result probe.Result) {
	d := result.Diagnosis
	level, message := slog.LevelDebug, "Verdict unchanged"
	if result.Since.Equal(result.Start) {
		level, message = slog.LevelInfo, "Verdict changed"
		if !result.Healthy() {
			level = slog.LevelWarn
		}
	}
	attributes := []any{
		"target", result.Target.Name, "reason", d.Reason, "party", d.Party(), "certainty", d.Certainty, "detail", d.Detail,
		"duration", result.Duration.Round(time.Millisecond),
	}
	if len(d.Fix) > 0 {
		attributes = append(attributes, "fix", d.Fix)
	}
	logger.Log(context.Background(), level, message, attributes...)
}

// server is one listener, from its start to its end.
type server struct {
	name  string
	serve func() error
	http  *http.Server
}

func (s server) end() {
	ctx, cancel := context.WithTimeout(context.Background(), lastRequests)
	defer cancel()
	if s.http.Shutdown(ctx) != nil {
		_ = s.http.Close()
	}
}

// listen lists the listeners that the command line asks for.
func listen(f flags, public http.Handler, scheduler *schedule.Scheduler, logger *slog.Logger) []server {
	main := newServer(public)
	servers := []server{
		{"metrics", func() error { return web.ListenAndServe(main, f.web, logger) }, main},
		plain("health", f.health, healthRoutes(scheduler), logger),
	}
	if f.debug != "" {
		servers = append(servers, plain("debug", f.debug, debugRoutes(), logger))
	}
	return servers
}

func plain(name, address string, routes http.Handler, logger *slog.Logger) server {
	s := newServer(routes)
	return server{name, func() error {
		listener, err := net.Listen("tcp", address)
		if err != nil {
			return err
		}
		logger.Info("Listening", "for", name, "address", listener.Addr().String())
		return s.Serve(listener)
	}, s}
}

func newServer(routes http.Handler) *http.Server {
	return &http.Server{Handler: routes, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute}
}

func debugRoutes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	return mux
}
