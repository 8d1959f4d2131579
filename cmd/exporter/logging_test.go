package main

import (
	"log"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"k8s.io/klog/v2"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/internal/redact"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/probetest"
)

// net/http logs an answer that comes twice, and the second one holds a token. It goes
// through the program's log, without what is quoted.
func TestAnswerThatComesTwice(t *testing.T) {
	var beside transcript
	log.SetOutput(&beside)
	w := probetest.NewWorldOver(t, probetest.HTTP1) // the handler hijacks its connection
	var closed atomic.Int32
	done := func() { closed.Add(1) }
	w.OnLogin(probetest.Doubled(w.Vault.Serve, done))
	w.OnKubernetes("tokenreviews", probetest.Doubled(probetest.JSON(201,
		`{"apiVersion":"authentication.k8s.io/v1","kind":"TokenReview","spec":{"token":"`+w.Canary.String()+`"},"status":{"authenticated":true,"audiences":["vault"]}}`), done))
	setTarget(t, w.Target)
	s := startServing(t, "serve", "--log.level=debug")
	s.eventually("message of net/http", func() bool { return strings.Contains(s.out.String(), "Unsolicited response") })
	s.eventually("end of the connections", func() bool { return closed.Load() >= 2 })
	s.end()
	for name, text := range map[string]string{"the log": s.out.String(), "the standard logger": beside.String()} {
		if leaks := probetest.Leaks(text, w.Credentials()...); len(leaks) > 0 {
			t.Errorf("%s holds %q", name, leaks)
		}
	}
	if beside.String() != "" {
		t.Errorf("beside the log was written: %s", &beside)
	}
	for line := range strings.Lines(s.out.String()) {
		if !strings.HasPrefix(line, "time=") || !strings.Contains(line, " level=") {
			t.Errorf("a line is none of slog: %s", line)
		}
	}
}

// Listeners and klog write to the program's log too, in one line each.
func TestLibrariesWriteToTheLog(t *testing.T) {
	var out transcript
	logger := slog.New(slog.NewTextHandler(&out, nil))
	divertLibraries(logger)
	klog.ErrorS(nil, "cannot rotate", "token", "hvs.CAESIJ0123456789abcdefghij")
	klog.Warningf("two\nlines of %s", "hvs.CAESIJ0123456789abcdefghij")

	server := newServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("hvs.CAESIJ0123456789abcdefghij\nout of order") }), 16, logger)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = server.Serve(listener) }()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	if response, err := client.Get("http://" + listener.Addr().String()); err == nil {
		_ = response.Body.Close()
		t.Error("a handler that panics answers")
	}
	_ = server.Close()
	got := out.String()
	if strings.Contains(got, "CAESIJ") || strings.Count(got, "\n") != 3 || strings.Count(got, `level=WARN msg="Message of a library"`) != 3 {
		t.Errorf("the log is\n%s", got)
	}
	for _, part := range []string{"cannot rotate", "lines of " + redact.Redacted, "http: panic serving"} {
		if !strings.Contains(got, part) {
			t.Errorf("the log lacks %q:\n%s", part, got)
		}
	}
}

// A server that hands over the connection keeps nobody waiting.
func TestCheckEndsWhereProtocolsAreSwitched(t *testing.T) {
	w := probetest.NewWorldOver(t, probetest.HTTP1) // the handler hijacks its connection
	switched := probetest.SwitchProtocols(func() {})
	w.OnVault("", switched)
	w.OnKubernetes("", func(rw http.ResponseWriter, r *http.Request) {
		if !strings.HasPrefix(r.UserAgent(), "vault-k8s-auth-exporter/") {
			probetest.Close(rw, r)
		}
		switched(rw, r)
	})
	setTarget(t, w.Target)
	t.Setenv("EXPORTER_TIMEOUT", "1s")
	start := time.Now()
	var stdout, stderr transcript
	if code := run(t.Context(), []string{"check"}, &stdout, &stderr); code != exitUnhealthy || !strings.Contains(stdout.String(), "vault_bad_response") {
		t.Errorf("exit code %d:\n%s%s", code, &stdout, &stderr)
	}
	if took := time.Since(start); took > 9*time.Second {
		t.Errorf("check took %s, want its timeout of 1 s, and 7 s, at most", took)
	}
}
