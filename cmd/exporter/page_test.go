package main

import (
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/prometheus/exporter-toolkit/web"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/internal/config"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/probetest"
)

// The page is for everybody who reaches the port. Runs are for those who authenticate, and for
// this host.
func TestWhoMayStartRuns(t *testing.T) {
	const (
		allowed         = ""
		noPage          = "EXPORTER_STATUS_PAGE is false; set it to true"
		notWanted       = "EXPORTER_PROBE_API is false; set it to true"
		authenticate    = "; set basic_auth_users or client_auth_type: RequireAndVerifyClientCert in --web.config.file"
		beyondLoopback  = "clients need no authentication, and the listener is not only on the loopback interface" + authenticate
		elsewhere       = "clients need no authentication, and --web.external-url is not on the loopback interface" + authenticate
		loopbackAddress = "127.0.0.1:10190"
		password        = "basic_auth_users:\n  a: $2y$10$hash\n"
	)
	on := config.Config{StatusPage: true, ProbeAPI: true}
	for name, test := range map[string]struct {
		addresses string
		file      string
		settings  config.Config
		external  string
		local     bool
		want      string
	}{
		"every interface":           {":10190", "", on, "", false, beyondLoopback},
		"every interface, named":    {"0.0.0.0:10190", "", on, "", false, beyondLoopback},
		"another host's name":       {"exporter:10190", "", on, "", false, beyondLoopback},
		"vsock":                     {"vsock://:10190", "", on, "", false, beyondLoopback},
		"systemd":                   {"systemd", "", on, "", true, beyondLoopback},
		"loopback":                  {"127.0.0.1:10190 [::1]:10190 localhost:10190", "", on, "", true, allowed},
		"loopback and another":      {"127.0.0.1:10190 10.0.0.1:10190", "", on, "", false, beyondLoopback},
		"password":                  {":10190", password, on, "", false, allowed},
		"password at a proxy":       {loopbackAddress, password, on, "https://example.com", false, allowed},
		"no users":                  {":10190", "basic_auth_users: {}\n", on, "", false, beyondLoopback},
		"client certificate":        {":10190", "tls_server_config:\n  client_auth_type: RequireAndVerifyClientCert\n", on, "", false, allowed},
		"unverified certificate":    {":10190", "tls_server_config:\n  client_auth_type: RequireAnyClientCert\n", on, "", false, beyondLoopback},
		"TLS alone":                 {":10190", "tls_server_config:\n  cert_file: a\n", on, "", false, beyondLoopback},
		"a proxy for other hosts":   {loopbackAddress, "", on, "https://example.com/vault-auth", true, elsewhere},
		"a proxy for this host":     {loopbackAddress, "", on, "http://localhost:8080/vault-auth", true, allowed},
		"runs not wanted":           {loopbackAddress, "", config.Config{StatusPage: true}, "", true, notWanted},
		"page not wanted":           {loopbackAddress, "", config.Config{ProbeAPI: true}, "", true, noPage},
		"a proxy, page not wanted":  {loopbackAddress, "", config.Config{ProbeAPI: true}, "https://example.com", true, noPage},
		"runs not wanted, password": {":10190", password, config.Config{StatusPage: true}, "", false, notWanted},
	} {
		t.Run(name, func(t *testing.T) {
			addresses, file, socket := strings.Fields(test.addresses), "", test.addresses == "systemd"
			if test.file != "" {
				file = filepath.Join(t.TempDir(), "web.yml")
				if err := os.WriteFile(file, []byte(test.file), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			f := flags{web: &web.FlagConfig{WebListenAddresses: &addresses, WebConfigFile: &file, WebSystemdSocket: &socket}, site: siteFlags{externalURL: test.external}}
			got, err := siteOf(f, test.settings)
			if err != nil || got.page != test.settings.StatusPage || got.local != test.local || got.probeOff != test.want {
				t.Errorf("%+v, %v; want local %t and %q", got, err, test.local, test.want)
			}
		})
	}
}

func TestServeWithThePage(t *testing.T) {
	w := probetest.NewWorld(t)
	setTarget(t, w.Target)
	s := startServing(t)
	s.eventually("healthy page", func() bool {
		_, body := s.get(s.metrics, "/")
		return strings.Contains(body, "Pods can log in")
	})
	s.eventually("first round", s.hasProbedAll)
	for path, want := range map[string]string{
		"/targets/default": "auth/kubernetes", "/api/v1/status/default": `"state": "healthy"`, "/config": "EXPORTER_VAULT_ROLE=canary",
		"/-/healthy": "ok", "/-/ready": "ok", "/docs/reasons.md": `id="vault_sealed"`, "/docs/warnings.md": `id="mount_drift"`,
	} {
		status, body := s.get(s.metrics, path)
		if status != 200 || !strings.Contains(body, want) {
			t.Errorf("%s = %d, lacks %q:\n%.1000s", path, status, want, body)
		}
		if leaks := probetest.Leaks(body, w.Credentials()...); len(leaks) > 0 {
			t.Errorf("%s holds %q", path, leaks)
		}
	}
}

func TestServeWithoutThePage(t *testing.T) {
	w := probetest.NewWorld(t)
	setTarget(t, w.Target)
	t.Setenv("EXPORTER_STATUS_PAGE", "false")
	s := startServing(t)
	const why = "EXPORTER_STATUS_PAGE is false; set it to true"
	if _, body := s.get(s.metrics, "/"); !strings.Contains(body, "The status page and its API are off: "+why) || !strings.Contains(body, `href="/metrics"`) {
		t.Errorf("the landing page does not say why the page is off:\n%s", body)
	}
	if !strings.Contains(s.out.String(), `msg="Status page and API are off" why="`+why) {
		t.Errorf("the log does not say why the page is off:\n%s", s.out)
	}
	for _, path := range []string{"/targets/default", "/api/v1/status", "/api/v1/events", "/config", "/docs/reasons.md", "/docs/warnings.md"} {
		if status, body := s.get(s.metrics, path); status != 404 {
			t.Errorf("%s = %d, want 404:\n%s", path, status, body)
		}
	}
	if status, _ := s.get(s.metrics, "/-/healthy"); status != 200 {
		t.Errorf("/-/healthy = %d", status)
	}
}

// Where runs are off, the page, its API and the log say why.
func TestServeWithoutRuns(t *testing.T) {
	w := probetest.NewWorld(t)
	setTarget(t, w.Target)
	s := startServing(t, "--web.listen-address=0.0.0.0:0")
	const why = "clients need no authentication, and the listener is not only on the loopback interface; set basic_auth_users or client_auth_type: RequireAndVerifyClientCert in --web.config.file"
	if _, body := s.get(s.metrics, "/targets/default"); !strings.Contains(body, `<button type="button" disabled>Probe now</button> is off: `+why) {
		t.Errorf("the page does not say why runs are off:\n%.3000s", body)
	}
	if !strings.Contains(s.out.String(), `msg="Probe now is off" why="`+why) {
		t.Errorf("the log does not say why runs are off:\n%s", s.out)
	}
	response, err := http.Post("http://"+s.metrics+"/api/v1/probe/default", "", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if body, _ := io.ReadAll(response.Body); response.StatusCode != http.StatusForbidden || !strings.Contains(string(body), why) {
		t.Errorf("%d %s, want 403 and the reason", response.StatusCode, body)
	}
}
