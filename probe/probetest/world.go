package probetest

import (
	"context"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/gather"
)

// World is a cluster, a Vault and a target that uses both. It is healthy at first; tests and
// scenarios break it.
type World struct {
	Kubernetes *Kubernetes
	Vault      *Vault
	Target     evidence.Target

	// Reviewer and Canary are the tokens in their files.
	Reviewer, Canary Token

	// Network is how the exporter reaches the servers.
	Network gather.Network

	// Panic makes the exporter panic in the middle of a run.
	Panic bool

	protocol              Protocol
	kubernetesCA, vaultCA authority
	credentials           []string
	mu                    sync.Mutex // guards tokenEvents
	tokenEvents           []evidence.TokenEvent
	t                     TB
}

// TB is the part of [testing.TB] that a world needs, so that a command can run one too.
type TB interface {
	Helper()
	Fatal(args ...any)
	Cleanup(func())
	Context() context.Context
}

// NewWorld starts a healthy world, which is stopped at the end of the test.
func NewWorld(t TB) *World {
	t.Helper()
	return NewWorldOver(t, HTTP2)
}

// NewWorldOver starts a healthy world whose servers speak these protocols.
func NewWorldOver(t TB, protocol Protocol) *World {
	t.Helper()
	w := &World{
		t: t, protocol: protocol, kubernetesCA: newAuthority("kubernetes"), vaultCA: newAuthority("vault"),
		Kubernetes: newKubernetes(),
		Reviewer:   accountToken("vault", "vault-auth", APIServerAudience), Canary: accountToken("monitoring", "canary", "vault"),
	}
	w.Kubernetes.Labels = map[string]map[string]string{"vault": {}, "monitoring": {"team": "sre"}}
	w.Kubernetes.Grants[w.Reviewer.username()] = authDelegator
	for _, token := range []Token{w.Reviewer, w.Canary} {
		w.Kubernetes.Accounts[token.Namespace+"/"+token.Name] = token.UID
	}
	kubernetes := w.Serve(w.Kubernetes, w.kubernetesCA, nil)
	w.Vault = &Vault{
		Initialized: true,
		Handlers:    map[string]http.HandlerFunc{},
		Mounts: map[string]*Mount{"kubernetes": {
			Config: &Config{
				Host: kubernetes, CACert: w.kubernetesCA.PEM(), ReviewerJWT: w.Reviewer.String(),
				DisableISSValidation: true, DisableLocalCA: true,
			},
			Roles: map[string]Role{
				"canary": {Names: []string{"canary"}, Namespaces: []string{"monitoring"}, Audience: "vault", TTL: time.Minute},
			},
		}},
	}
	w.Target = evidence.Target{
		Name: "default",
		Vault: evidence.Vault{
			Addr: w.Serve(w.Vault, w.vaultCA, nil), CACert: w.File("ca.crt", w.vaultCA.PEM()), Mount: "kubernetes", Role: "canary",
		},
		Kubernetes: evidence.Kubernetes{Host: kubernetes, CACert: w.File("ca.crt", w.kubernetesCA.PEM())},
		Reviewer:   evidence.Origin{Source: evidence.SourceFile, TokenFile: w.tokenFile("reviewer-token", w.Reviewer.String())},
		Canary:     evidence.Origin{Source: evidence.SourceFile, TokenFile: w.tokenFile("canary-token", w.Canary.String())},
		Interval:   time.Minute, Timeout: 10 * time.Second, Recheck: 10 * time.Second,
		ExpiryWarning:  evidence.ExpiryWarning{Tokens: evidence.DefaultExpiryWarning, Certificates: evidence.DefaultExpiryWarning},
		NegativeCanary: evidence.NegativeCanarySettings{Interval: time.Hour},
		FollowUps:      true,
	}
	return w
}

func accountToken(namespace, name string, audiences ...string) Token {
	now := time.Now()
	return Token{
		Namespace: namespace, Name: name, UID: uidOf(name),
		Issuer: APIServerAudience, Audiences: audiences,
		Issued: now.Add(-time.Hour), Expires: now.Add(24 * time.Hour),
	}
}

// KubernetesCA returns the CA of the API server, in a certificate that is valid until then. Every
// such certificate verifies the API server while it is valid.
func (w *World) KubernetesCA(end time.Time) string { return w.kubernetesCA.until(end).PEM() }

// OtherCA returns a CA that verifies nothing, valid until then.
func OtherCA(end time.Time) string { return newAuthority("other").until(end).PEM() }

// Complete makes all optional evidence available: it adds a Vault token that may read the
// mount, a diagnostic role, and an identity of the exporter.
func (w *World) Complete() { w.give(Everything) }

// Diagnosable adds a diagnostic role.
func (w *World) Diagnosable() {
	w.Target.Vault.DiagnosticRole = "diagnostic"
	w.Mount(func(m *Mount) {
		m.Roles["diagnostic"] = Role{Names: []string{"canary"}, Selector: map[string]string{"k8s-auth-probe/never-set": "true"}}
	})
}

// File writes a file into a new directory and returns its path. The path does not contain
// the test's name: a long one would look like a credential and be redacted.
func (w *World) File(name, content string) string {
	dir, err := os.MkdirTemp("", "world")
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { _ = os.RemoveAll(dir) })
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		w.t.Fatal(err)
	}
	return path
}

func (w *World) tokenFile(name, token string) string {
	w.credentials = append(w.credentials, token)
	return w.File(name, token)
}

// SetReviewer writes another reviewer token to the file.
func (w *World) SetReviewer(token Token) {
	w.Reviewer = token
	w.SetReviewerText(token.String())
}

// SetReviewerText writes a text to the reviewer's file.
func (w *World) SetReviewerText(text string) {
	w.Target.Reviewer.TokenFile = w.tokenFile("reviewer-token", text)
}

// SetCanary writes another canary token to the file.
func (w *World) SetCanary(token Token) {
	w.Canary = token
	w.Target.Canary.TokenFile = w.tokenFile("canary-token", token.String())
}

// Mount changes the mount in Vault.
func (w *World) Mount(change func(*Mount)) {
	w.Vault.Change(func(v *Vault) { change(v.Mounts["kubernetes"]) })
}

// Config changes the mount's config.
func (w *World) Config(change func(*Config)) { w.Mount(func(m *Mount) { change(m.Config) }) }

// Snapshot returns what restores the mounts and grants as they are now.
func (w *World) Snapshot() (restore func()) {
	mounts, grants := map[string]*Mount{}, map[string][]string{}
	w.Vault.Change(func(v *Vault) {
		for path, mount := range v.Mounts {
			saved := mount.clone()
			mounts[path] = &saved
		}
	})
	w.Kubernetes.Change(func(k *Kubernetes) { maps.Copy(grants, k.Grants) })
	return func() {
		w.Vault.Change(func(v *Vault) { v.Mounts = mounts })
		w.Kubernetes.Change(func(k *Kubernetes) { k.Grants = grants })
	}
}

// StoreReviewer stores another reviewer token in Vault than the one in the file.
func (w *World) StoreReviewer(token string) {
	w.credentials = append(w.credentials, token)
	w.Config(func(c *Config) { c.ReviewerJWT = token })
}

// Readable adds a Vault token that may read the mount's config and roles, and look up
// entities.
func (w *World) Readable() { w.Target.Vault.TokenFile = w.tokenFile("vault-token", ReaderToken) }

// Identity gives the exporter its own identity, which may create TokenReviews.
func (w *World) Identity() {
	w.powerlessIdentity()
	w.Kubernetes.Change(func(k *Kubernetes) { k.Grants[exporterUser] = authDelegator })
}

const exporterUser = "system:serviceaccount:monitoring:vault-k8s-auth-exporter"

// powerlessIdentity gives the exporter its own identity, which has no permissions.
func (w *World) powerlessIdentity() {
	own := accountToken("monitoring", "vault-k8s-auth-exporter", APIServerAudience)
	w.Target.Kubernetes.TokenFile = w.tokenFile("own-token", own.String())
	w.Kubernetes.Change(func(k *Kubernetes) {
		k.Accounts["monitoring/vault-k8s-auth-exporter"] = own.UID
		delete(k.Grants, exporterUser)
	})
}

// MintCanary makes the exporter mint the canary's token, and permits that.
func (w *World) MintCanary() {
	w.powerlessIdentity()
	w.Target.Canary = evidence.Origin{Source: evidence.SourceServiceAccount, ServiceAccount: w.Canary.account(), Audiences: w.Canary.Audiences}
	w.Kubernetes.Change(func(k *Kubernetes) { k.Grants[exporterUser] = []string{"create serviceaccounts/token"} })
}

// DropReviewer stores a reviewer token in Vault that expired yesterday. The one in the file
// remains valid.
func (w *World) DropReviewer() { w.StoreReviewer(expiredYesterday(w.Reviewer).String()) }

// RestoreReviewer stores the token in the file in Vault again.
func (w *World) RestoreReviewer() { w.StoreReviewer(w.Reviewer.String()) }

func expiredYesterday(t Token) Token {
	t.Issued, t.Expires = time.Now().Add(-48*time.Hour), time.Now().Add(-24*time.Hour)
	return t
}

// KubernetesAt changes the API server's address, for both the exporter and Vault.
func (w *World) KubernetesAt(host string) {
	w.Target.Kubernetes.Host = host
	w.Config(func(c *Config) { c.Host = host })
}

// OnKubernetes sets the handler for one resource; "" is every resource.
func (w *World) OnKubernetes(resource string, answer http.HandlerFunc) {
	w.Kubernetes.Change(func(k *Kubernetes) { k.Handlers[resource] = answer })
}

// OnVault sets the handler for one path below /v1/; "" is every path.
func (w *World) OnVault(path string, answer http.HandlerFunc) {
	w.Vault.Change(func(v *Vault) { v.Handlers[path] = answer })
}

// OnLogin sets the handler for logins.
func (w *World) OnLogin(answer http.HandlerFunc) { w.OnVault("auth/kubernetes/login", answer) }

// Credentials lists every credential that was ever in the world's files or in Vault.
func (w *World) Credentials() []string { return slices.Clone(w.credentials) }

// Prober returns a prober whose token events the world records.
func (w *World) Prober() *probe.Prober {
	prober := probe.NewProber("test", func(_ string, event evidence.TokenEvent) {
		if w.Panic {
			panic("out of order")
		}
		w.mu.Lock()
		defer w.mu.Unlock()
		w.tokenEvents = append(w.tokenEvents, event)
	})
	return prober.Over(w.Network)
}

// TokenEvents lists the token events of the world's probers, in order.
func (w *World) TokenEvents() []evidence.TokenEvent {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.tokenEvents)
}

// Probe makes one run with a new prober.
func (w *World) Probe(memory probe.Memory) (probe.Result, probe.Memory) {
	return w.Prober().Probe(w.t.Context(), w.Target, memory)
}

// Swap atomically replaces the file to with the file from, as a kubelet does.
func Swap(t testing.TB, from, to string) {
	t.Helper()
	if err := os.Rename(from, to); err != nil {
		t.Fatal(err)
	}
}
