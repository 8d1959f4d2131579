package rehearse_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/diagnose"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/probetest"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/workload"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/workload/rehearse"
)

// web is a login that the fake Vault's role web admits.
var web = workload.Login{Mount: "kubernetes", Role: "web", ServiceAccount: evidence.ServiceAccount{Namespace: "shop", Name: "web"}}

// newShop returns a world with the role web.
func newShop(t *testing.T) *probetest.World {
	w := probetest.NewWorld(t)
	w.Complete()
	w.Mount(func(m *probetest.Mount) {
		m.Roles["web"] = probetest.Role{Names: []string{"web"}, Namespaces: []string{"shop"}, Policies: []string{"web"}}
	})
	w.Kubernetes.Change(func(k *probetest.Kubernetes) { k.Labels["shop"] = map[string]string{"team": "shop"} })
	return w
}

// role changes the role web.
func role(change func(*probetest.Role)) func(*probetest.World) {
	return func(w *probetest.World) {
		w.Mount(func(m *probetest.Mount) {
			r := m.Roles["web"]
			change(&r)
			m.Roles["web"] = r
		})
	}
}

// once rehearses a login at the world's target, after a run of its canary.
func once(t *testing.T, w *probetest.World, l workload.Login) rehearse.Result {
	t.Helper()
	prober := w.Prober()
	canary, _ := prober.Probe(t.Context(), w.Target, probe.Memory{})
	open := func(target evidence.Target) (rehearse.Session, error) { return prober.Rehearser(target) }
	results := rehearse.Once(t.Context(), rehearse.AssignAll([]workload.Entry{{Login: l}}, w.Target),
		map[string]probe.Result{w.Target.Name: canary}, open, func() {})
	return results[0]
}

// A missing account is broken even where the canary cannot log in, and no target watches the mount.
func TestMissingAccount(t *testing.T) {
	entry := workload.Entry{Login: web, AccountMissing: true}
	got := rehearse.Once(t.Context(), []rehearse.Assigned{{Entry: entry}}, nil, nil, func() {})[0].Verdict
	if got.State != diagnose.WorkloadBroken || got.Reason != diagnose.ServiceAccountMissing ||
		!slices.Equal(got.Fix, []string{"kubectl -n 'shop' create serviceaccount 'web'"}) || !slices.Equal(got.CheckLines(), []string{"kubectl -n 'shop' get serviceaccount 'web'", "# shows NotFound"}) {
		t.Errorf("%+v", got)
	}
}

func TestEveryAnswerHasItsVerdict(t *testing.T) {
	with := func(change func(*workload.Login)) workload.Login {
		l := web
		change(&l)
		return l
	}
	for _, test := range []struct {
		name   string
		login  workload.Login
		change func(*probetest.World)
		state  diagnose.WorkloadState
		reason diagnose.Reason
		fix    string
		detail string
	}{
		{name: "ready", login: web, state: diagnose.WorkloadReady},
		{name: "role missing", login: with(func(l *workload.Login) { l.Role = "gone" }), state: diagnose.WorkloadBroken, reason: diagnose.RoleMissing,
			fix: "vault write auth/kubernetes/role/gone bound_service_account_names='web' bound_service_account_namespaces='shop' audience='https://kubernetes.default.svc'"},
		{name: "service account", login: with(func(l *workload.Login) { l.ServiceAccount.Name = "renamed" }), state: diagnose.WorkloadBroken,
			reason: diagnose.RoleServiceAccountMismatch, fix: `vault read -format=json auth/kubernetes/role/web | jq '.data | {bound_service_account_names: (.bound_service_account_names + ["renamed"] | unique), bound_service_account_namespace_selector: (.bound_service_account_namespace_selector // "")}' | vault write auth/kubernetes/role/web -`},
		{name: "namespace", login: with(func(l *workload.Login) { l.ServiceAccount.Namespace = "moved" }), state: diagnose.WorkloadBroken,
			reason: diagnose.RoleNamespaceMismatch, fix: `vault read -format=json auth/kubernetes/role/web | jq '.data | {bound_service_account_namespaces: (.bound_service_account_namespaces + ["moved"] | unique), bound_service_account_namespace_selector: (.bound_service_account_namespace_selector // "")}' | vault write auth/kubernetes/role/web -`},
		{name: "selector does not match", login: with(func(l *workload.Login) { l.ServiceAccount.Namespace = "moved" }), state: diagnose.WorkloadBroken,
			reason: diagnose.RoleNamespaceMismatch, change: func(w *probetest.World) {
				w.Kubernetes.Change(func(k *probetest.Kubernetes) {
					k.Labels["moved"] = map[string]string{"team": "other"}
					k.Grants[exporterReviewer] = append(slices.Clone(k.Grants[exporterReviewer]), "get namespaces")
				})
				role(func(r *probetest.Role) { r.Selector = map[string]string{"team": "shop"} })(w)
			}},
		{name: "selector cannot be evaluated", login: with(func(l *workload.Login) { l.ServiceAccount.Namespace = "monitoring" }), state: diagnose.WorkloadBroken,
			reason: diagnose.RoleNamespaceSelectorFailed, change: role(func(r *probetest.Role) { r.Selector = map[string]string{"team": "shop"} }),
			fix: "kubectl create clusterrole vault-vault-auth-namespace-reader --verb=get --resource=namespaces"},
		{name: "audience", login: web, change: role(func(r *probetest.Role) { r.Audience = "vault" }), state: diagnose.WorkloadBroken,
			reason: diagnose.RoleAudienceMismatch},
		{name: "audience of the login", login: with(func(l *workload.Login) { l.Audiences = "other,vault" }),
			change: role(func(r *probetest.Role) { r.Audience = "vault" }), state: diagnose.WorkloadReady},
		{name: "CIDRs", login: web, change: role(func(r *probetest.Role) { r.CIDRs = []string{"192.0.2.0/24"} }), state: diagnose.WorkloadUnknown,
			detail: "token_bound_cidrs that do not admit the exporter: only"},
		{name: "no role that Vault could have", login: with(func(l *workload.Login) { l.Role = "../../sys/seal; rm -rf" }), state: diagnose.WorkloadBroken,
			reason: diagnose.RoleMissing, fix: "vault write 'auth/kubernetes/role/<role>' bound_service_account_names='web' bound_service_account_namespaces='shop' audience='https://kubernetes.default.svc'"},
		{name: "the canary fails", login: web, change: func(w *probetest.World) {
			w.Mount(func(m *probetest.Mount) { delete(m.Roles, "canary") })
		}, state: diagnose.WorkloadNotRehearsed, detail: "role_missing"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			w := newShop(t)
			if test.change != nil {
				test.change(w)
			}
			before := w.Vault.Issued()
			got := once(t, w, test.login)
			if got.Verdict.State != test.state || got.Verdict.Reason != test.reason || !strings.Contains(got.Verdict.Detail, test.detail) {
				t.Errorf("%s, %s: %s; want %s, %s", got.Verdict.State, got.Verdict.Reason, got.Verdict.Detail, test.state, test.reason)
			}
			if test.fix != "" && !slices.Contains(got.Verdict.Fix, test.fix) {
				t.Errorf("the fix is %q, want %q", got.Verdict.Fix, test.fix)
			}
			if got.Verdict.State == diagnose.WorkloadBroken && (len(got.Verdict.Check) == 0 || len(got.Verdict.Fix) == 0) {
				t.Errorf("no check or no fix: %+v", got.Verdict.Advice)
			}
			if issued := w.Vault.Issued() - before; issued > 1 || w.Vault.Live() > 0 {
				t.Errorf("%d tokens were issued and %d are live; only the canary's may be issued", issued, w.Vault.Live())
			}
		})
	}
}

const exporterReviewer = "system:serviceaccount:vault:vault-auth"

// With PEM keys Vault checks the signature first, whatever else is wrong.
func TestPEMKeysHideEverything(t *testing.T) {
	t.Parallel()
	w := newShop(t)
	prober := w.Prober()
	canary, _ := prober.Probe(t.Context(), w.Target, probe.Memory{})
	w.Config(func(c *probetest.Config) { c.PEMKeys = []string{publicKey(t)} })
	l := web
	l.ServiceAccount.Name = "renamed"
	got := rehearse.Once(t.Context(), rehearse.AssignAll([]workload.Entry{{Login: l}}, w.Target), map[string]probe.Result{w.Target.Name: canary},
		func(target evidence.Target) (rehearse.Session, error) { return prober.Rehearser(target) }, func() {})[0]
	if got.Verdict.State != diagnose.WorkloadUnknown || !strings.Contains(got.Verdict.Detail, "pem_keys") {
		t.Errorf("%s: %s", got.Verdict.State, got.Verdict.Detail)
	}
}

func publicKey(t *testing.T) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
}

func TestTokenForForgeryIsRevoked(t *testing.T) {
	t.Parallel()
	w := newShop(t)
	role(func(r *probetest.Role) {
		r.Names = []string{"canary"}
		r.Namespaces = []string{"monitoring"}
		r.TTL = 60e9
	})(w)
	prober := w.Prober()
	canary, _ := prober.Probe(t.Context(), w.Target, probe.Memory{})
	w.OnLogin(func(rw http.ResponseWriter, r *http.Request) {
		r.Body = io.NopCloser(strings.NewReader(`{"role":"web","jwt":"` + w.Canary.String() + `"}`))
		w.Vault.Serve(rw, r)
	})
	got := rehearse.Once(t.Context(), rehearse.AssignAll([]workload.Entry{{Login: web}}, w.Target), map[string]probe.Result{w.Target.Name: canary},
		func(target evidence.Target) (rehearse.Session, error) { return prober.Rehearser(target) }, func() {})[0]
	if got.Verdict.Reason != diagnose.Reason(diagnose.MountAcceptsInvalidToken) || got.Verdict.State != diagnose.WorkloadBroken {
		t.Errorf("%s, %s: %s", got.Verdict.State, got.Verdict.Reason, got.Verdict.Detail)
	}
	if w.Vault.Live() != 0 || w.Vault.Issued() != 2 {
		t.Errorf("%d tokens issued, %d live; want 2 and 0", w.Vault.Issued(), w.Vault.Live())
	}
}

// The logins of one role share the answer to the expired JWT, and each request has a second of its own.
func TestPaceAtOneVault(t *testing.T) {
	t.Parallel()
	w := newShop(t)
	prober := w.Prober()
	canary, _ := prober.Probe(t.Context(), w.Target, probe.Memory{})
	var mu sync.Mutex
	var asked []time.Time
	w.OnLogin(func(rw http.ResponseWriter, r *http.Request) {
		mu.Lock()
		asked = append(asked, time.Now())
		mu.Unlock()
		w.Vault.Serve(rw, r)
	})
	other := web
	other.ServiceAccount.Name = "renamed"
	start := time.Now()
	results := rehearse.Once(t.Context(), rehearse.AssignAll([]workload.Entry{{Login: web}, {Login: other}}, w.Target), map[string]probe.Result{w.Target.Name: canary},
		func(target evidence.Target) (rehearse.Session, error) { return prober.Rehearser(target) }, func() {})
	if results[0].Verdict.Reason != diagnose.RoleServiceAccountMismatch || results[1].Verdict.State != diagnose.WorkloadReady || len(asked) != 3 {
		t.Errorf("%d requests, %+v", len(asked), results)
	}
	for i, at := range asked { // one may be slower on its way than the next, but none is early
		if after := at.Sub(start); after < time.Duration(i)*time.Second {
			t.Errorf("request %d came %s after the start", i, after)
		}
	}
}

func TestLoginsAreAssignedToTargets(t *testing.T) {
	target := func(name, addr, namespace, mount string) evidence.Target {
		return evidence.Target{Name: name, Vault: evidence.Vault{Addr: addr, Namespace: namespace, Mount: mount}}
	}
	targets := []evidence.Target{
		target("a", "https://vault.vault.svc:8200", "", "kubernetes"),
		target("b", "https://vault.vault.svc:8200", "team", "kubernetes"),
		target("c", "https://other.example", "", "kubernetes"),
		target("d", "https://vault.vault.svc:8200", "team", "k8s/eu"),
		target("e", "https://[2001:DB8:0::1]:443", "", "v6"),
	}
	targets[2].Vault.Aliases = []string{"https://lb.example/", "http://10.0.0.7"}
	for _, test := range []struct {
		login workload.Login
		want  string
	}{
		{workload.Login{Mount: "kubernetes"}, "a"},
		{workload.Login{Mount: "kubernetes", Namespace: "team/"}, "b"},
		{workload.Login{Mount: "kubernetes", Address: "https://vault.vault.svc.cluster.local:8200/"}, "a"},
		{workload.Login{Mount: "kubernetes", Address: "https://OTHER.example:443"}, "c"},
		{workload.Login{Mount: "kubernetes", Address: "https://LB.example.:443"}, "c"},
		{workload.Login{Mount: "kubernetes", Address: "http://10.0.0.7:80/"}, "c"},
		{workload.Login{Mount: "kubernetes", Address: "https://10.0.0.7"}, ""},
		{workload.Login{Mount: "v6", Address: "https://[2001:db8::0001]"}, "e"},
		{workload.Login{Mount: "kubernetes", Address: "https://third.example"}, ""},
		{workload.Login{Mount: "kubernetes", Namespace: "none"}, ""},
		{workload.Login{Mount: "k8s/eu"}, "d"},
		{workload.Login{Mount: "k8s"}, ""},
	} {
		got := ""
		if a := rehearse.Assign([]workload.Entry{{Login: test.login}}, targets)[0]; a.Target != nil {
			got = a.Target.Name
		}
		if got != test.want {
			t.Errorf("%+v is assigned to %q, want %q", test.login, got, test.want)
		}
	}
}

// A login at another address than the targets of its mount says which that is, and what would assign it.
func TestWatchedElsewhere(t *testing.T) {
	target := evidence.Target{Name: "prod", Vault: evidence.Vault{Addr: "https://vault.vault.svc:8200", Mount: "kubernetes"}}
	entries := []workload.Entry{{Login: workload.Login{Mount: "kubernetes", Address: "https://lb.example"}}, {Login: workload.Login{Mount: "other", Address: "https://lb.example"}}}
	once := func() []rehearse.Result {
		return rehearse.Once(t.Context(), rehearse.Assign(entries, []evidence.Target{target}), nil,
			func(evidence.Target) (rehearse.Session, error) { return nil, evidence.Failure{} }, func() {})
	}
	results := once()
	const why = "no target watches this mount at https://lb.example; prod watches it at https://vault.vault.svc:8200: if both are the same Vault, add this address to its vault_aliases"
	if results[0].Verdict.Detail != why || results[1].Verdict.Detail != "no target watches this mount" {
		t.Errorf("%q, %q", results[0].Verdict.Detail, results[1].Verdict.Detail)
	}
	mounts := rehearse.Unwatched(results)
	if len(mounts) != 2 || mounts[0].Elsewhere != (rehearse.Elsewhere{Target: "prod", Address: target.Vault.Addr}) || mounts[1].Elsewhere != (rehearse.Elsewhere{}) {
		t.Fatalf("%+v", mounts)
	}
	if mounts[0].Aliases() != "vault_aliases: [\"https://lb.example\"]\n" {
		t.Error(mounts[0].Aliases())
	}
	target.Vault.Aliases = []string{"https://lb.example"}
	if assigned := rehearse.Assign(entries, []evidence.Target{target}); assigned[0].Target == nil || assigned[1].Target != nil {
		t.Errorf("with the alias: %+v", assigned)
	}
}

func TestClaimsAreThoseOfTheCluster(t *testing.T) {
	answered := func(issuer string, audiences ...string) evidence.Fact[evidence.Claims] {
		return evidence.Fact[evidence.Claims]{State: evidence.Answered, Value: evidence.Claims{Issuer: issuer, Audiences: audiences}}
	}
	file := evidence.Target{Reviewer: evidence.Origin{Source: evidence.SourceFile}}
	for name, test := range map[string]struct {
		evidence evidence.Evidence
		want     evidence.WorkloadLogin
	}{
		"own token": {evidence.Evidence{OwnToken: answered("i", "a"), CanaryToken: answered("i", "vault")}, evidence.WorkloadLogin{Issuer: "i", Audiences: []string{"a"}}},
		"canary only": {evidence.Evidence{CanaryToken: answered("i", "vault"), ReviewerToken: answered(evidence.LegacyIssuer)},
			evidence.WorkloadLogin{Issuer: "i", Audiences: []string{"i"}, AudiencesAssumed: true}},
		"nothing": {evidence.Evidence{}, evidence.WorkloadLogin{Issuer: "https://kubernetes.default.svc.cluster.local",
			Audiences: []string{"https://kubernetes.default.svc.cluster.local"}, IssuerAssumed: true, AudiencesAssumed: true}},
	} {
		got := rehearse.Claim(workload.Login{}, file, test.evidence)
		if got.Issuer != test.want.Issuer || !slices.Equal(got.Audiences, test.want.Audiences) ||
			got.IssuerAssumed != test.want.IssuerAssumed || got.AudiencesAssumed != test.want.AudiencesAssumed {
			t.Errorf("%s: %+v, want %+v", name, got, test.want)
		}
	}
}
