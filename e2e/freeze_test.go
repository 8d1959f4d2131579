package e2e

import (
	"crypto/tls"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// TestFrozenExporterBlamesNobody stops the process in the middle of a login, for longer than its
// timeout. What it then takes for a timeout was none of the servers': the run is made again.
//
// That login is not answered before the exporter has continued and had time to see its timeout:
// an answer that waited in the socket would make the run succeed, which is not what is tested.
func TestFrozenExporterBlamesNobody(t *testing.T) {
	frozen, timedOut := make(chan struct{}), make(chan struct{})
	var seen atomic.Bool
	exporter := serve(t, sharedEnv("EXPORTER_VAULT_ADDR="+vaultBehind(t, func(r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/login") && seen.CompareAndSwap(false, true) {
			close(frozen)
			<-timedOut
		}
	})))
	answer := sync.OnceFunc(func() { close(timedOut) })
	t.Cleanup(answer) // before the proxy is closed, which waits for its requests
	<-frozen
	if err := exporter.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	time.Sleep(3 * time.Second) // the timeout is one second
	if err := exporter.cmd.Process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	time.Sleep(time.Second)
	answer()
	eventually(t, detectionTimeout, "a verdict", func() bool {
		return scrape(t, exporter.address("")).label("verdict_info", "reason") == "none"
	}, exporter.out.String)
	for _, l := range exporter.log() {
		if l.Msg == "Verdict changed" && l.Reason != "none" {
			t.Errorf("the exporter blamed somebody for its own stop: %s", l.Reason)
		}
	}
	if got := scrape(t, exporter.address("")).counter("exporter_runs_discarded_total"); got < 1 {
		t.Errorf("%v runs were counted as discarded, want at least 1", got)
	}
}

// vaultBehind returns the address of a proxy in front of the shared lab's Vault that calls seen
// before it passes a request on.
func vaultBehind(t *testing.T, seen func(*http.Request)) string {
	t.Helper()
	var vault *url.URL
	for _, variable := range shared.lab.Env() {
		if address, found := strings.CutPrefix(variable, "EXPORTER_VAULT_ADDR="); found {
			var err error
			if vault, err = url.Parse(address); err != nil {
				t.Fatal(err)
			}
		}
	}
	proxy := httputil.NewSingleHostReverseProxy(vault)
	proxy.Transport = &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}} // loopback, and it is the proxy that is tested through
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen(r)
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	return server.URL
}
