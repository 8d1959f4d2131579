package probetest

import (
	"io"
	"log"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"vault-k8s-auth-exporter/probe"
)

// World is a cluster, a Vault and a target between them, all well at first. Tests
// and scenarios break it.
type World struct {
	Kubernetes *Kubernetes
	Vault      *Vault
	Target     probe.Target

	// Reviewer and Canary are the tokens as they stand in their files.
	Reviewer, Canary Token

	// Panic has the exporter itself go wrong in the middle of a probe.
	Panic bool

	mu    sync.Mutex // guards fates
	fates []probe.Fate
	t     testing.TB
}

// NewWorld starts a healthy world that ends with the test.
func NewWorld(t testing.TB) *World {
	t.Helper()
	w := &World{t: t, Reviewer: accountToken("vault", "vault-auth", APIServerAudience), Canary: accountToken("monitoring", "canary", "vault")}
	w.Kubernetes = &Kubernetes{
		Accounts:     map[string]Token{w.Reviewer.String(): w.Reviewer, w.Canary.String(): w.Canary},
		Delegators:   []string{w.Reviewer.username()},
		ReviewErrors: map[string]string{},
		ReviewedAs:   map[string]string{},
		Handlers:     map[string]http.HandlerFunc{},
	}
	w.Vault = &Vault{
		Initialized: true,
		Mounts: map[string]*Mount{"kubernetes": {Roles: map[string]Role{
			"canary": {Name: "canary", Namespace: "monitoring", Audience: "vault", TTL: time.Minute},
		}}},
		Handlers: map[string]http.HandlerFunc{},
	}
	kubernetes, vault := w.serve(w.Kubernetes), w.serve(w.Vault)
	w.Target = probe.Target{
		Name:       "default",
		Vault:      probe.Vault{Addr: vault.URL, CACert: w.caFile(vault.Certificate()), Mount: "kubernetes", Role: "canary"},
		Kubernetes: probe.Kubernetes{Host: kubernetes.URL, CACert: w.caFile(kubernetes.Certificate())},
		Reviewer:   probe.Reviewer{Source: probe.SourceFile, TokenFile: w.File("reviewer-token", w.Reviewer.String())},
		Canary:     probe.Canary{Source: probe.SourceFile, TokenFile: w.File("canary-token", w.Canary.String())},
		Interval:   time.Minute, Timeout: 2 * time.Second, Recheck: 10 * time.Second,
		FollowUps: true,
	}
	return w
}

func accountToken(namespace, name, audience string) Token {
	now := time.Now()
	return Token{
		Namespace: namespace, Name: name, UID: "uid-of-" + name,
		Issuer: APIServerAudience, Audiences: []string{audience},
		Issued: now.Add(-time.Hour), Expires: now.Add(24 * time.Hour),
	}
}

func (w *World) serve(handler http.Handler) *httptest.Server {
	server := httptest.NewUnstartedServer(handler)
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // handshakes fail on purpose
	server.StartTLS()
	w.t.Cleanup(func() {
		server.CloseClientConnections()
		server.Close()
	})
	return server
}

// File writes a file of its own and returns its path.
func (w *World) File(name, content string) string {
	path := filepath.Join(w.t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		w.t.Fatal(err)
	}
	return path
}

// SetReviewer puts another reviewer token into the file, which the API server
// takes for a stranger's.
func (w *World) SetReviewer(token Token) {
	w.Reviewer = token
	w.Target.Reviewer.TokenFile = w.File("reviewer-token", token.String())
}

// SetCanary puts another canary token into the file, and has the API server know
// it.
func (w *World) SetCanary(token Token) {
	w.Canary = token
	w.Target.Canary.TokenFile = w.File("canary-token", token.String())
	w.Kubernetes.Change(func(k *Kubernetes) { k.Accounts[token.String()] = token })
}

// Readable has a token at hand that may read the mount's config, which is what fits
// the target, and these changes.
func (w *World) Readable(changes map[string]any) {
	w.Target.Vault.TokenFile = w.File("vault-token", ReaderToken)
	ca, err := os.ReadFile(w.Target.Kubernetes.CACert)
	if err != nil {
		w.t.Fatal(err)
	}
	config := map[string]any{
		"kubernetes_host": w.Target.Kubernetes.Host, "kubernetes_ca_cert": string(ca), "pem_keys": []string{}, "issuer": "",
		"disable_iss_validation": true, "disable_local_ca_jwt": true, "token_reviewer_jwt_set": true,
		"use_annotations_as_alias_metadata": false,
	}
	maps.Copy(config, changes)
	w.Vault.Change(func(v *Vault) { v.Mounts["kubernetes"].Config = config })
}

// SignCanary gives the canary a token with a signature that verifies with the key
// that is returned as PEM.
func (w *World) SignCanary() string {
	key, signed := sign(w.t, w.Canary)
	w.Target.Canary.TokenFile = w.File("canary-token", signed)
	w.Kubernetes.Change(func(k *Kubernetes) { k.Accounts[signed] = w.Canary })
	return key
}

// Oracle names an oracle role, through which Vault answers this.
func (w *World) Oracle(answer string) {
	w.Target.Vault.OracleRole = "oracle"
	w.Vault.Change(func(v *Vault) {
		v.Mounts["kubernetes"].Roles["oracle"] = Role{Name: w.Canary.Name, Namespace: w.Canary.Namespace, Selector: answer}
	})
}

// Identity gives the exporter an identity of its own that may create TokenReviews.
func (w *World) Identity() {
	own := accountToken("monitoring", "vault-k8s-auth-exporter", APIServerAudience)
	w.Target.Kubernetes.TokenFile = w.File("own-token", own.String())
	w.Kubernetes.Change(func(k *Kubernetes) {
		k.Accounts[own.String()] = own
		k.Delegators = append(k.Delegators, own.username())
	})
}

// MintCanary has the exporter mint the canary's token, which it may.
func (w *World) MintCanary() {
	w.Identity()
	w.Target.Canary = probe.Canary{Source: probe.SourceServiceAccount, ServiceAccount: w.Canary.account(), Audiences: w.Canary.Audiences}
	w.Kubernetes.Change(func(k *Kubernetes) {
		k.Minters = append(k.Minters, "system:serviceaccount:monitoring:vault-k8s-auth-exporter")
	})
}

// DropReviewer has Vault's own TokenReviews fail, as they do with a reviewer that
// is no good.
func (w *World) DropReviewer() {
	w.Vault.Change(func(v *Vault) { v.Mounts["kubernetes"].Review = func(string) bool { return false } })
}

// OnKubernetes and OnVault have a handler answer for one resource or path; "" is
// all of them.
func (w *World) OnKubernetes(resource string, answer http.HandlerFunc) {
	w.Kubernetes.Change(func(k *Kubernetes) { k.Handlers[resource] = answer })
}

// OnVault has a handler answer for one path below /v1/; "" is all of them.
func (w *World) OnVault(path string, answer http.HandlerFunc) {
	w.Vault.Change(func(v *Vault) { v.Handlers[path] = answer })
}

// OnLogin has a handler answer the logins.
func (w *World) OnLogin(answer http.HandlerFunc) { w.OnVault("auth/kubernetes/login", answer) }

// Silent returns the address of a server that accepts connections and says
// nothing, not even in the TLS handshake.
func (w *World) Silent() string {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		w.t.Fatal(err)
	}
	var accepting sync.WaitGroup
	var open []net.Conn
	accepting.Go(func() {
		for {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			open = append(open, connection)
		}
	})
	w.t.Cleanup(func() {
		_ = listener.Close()
		accepting.Wait()
		for _, connection := range open {
			_ = connection.Close()
		}
	})
	return listener.Addr().String()
}

// Refused returns the address of nobody: connections to it are refused.
func (w *World) Refused() string {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		w.t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().String()
}

// Credentials are those that stand in the world's files.
func (w *World) Credentials() []string { return []string{w.Reviewer.String(), w.Canary.String()} }

// Prober returns a prober whose tokens the world accounts for.
func (w *World) Prober() *probe.Prober {
	return probe.NewProber("test", func(_ string, fate probe.Fate) {
		if w.Panic {
			panic("out of order")
		}
		w.mu.Lock()
		defer w.mu.Unlock()
		w.fates = append(w.fates, fate)
	})
}

// Fates lists what became of the prober's tokens, in order.
func (w *World) Fates() []probe.Fate {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.fates)
}

// Play breaks the world as a scenario does, and makes the run that must see it.
func (w *World) Play(s Scenario) probe.Result {
	var memory probe.Memory
	if s.Before != nil {
		s.Before(w)
		for range 10 {
			_, memory = w.Probe(memory)
		}
	}
	s.Arrange(w)
	result, _ := w.Probe(memory)
	return result
}

// Probe makes one run on a prober of its own.
func (w *World) Probe(memory probe.Memory) (probe.Result, probe.Memory) {
	return w.Prober().Probe(w.t.Context(), w.Target, memory)
}

// Swap puts one file in the place of another, atomically, as a kubelet does.
func Swap(t testing.TB, from, to string) {
	t.Helper()
	if err := os.Rename(from, to); err != nil {
		t.Fatal(err)
	}
}
