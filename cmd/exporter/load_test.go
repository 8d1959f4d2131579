package main

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/prometheus/exporter-toolkit/web"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/internal/config"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/diagnose"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
)

// loadTargets, if set in the environment, makes this test binary serve that many targets,
// all with a full history, until standard input ends. It probes none of them.
// loadRuns is how many runs each has had if not 160, and loadDescriptors how many
// descriptors the process may have.
const (
	loadTargets     = "LOAD_TARGETS"
	loadRuns        = "LOAD_RUNS"
	loadDescriptors = "LOAD_DESCRIPTORS"
)

func serveLoad() int {
	n, err := strconv.Atoi(os.Getenv(loadTargets))
	if err != nil {
		return exitUsage
	}
	if limit, err := strconv.ParseUint(os.Getenv(loadDescriptors), 10, 64); err == nil {
		if syscall.Setrlimit(syscall.RLIMIT_NOFILE, &syscall.Rlimit{Cur: limit, Max: limit}) != nil {
			return exitUsage
		}
	}
	saveMemory(false)
	settings := config.Config{MaxInFlight: 1, Shard: config.Shard{Total: 1}}
	for i := range n {
		settings.Targets = append(settings.Targets, evidence.Target{
			Name:       fmt.Sprintf("target-%04d", i),
			Vault:      evidence.Vault{Addr: "https://vault.example.com:8200", Mount: "kubernetes", Role: "canary"},
			Kubernetes: evidence.Kubernetes{Host: "https://10.0.0.1:6443"},
			Reviewer:   evidence.Origin{Source: evidence.SourceFile, TokenFile: "/reviewer"},
			Canary:     evidence.Origin{Source: evidence.SourceFile, TokenFile: "/canary"},
			Interval:   time.Minute, Timeout: 15 * time.Second, Recheck: 10 * time.Second,
		})
	}
	logger := slog.New(slog.NewTextHandler(os.Stdout, nil))
	e, err := newExporter(settings, site{page: true}, logger)
	if err != nil {
		return exitUsage
	}
	runs, err := strconv.Atoi(cmp.Or(os.Getenv(loadRuns), "160"))
	if err != nil {
		return exitUsage
	}
	for _, t := range settings.Targets {
		for i := range runs {
			e.recorder.Record(new(loadResult(t, i)))
		}
	}
	no, file, addresses := false, "", []string{"127.0.0.1:0"}
	f := flags{health: "127.0.0.1:0", debug: "127.0.0.1:0", web: &web.FlagConfig{WebListenAddresses: &addresses, WebConfigFile: &file, WebSystemdSocket: &no}}
	servers := e.servers(f)
	listen(servers, func() {})
	fmt.Println("ready")
	_, _ = io.Copy(io.Discard, os.Stdin)
	for _, s := range servers {
		s.shutDown()
	}
	return exitOK
}

// loadResult is the run of a target i minutes after the first one. Its verdict changes
// every ten runs.
func loadResult(t evidence.Target, i int) probe.Result {
	start := time.Now().Add(time.Duration(i-160) * time.Minute)
	answered := evidence.Answered
	r := probe.Result{
		Target: t, Start: start, Since: start, Duration: 40 * time.Millisecond,
		Evidence: evidence.Evidence{
			At:                    start,
			CanaryToken:           evidence.Fact[evidence.Claims]{State: answered, Value: evidence.Claims{IssuedAt: start, Expires: start.Add(time.Hour)}},
			ReviewerToken:         evidence.Fact[evidence.Claims]{State: answered, Value: evidence.Claims{IssuedAt: start, Expires: start.Add(time.Hour)}},
			Review:                evidence.Fact[evidence.Review]{State: answered, Value: evidence.Review{Authenticated: true}, Elapsed: time.Millisecond},
			Identity:              evidence.Fact[evidence.Identity]{State: answered, Elapsed: time.Millisecond},
			Access:                evidence.Fact[evidence.Access]{State: answered, Value: evidence.Access{Allowed: true}, Elapsed: time.Millisecond},
			Health:                evidence.Fact[evidence.Health]{State: answered, Value: evidence.Health{Initialized: true, Version: "1.21.4"}, Elapsed: time.Millisecond},
			Login:                 evidence.Fact[evidence.Login]{State: answered, Value: evidence.Login{Type: "service", TTL: time.Minute}, Elapsed: time.Millisecond},
			Revoke:                evidence.Fact[struct{}]{State: answered, Elapsed: time.Millisecond},
			KubernetesCertificate: evidence.Certificate{Verified: true, NotBefore: start, NotAfter: start.Add(time.Hour)},
			VaultCertificate:      evidence.Certificate{Verified: true, NotBefore: start, NotAfter: start.Add(time.Hour)},
		},
	}
	r.Diagnosis.Verdict = diagnose.Verdict{Reason: diagnose.None, Certainty: diagnose.Proven, Detail: "the login returned a token"}
	if i/10%2 == 0 {
		r.Diagnosis.Verdict = diagnose.Verdict{Reason: diagnose.ReviewerForbidden, Certainty: diagnose.Proven, Detail: "the reviewer may not create TokenReviews"}
	}
	r.Diagnosis.Reviewer = r.Diagnosis.Verdict
	for _, code := range diagnose.WarningCodes() {
		r.Warnings = append(r.Warnings, diagnose.Warning{Code: code})
	}
	return r
}

// loaded is a process that serves targets under load.
type loaded struct {
	b                      testing.TB
	pid                    int
	metrics, health, debug string
	held                   []net.Conn
}

// startLoaded starts a process with so many targets, and these variables.
func startLoaded(b testing.TB, targets int, env ...string) *loaded {
	b.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(append(os.Environ(), fmt.Sprintf("%s=%d", loadTargets, targets)), env...)
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	l := &loaded{b: b, pid: cmd.Process.Pid}
	b.Cleanup(func() {
		l.release()
		_ = stdin.Close()
		_ = cmd.Wait()
	})
	for lines := bufio.NewScanner(stdout); (l.metrics == "" || l.health == "" || l.debug == "") && lines.Scan(); {
		for pattern, address := range map[*regexp.Regexp]*string{metricsAddress: &l.metrics, healthAddress: &l.health, debugAddress: &l.debug} {
			if match := pattern.FindStringSubmatch(lines.Text()); match != nil {
				*address = match[1]
			}
		}
	}
	go func() { _, _ = io.Copy(io.Discard, stdout) }()
	return l
}

// BenchmarkWorstCase measures the peak of resident memory while strangers do what costs
// most, and how long the scraper and the kubelet wait meanwhile. It runs once:
//
//	go test ./cmd/exporter -run '^$' -bench WorstCase -benchtime 1x
func BenchmarkWorstCase(b *testing.B) {
	for _, targets := range []int{100, 1000} {
		for _, attack := range []struct {
			name  string
			begin func(l *loaded)
		}{
			{"quiet", func(l *loaded) { l.read("/metrics", 1) }},
			{"50 scrapes", func(l *loaded) { l.read("/metrics", 50) }},
			{"50 scrapes unread", func(l *loaded) { l.ignore("/metrics", 50) }},
			{"50 pages", func(l *loaded) { l.read("/", 50) }},
			{"50 pages unread", func(l *loaded) { l.ignore("/", 50) }},
			{"50 statuses", func(l *loaded) { l.read("/api/v1/status", 50) }},
			{"50 statuses unread", func(l *loaded) { l.ignore("/api/v1/status", 50) }},
			{"200 subscribers unread", func(l *loaded) { l.ignore("/api/v1/events", 200) }},
			{"10000 connections", func(l *loaded) { l.connect(10_000) }},
			{"all", func(l *loaded) {
				l.connect(10_000)
				l.ignore("/api/v1/events", 200)
				l.ignore("/metrics", 50)
				l.ignore("/api/v1/status", 50)
				l.ignore("/", 50)
				l.read("/metrics", 50)
				l.read("/api/v1/status", 50)
				l.read("/", 50)
			}},
		} {
			b.Run(fmt.Sprintf("targets=%d/%s", targets, attack.name), func(b *testing.B) {
				l := startLoaded(b, targets)
				l.read("/metrics", 1)
				for b.Loop() {
					attack.begin(l)
				}
				b.ReportMetric(l.wait(l.metrics, "/metrics").Seconds(), "scrape-s")
				b.ReportMetric(l.wait(l.health, "/healthz").Seconds(), "health-s")
				b.ReportMetric(l.status("VmHWM"), "peak-MiB")
				b.ReportMetric(socketMemory(b), "sockets-MiB")
			})
		}
	}
}

// wait returns how long a request takes until its whole answer has been read.
func (l *loaded) wait(address, path string) time.Duration {
	start := time.Now()
	client := &http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Get("http://" + address + path)
	if err != nil {
		l.b.Logf("%s after %v: %v", path, time.Since(start), err)
		return time.Since(start)
	}
	defer response.Body.Close()
	if _, err := io.Copy(io.Discard, response.Body); err != nil || response.StatusCode >= 500 && path == "/metrics" {
		l.b.Logf("%s: %d, %v", path, response.StatusCode, err)
	}
	return time.Since(start)
}

// read requests a path n times in parallel and reads the answers.
func (l *loaded) read(path string, n int) {
	var reading sync.WaitGroup
	for range n {
		reading.Go(func() { l.wait(l.metrics, path) })
	}
	reading.Wait()
}

// ignore requests a path n times and reads no answer. It waits for the first byte of
// each, for at most 5 s.
func (l *loaded) ignore(path string, n int) {
	var dialing sync.WaitGroup
	held := make([]net.Conn, n)
	for i := range n {
		dialing.Go(func() {
			held[i] = l.dial()
			if held[i] == nil {
				return
			}
			_ = held[i].(*net.TCPConn).SetReadBuffer(4096)
			_, _ = fmt.Fprintf(held[i], "GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n", path)
			_ = held[i].SetReadDeadline(time.Now().Add(5 * time.Second))
			_, _ = held[i].Read(make([]byte, 1))
		})
	}
	dialing.Wait()
	l.held = append(l.held, held...)
}

// connect opens n connections, half of them to each listener, and sends nothing.
func (l *loaded) connect(n int) {
	for i := range n {
		conn, err := net.DialTimeout("tcp", []string{l.metrics, l.health}[i%2], 5*time.Second)
		if err != nil {
			l.b.Logf("connection %d: %v", i, err)
			return
		}
		l.held = append(l.held, conn)
	}
}

func (l *loaded) dial() net.Conn {
	conn, err := net.DialTimeout("tcp", l.metrics, 5*time.Second)
	if err != nil {
		return nil
	}
	return conn
}

func (l *loaded) release() {
	for _, conn := range l.held {
		if conn != nil {
			_ = conn.Close()
		}
	}
	l.held = nil
}

// status returns a size from /proc in MiB.
func (l *loaded) status(name string) float64 {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", l.pid))
	if err != nil {
		l.b.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if fields := strings.Fields(line); len(fields) == 3 && fields[0] == name+":" {
			kilobytes, _ := strconv.ParseFloat(fields[1], 64)
			return kilobytes / 1024
		}
	}
	l.b.Fatalf("/proc has no %s", name)
	return 0
}

// socketMemory is what the kernel keeps for the TCP connections of the whole machine, in
// MiB. A container's limit counts it too.
func socketMemory(b *testing.B) float64 {
	text, err := os.ReadFile("/proc/net/sockstat")
	if err != nil {
		b.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), "TCP: ")
	fields := strings.Fields(rest)
	for i := 0; i+1 < len(fields); i += 2 {
		if fields[i] == "mem" {
			pages, _ := strconv.ParseFloat(fields[i+1], 64)
			return pages * float64(os.Getpagesize()) / (1 << 20)
		}
	}
	return 0
}
