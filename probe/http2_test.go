package probe_test

import (
	"context"
	"fmt"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/diagnose"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/probetest"
)

// Whatever an HTTP/2 server does to a request is classified, and shown without the numbers
// of streams, which differ from run to run.
func TestHTTP2Failures(t *testing.T) {
	each := func(do func(f probetest.Frames, stream uint32)) func(probetest.Frames) {
		return func(f probetest.Frames) { f.Requests(func(stream uint32) { do(f, stream) }) }
	}
	reset := func(code uint32) func(probetest.Frames) {
		return each(func(f probetest.Frames, stream uint32) { f.Reset(stream, code) })
	}
	goAway := func(code uint32) func(probetest.Frames) {
		return each(func(f probetest.Frames, stream uint32) {
			f.GoAway(stream, code)
			_ = f.Close()
		})
	}
	for name, test := range map[string]struct {
		serve  func(probetest.Frames)
		reason diagnose.Reason
		text   string
	}{
		"closed before a request": {func(probetest.Frames) {}, diagnose.VaultUnreachable, ""},
		"closed after a request":  {each(func(f probetest.Frames, _ uint32) { _ = f.Close() }), diagnose.VaultUnreachable, "EOF"},
		"stopped":                 {goAway(probetest.CodeNone), diagnose.VaultUnreachable, "GOAWAY"},
		"stopped for a violation": {goAway(probetest.CodeProtocol), diagnose.VaultBadResponse, "GOAWAY"},
		"stopped unprocessed":     {each(func(f probetest.Frames, _ uint32) { f.GoAway(0, probetest.CodeNone) }), diagnose.VaultUnreachable, "refused the request every time"},
		"internal error":          {reset(probetest.CodeInternal), diagnose.VaultUnreachable, "stream error: INTERNAL_ERROR; received from peer"},
		"canceled":                {reset(probetest.CodeCancel), diagnose.VaultUnreachable, "stream error: CANCEL; received from peer"},
		"refused":                 {reset(probetest.CodeRefused), diagnose.VaultUnreachable, "refused the request every time"},
		"violation":               {reset(probetest.CodeProtocol), diagnose.VaultUnreachable, "refused the request every time"},
		"HTTP/1.1 demanded":       {reset(probetest.CodeHTTP11Required), diagnose.VaultBadResponse, "stream error: HTTP_1_1_REQUIRED; received from peer"},
		"HTTP/1.1 spoken":         {speakHTTP1, diagnose.VaultBadResponse, ""}, // the request may be sent again, over HTTP/1.1
		"silent":                  {each(func(probetest.Frames, uint32) {}), diagnose.VaultTimeout, "connected, but the request was not answered in time"},
		"silent without settings": {func(f probetest.Frames) { drain(f) }, diagnose.VaultTimeout, "connected, but the request was not answered in time"},
		"header too large": {each(func(f probetest.Frames, stream uint32) {
			f.Send(probetest.FrameHeaders, 0, stream, probetest.HeaderOK)
			for range 6 {
				f.Send(9, 0, stream, "\x00\x7f\xff\x7e"+strings.Repeat("x", 16000))
			}
		}), diagnose.VaultBadResponse, ""},
		"reset in the body": {each(func(f probetest.Frames, stream uint32) {
			f.Send(probetest.FrameHeaders, probetest.EndHeaders, stream, probetest.HeaderOK)
			f.Send(probetest.FrameData, 0, stream, `{"request_id":`)
			f.Reset(stream, probetest.CodeInternal)
		}), diagnose.VaultBadResponse, "the connection ended in the middle of the response: stream error: INTERNAL_ERROR; received from peer"},
		"closed in the body": {each(func(f probetest.Frames, stream uint32) {
			f.Send(probetest.FrameHeaders, probetest.EndHeaders, stream, probetest.HeaderOK)
			f.Send(probetest.FrameData, 0, stream, `{"request_id":`)
			if stream > 1 { // both questions have a header
				_ = f.Close()
			}
		}), diagnose.VaultBadResponse, "unexpected EOF"},
		"silent in the body": {each(func(f probetest.Frames, stream uint32) {
			f.Send(probetest.FrameHeaders, probetest.EndHeaders, stream, probetest.HeaderOK)
			f.Send(probetest.FrameData, 0, stream, `{"request_id":`)
		}), diagnose.VaultTimeout, "the response began, but did not end in time"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := probetest.NewWorld(t)
			w.Target.Timeout = 3 * time.Second
			w.Target.Vault.Addr = w.ServeFrames(test.serve)
			prober := w.Prober()
			ctx, cancel := context.WithCancel(t.Context())
			result, _ := prober.Probe(ctx, w.Target, probe.Memory{})
			cancel() // of the login that still waits
			prober.Wait()
			if f := result.Evidence.Login.Failure; !strings.Contains(f.Text, test.text) || strings.Contains(f.Text, "stream ID") {
				t.Errorf("the login: %q, want %q in it", f.Text, test.text)
			}
			if got := result.Diagnosis; got.Reason != test.reason {
				t.Errorf("reason = %s (%s), want %s", got.Reason, got.Detail, test.reason)
			}
		})
	}
}

// speakHTTP1 responds as a server of HTTP/1.1 does to what it cannot read, or does not expect.
func speakHTTP1(f probetest.Frames) {
	if _, err := f.Read(make([]byte, 4096)); err != nil {
		return
	}
	_, _ = f.Write([]byte("HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\n400 Bad Request"))
}

func drain(c net.Conn) {
	buffer := make([]byte, 4096)
	for {
		if _, err := c.Read(buffer); err != nil {
			return
		}
	}
}

// Over HTTP/2 a run makes one connection to each server, whatever it asks.
func TestConnectionsOfARun(t *testing.T) {
	for name, arrange := range map[string]func(*probetest.World){
		"healthy": func(*probetest.World) {}, "follow-ups": (*probetest.World).DropReviewer,
	} {
		t.Run(name, func(t *testing.T) {
			w := probetest.NewWorld(t)
			w.Complete()
			arrange(w)
			var vault, kubernetes atomic.Int32
			w.Network.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
				if strings.HasSuffix(w.Target.Vault.Addr, address) {
					vault.Add(1)
				} else {
					kubernetes.Add(1)
				}
				return new(net.Dialer).DialContext(ctx, network, address)
			}
			w.Probe(probe.Memory{})
			if vault.Load() != 1 || kubernetes.Load() != 1 {
				t.Errorf("%d connections to Vault and %d to the API server, want one to each", vault.Load(), kubernetes.Load())
			}
		})
	}
}

// A server may take only one request per connection, and say that it has not processed the
// next one. That one gets a connection of its own, as it does over HTTP/1.1.
func TestOneRequestPerConnection(t *testing.T) {
	w := probetest.NewWorld(t)
	body := fmt.Sprintf(`{"initialized":true,"version":"1.21.4","server_time_utc":%d,"auth":{"client_token":"hvs.x","lease_duration":60}}`, time.Now().Unix())
	w.Target.Vault.Addr = w.ServeFrames(func(f probetest.Frames) {
		f.Requests(func(stream uint32) {
			if stream > 1 {
				return
			}
			f.GoAway(1, probetest.CodeNone)
			f.Send(probetest.FrameHeaders, probetest.EndHeaders, stream, probetest.HeaderOK)
			f.Send(probetest.FrameData, probetest.EndStream, stream, body)
		})
	})
	result, _ := w.Probe(probe.Memory{})
	if e := result.Evidence; !e.Health.Ok() || !e.Login.Ok() {
		t.Errorf("health: %+v, login: %+v, want both answered", e.Health.Failure, e.Login.Failure)
	}
}

// Both questions to a server that cannot be reached fail for the same cause, at the same
// stage.
func TestSecondQuestionFailsLikeTheFirst(t *testing.T) {
	for name, at := range map[string]func(*probetest.World) string{
		"silent":  func(w *probetest.World) string { return "https://" + w.Silent() },
		"refused": func(w *probetest.World) string { return "https://" + w.Refused() },
		"no name": func(*probetest.World) string { return "https://vault..svc:8200" },
		"plain":   func(w *probetest.World) string { return "https://" + w.ServePlain(w.Vault) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := probetest.NewWorld(t)
			w.Target.Timeout = time.Second
			w.Target.Vault.Addr, w.Target.Kubernetes.Host = at(w), at(w)
			result, _ := w.Probe(probe.Memory{})
			e := result.Evidence
			for server, failures := range map[string][2]evidence.Failure{
				"Vault": {e.Health.Failure, e.Login.Failure}, "Kubernetes": {e.Review.Failure, e.Identity.Failure},
			} {
				if failures[0].Class == "" || failures[0] != failures[1] {
					t.Errorf("%s: %+v, then %+v", server, failures[0], failures[1])
				}
			}
		})
	}
}
