package probetest

import (
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

// World is a cluster, a Vault and a target between them, all well at first. Tests
// and scenarios break it.
type World struct {
	Kubernetes *Kubernetes
	Vault      *Vault
	Target     evidence.Target

	// Reviewer and Canary are the tokens as they stand in their files.
	Reviewer, Canary Token

	// Network is how the exporter reaches its servers.
	Network gather.Network

	// Panic has the exporter itself go wrong in the middle of a probe.
	Panic bool

	kubernetesCA, vaultCA authority
	credentials           []string
	mu                    sync.Mutex // guards fates
	fates                 []evidence.TokenEvent
	t                     testing.TB
}

// NewWorld starts a healthy world that ends with the test.
func NewWorld(t testing.TB) *World {
	t.Helper()
	w := &World{
		t: t, kubernetesCA: newAuthority("kubernetes"), vaultCA: newAuthority("vault"),
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
		Reviewer:   evidence.Reviewer{Source: evidence.SourceFile, TokenFile: w.tokenFile("reviewer-token", w.Reviewer.String())},
		Canary:     evidence.Canary{Source: evidence.SourceFile, TokenFile: w.tokenFile("canary-token", w.Canary.String())},
		Interval:   time.Minute, Timeout: 10 * time.Second, Recheck: 10 * time.Second,
		FollowUps: true,
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

// Complete has every piece of optional evidence at hand: a Vault token that may read
// the mount, a diagnostic role, and an identity of the exporter's own.
func (w *World) Complete() {
	w.Readable()
	w.Identity()
	w.Target.Vault.DiagnosticRole = "diagnostic"
	w.Mount(func(m *Mount) {
		m.Roles["diagnostic"] = Role{Names: []string{"canary"}, Selector: map[string]string{"k8s-auth-probe/never-set": "true"}}
	})
}

// File writes a file of its own and returns its path, which is short: a long name that a
// test's name is part of looks like a token.
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

// SetReviewer puts another reviewer token into the file.
func (w *World) SetReviewer(token Token) {
	w.Reviewer = token
	w.SetReviewerText(token.String())
}

// SetReviewerText puts any text into the reviewer's file.
func (w *World) SetReviewerText(text string) {
	w.Target.Reviewer.TokenFile = w.tokenFile("reviewer-token", text)
}

// SetCanary puts another canary token into the file.
func (w *World) SetCanary(token Token) {
	w.Canary = token
	w.Target.Canary.TokenFile = w.tokenFile("canary-token", token.String())
}

// Mount and Config change what Vault has stored.
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

// StoreReviewer gives Vault another reviewer token than the file holds.
func (w *World) StoreReviewer(token string) {
	w.credentials = append(w.credentials, token)
	w.Config(func(c *Config) { c.ReviewerJWT = token })
}

// Readable has a token at hand that may read the mount's config and roles.
func (w *World) Readable() { w.Target.Vault.TokenFile = w.tokenFile("vault-token", ReaderToken) }

// Identity gives the exporter an identity of its own that may create TokenReviews.
func (w *World) Identity() {
	w.powerlessIdentity()
	w.Kubernetes.Change(func(k *Kubernetes) { k.Grants[exporterUser] = authDelegator })
}

const exporterUser = "system:serviceaccount:monitoring:vault-k8s-auth-exporter"

// powerlessIdentity is one that may nothing.
func (w *World) powerlessIdentity() {
	own := accountToken("monitoring", "vault-k8s-auth-exporter", APIServerAudience)
	w.Target.Kubernetes.TokenFile = w.tokenFile("own-token", own.String())
	w.Kubernetes.Change(func(k *Kubernetes) {
		k.Accounts["monitoring/vault-k8s-auth-exporter"] = own.UID
		delete(k.Grants, exporterUser)
	})
}

// MintCanary has the exporter mint the canary's token, which it may.
func (w *World) MintCanary() {
	w.powerlessIdentity()
	w.Target.Canary = evidence.Canary{Source: evidence.SourceServiceAccount, ServiceAccount: w.Canary.account(), Audiences: w.Canary.Audiences}
	w.Kubernetes.Change(func(k *Kubernetes) { k.Grants[exporterUser] = []string{"create serviceaccounts/token"} })
}

// DropReviewer has Vault hold a reviewer token that expired yesterday, while the
// file has a good one.
func (w *World) DropReviewer() { w.StoreReviewer(expiredYesterday(w.Reviewer).String()) }

// RestoreReviewer has Vault hold the token of the file again.
func (w *World) RestoreReviewer() { w.StoreReviewer(w.Reviewer.String()) }

func expiredYesterday(t Token) Token {
	t.Issued, t.Expires = time.Now().Add(-48*time.Hour), time.Now().Add(-24*time.Hour)
	return t
}

// KubernetesAt moves the API server, for the exporter and for Vault alike.
func (w *World) KubernetesAt(host string) {
	w.Target.Kubernetes.Host = host
	w.Config(func(c *Config) { c.Host = host })
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

// Credentials are all that ever stood in the world's files and in Vault.
func (w *World) Credentials() []string { return slices.Clone(w.credentials) }

// Prober returns a prober whose tokens the world accounts for.
func (w *World) Prober() *probe.Prober {
	prober := probe.NewProber("test", func(_ string, fate evidence.TokenEvent) {
		if w.Panic {
			panic("out of order")
		}
		w.mu.Lock()
		defer w.mu.Unlock()
		w.fates = append(w.fates, fate)
	})
	return prober.Over(w.Network)
}

// Fates lists what became of the prober's tokens, in order.
func (w *World) Fates() []evidence.TokenEvent {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.fates)
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
