package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/prometheus/exporter-toolkit/web"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/internal/config"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/probetest"
)

// By default the page is served only to authenticated or local clients.
func TestWhereThePageIsServed(t *testing.T) {
	for name, test := range map[string]struct {
		setting   config.StatusPage
		addresses string
		file      string
		want      audience
	}{
		"everybody's":            {config.StatusAuto, ":10190", "", nobody},
		"every interface":        {config.StatusAuto, "0.0.0.0:10190", "", nobody},
		"another host's name":    {config.StatusAuto, "exporter:10190", "", nobody},
		"vsock":                  {config.StatusAuto, "vsock://:10190", "", nobody},
		"loopback":               {config.StatusAuto, "127.0.0.1:10190 [::1]:10190 localhost:10190", "", local},
		"loopback and another":   {config.StatusAuto, "127.0.0.1:10190 10.0.0.1:10190", "", nobody},
		"password":               {config.StatusAuto, ":10190", "basic_auth_users:\n  a: $2y$10$hash\n", everybody},
		"no users":               {config.StatusAuto, ":10190", "basic_auth_users: {}\n", nobody},
		"client certificate":     {config.StatusAuto, ":10190", "tls_server_config:\n  client_auth_type: RequireAndVerifyClientCert\n", everybody},
		"unverified certificate": {config.StatusAuto, ":10190", "tls_server_config:\n  client_auth_type: RequireAnyClientCert\n", nobody},
		"TLS alone":              {config.StatusAuto, ":10190", "tls_server_config:\n  cert_file: a\n", nobody},
		"asked for":              {config.StatusOn, ":10190", "", everybody},
		"not wanted":             {config.StatusOff, "127.0.0.1:10190", "", nobody},
	} {
		t.Run(name, func(t *testing.T) {
			addresses, file := strings.Fields(test.addresses), ""
			if test.file != "" {
				file = filepath.Join(t.TempDir(), "web.yml")
				if err := os.WriteFile(file, []byte(test.file), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			got, err := audienceOf(flags{web: &web.FlagConfig{WebListenAddresses: &addresses, WebConfigFile: &file}}, test.setting)
			if err != nil || got != test.want {
				t.Errorf("audience %d, %v; want %d", got, err, test.want)
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
	for path, want := range map[string]string{
		"/targets/default": "auth/kubernetes", "/api/v1/status/default": `"state": "healthy"`, "/config": "EXPORTER_VAULT_ROLE=canary",
		"/-/healthy": "ok", "/-/ready": "ok", "/docs/reasons.md": `id="vault_sealed"`,
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
	for _, path := range []string{"/targets/default", "/api/v1/status", "/api/v1/events", "/config", "/docs/reasons.md"} {
		if status, body := s.get(s.metrics, path); status != 404 {
			t.Errorf("%s = %d, want 404:\n%s", path, status, body)
		}
	}
	if status, _ := s.get(s.metrics, "/-/healthy"); status != 200 {
		t.Errorf("/-/healthy = %d", status)
	}
}
