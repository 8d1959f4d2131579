package probe_test

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/diagnose"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/probetest"
)

// requireHealthy fails the test unless pods can log in.
func requireHealthy(t *testing.T, w *probetest.World) {
	t.Helper()
	if result, _ := w.Probe(probe.Memory{}); !result.Healthy() {
		t.Errorf("reason = %s (%s), want %s", result.Diagnosis.Reason, result.Diagnosis.Detail, diagnose.None)
	}
}

func TestMountPathWithSlashes(t *testing.T) {
	w := probetest.NewWorld(t)
	w.Vault.Change(func(v *probetest.Vault) { v.Mounts["team/a/kubernetes"] = v.Mounts["kubernetes"] })
	w.Vault.Change(func(v *probetest.Vault) { delete(v.Mounts, "kubernetes") })
	w.Target.Vault.Mount = "team/a/kubernetes"
	w.Readable()
	requireHealthy(t, w)
	for _, path := range []string{"auth/team/a/kubernetes/login", "auth/team/a/kubernetes/config", "auth/team/a/kubernetes/role/canary"} {
		if asked := w.Vault.Requests(); !slices.Contains(asked, path) {
			t.Errorf("Vault got the requests %q, want %s among them", asked, path)
		}
	}
}

func TestAddressWithPathPrefix(t *testing.T) {
	for _, slash := range []string{"", "/"} {
		w := probetest.NewWorld(t)
		proxy := http.NewServeMux()
		proxy.Handle("/vault/", http.StripPrefix("/vault", w.Vault))
		w.Target.Vault.Addr = w.ServeAsVault(proxy) + "/vault" + slash
		requireHealthy(t, w)
	}
}

// The certificate is for elsewhere.example, which is not the host of the address.
func TestTLSServerName(t *testing.T) {
	w := probetest.NewWorld(t)
	w.ServeVaultElsewhere()
	if result, _ := w.Probe(probe.Memory{}); result.Diagnosis.Reason != diagnose.VaultTLSName {
		t.Errorf("reason = %s, want %s", result.Diagnosis.Reason, diagnose.VaultTLSName)
	}
	w.Target.Vault.TLSServerName = "elsewhere.example"
	requireHealthy(t, w)
}

// Without a CA bundle the system's roots are used, which do not include a private CA.
func TestPrivateCA(t *testing.T) {
	w := probetest.NewWorld(t)
	requireHealthy(t, w)
	w.Target.Vault.CACert = ""
	if result, _ := w.Probe(probe.Memory{}); result.Diagnosis.Reason != diagnose.VaultTLSUntrusted {
		t.Errorf("reason = %s, want %s", result.Diagnosis.Reason, diagnose.VaultTLSUntrusted)
	}
}

func TestClientCertificate(t *testing.T) {
	w := probetest.NewWorld(t)
	certificate, key := w.DemandClientCertificate()
	if result, _ := w.Probe(probe.Memory{}); result.Diagnosis.Reason != diagnose.VaultTLSFailed {
		t.Errorf("without one: reason = %s (%s), want %s", result.Diagnosis.Reason, result.Diagnosis.Detail, diagnose.VaultTLSFailed)
	}
	w.Target.Vault.ClientCert, w.Target.Vault.ClientKey = certificate, key
	requireHealthy(t, w)
}

// Every request has the namespace header except sys/health, which Vault rejects in a
// namespace.
func TestNamespaceHeader(t *testing.T) {
	for name, breaks := range map[string]func(*probetest.World){
		"healthy": func(*probetest.World) {}, "with follow-ups": (*probetest.World).DropReviewer,
	} {
		t.Run(name, func(t *testing.T) {
			w := probetest.NewWorld(t)
			w.Complete()
			breaks(w)
			w.Vault.Change(func(v *probetest.Vault) { v.Dialect, v.Namespace = probetest.OpenBao, "team-a" })
			w.Target.Vault.Namespace = "team-a"
			var mu sync.Mutex
			asked := map[string]string{}
			w.OnVault("", func(rw http.ResponseWriter, r *http.Request) {
				mu.Lock()
				asked[strings.TrimPrefix(r.URL.Path, "/v1/")] = r.Header.Get("X-Vault-Namespace")
				mu.Unlock()
				w.Vault.Serve(rw, r)
			})
			w.Probe(probe.Memory{})
			if len(asked) < 4 {
				t.Errorf("the requests are %v, want more of them", asked)
			}
			for path, namespace := range asked {
				if want := map[bool]string{false: "team-a"}[path == "sys/health"]; namespace != want {
					t.Errorf("%s was requested in the namespace %q, want %q", path, namespace, want)
				}
			}
		})
	}
}

// A proxy may drop the query parameters that ask for 299; a standby, or a node that serves no
// logins, then responds with its default status.
func TestHealthCodes(t *testing.T) {
	for name, test := range map[string]struct {
		code   int
		body   string
		answer http.HandlerFunc // to the login; nil means the fake's
		want   diagnose.Reason
	}{
		"standby":                {429, `"standby":true`, nil, diagnose.None},
		"performance standby":    {473, `"standby":true,"performance_standby":true`, nil, diagnose.None},
		"disaster recovery":      {472, `"replication_dr_mode":"secondary"`, probetest.Refuse(400, "path disabled in replication DR secondary mode"), diagnose.VaultNoLeader},
		"active unreachable":     {474, `"standby":true,"ha_connection_healthy":false`, probetest.Refuse(500, "local node not active but active cluster node not found"), diagnose.VaultNoLeader},
		"removed from a cluster": {530, `"removed_from_cluster":true`, probetest.Refuse(530, "node was removed"), diagnose.VaultNoLeader},
	} {
		for _, code := range []int{299, test.code} {
			w := probetest.NewWorld(t)
			w.OnVault("sys/health", probetest.JSON(code, `{"initialized":true,"version":"1.21.4+ent","server_time_utc":`+now()+`,`+test.body+`}`))
			if test.answer != nil {
				w.OnLogin(test.answer)
			}
			if result, _ := w.Probe(probe.Memory{}); result.Diagnosis.Reason != test.want {
				t.Errorf("%s, health %d: reason = %s (%s), want %s", name, code, result.Diagnosis.Reason, result.Diagnosis.Detail, test.want)
			}
		}
	}
}

func now() string { return strconv.FormatInt(time.Now().Unix(), 10) }
