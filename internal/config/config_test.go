package config

import (
	"bytes"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
)

// public compares what a reader of a Config can see.
var public = cmpopts.IgnoreUnexported(Config{})

func TestDefaults(t *testing.T) {
	want := Config{StatusPage: true, ProbeAPI: true, Workloads: Workloads{Interval: 10 * time.Minute, Rehearsal: time.Hour}, Shard: Shard{Total: 1}, Targets: []evidence.Target{{
		Name:       "default",
		Vault:      evidence.Vault{Addr: "https://vault.example.com:8200", Mount: "kubernetes", Role: "canary"},
		Kubernetes: evidence.Kubernetes{Host: "https://kubernetes.example.com:6443"},
		Reviewer:   evidence.Origin{Source: evidence.SourceFile, TokenFile: "/etc/reviewer/token"},
		Canary:     evidence.Origin{Source: evidence.SourceFile, TokenFile: "/etc/canary/token"},
		Interval:   60 * time.Second, Timeout: 15 * time.Second, Recheck: 10 * time.Second,
		ExpiryWarning: evidence.ExpiryWarning{Tokens: evidence.DefaultExpiryWarning, Certificates: evidence.DefaultExpiryWarning}, FollowUps: true,
		NegativeCanary: evidence.NegativeCanarySettings{Interval: time.Hour},
	}}}
	got := mustLoad(t, minimal())
	if diff := cmp.Diff(want, got, public); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if warnings := got.Warnings(); warnings != nil {
		t.Errorf("warnings: %v", warnings)
	}
}

// full sets every variable to something other than its default.
func full(f files) vars {
	return vars{
		"EXPORTER_TARGET_NAME":                "prod/eu-1",
		"EXPORTER_VAULT_ADDR":                 "http://[::1]:8200/proxy/",
		"EXPORTER_VAULT_ALIASES":              "https://vault.example.com/, http://10.0.0.7:8200",
		"EXPORTER_VAULT_CACERT":               f.cert,
		"EXPORTER_VAULT_TLS_SERVER_NAME":      "vault.internal",
		"EXPORTER_VAULT_NAMESPACE":            "/team/a/",
		"EXPORTER_VAULT_MOUNT":                "/k8s/prod/",
		"EXPORTER_VAULT_ROLE":                 "can-ary_1.x",
		"EXPORTER_VAULT_CLIENT_CERT":          f.cert,
		"EXPORTER_VAULT_CLIENT_KEY":           f.key,
		"EXPORTER_VAULT_TOKEN_FILE":           "/etc/vault/token",
		"EXPORTER_VAULT_DIAGNOSTIC_ROLE":      "k8s-auth-probe",
		"EXPORTER_KUBERNETES_HOST":            "HTTPS://rancher.example.com/k8s/clusters/c-1/",
		"EXPORTER_KUBERNETES_CACERT":          f.cert,
		"EXPORTER_KUBERNETES_TLS_SERVER_NAME": "10.0.0.1",
		"EXPORTER_KUBERNETES_TOKEN_FILE":      "/etc/own/token",
		"EXPORTER_REVIEWER":                   "file",
		"EXPORTER_REVIEWER_TOKEN_FILE":        "/etc/reviewer/token",
		"EXPORTER_CANARY":                     "file",
		"EXPORTER_CANARY_TOKEN_FILE":          "token",
		"EXPORTER_CANARY_AUDIENCES":           "vault, https://kubernetes.default.svc",
		"EXPORTER_INTERVAL":                   "2m",
		"EXPORTER_TIMEOUT":                    "3500ms",
		"EXPORTER_RECHECK_INTERVAL":           "2s",
		"EXPORTER_FOLLOW_UPS":                 "false",
		"EXPORTER_NEGATIVE_CANARY":            "true",
		"EXPORTER_NEGATIVE_CANARY_INTERVAL":   "6h",

		"EXPORTER_EXPIRY_WARNING_TOKENS":       "720h",
		"EXPORTER_EXPIRY_WARNING_CERTIFICATES": "1m",

		"EXPORTER_STATUS_PAGE":   "false",
		"EXPORTER_PROBE_API":     "false",
		"EXPORTER_EXTERNAL_URL":  "https://example.com/vault-auth/",
		"EXPORTER_MAX_IN_FLIGHT": "64",
		"EXPORTER_SHARD":         "exporter-2",
		"EXPORTER_TOTAL_SHARDS":  "3",

		"EXPORTER_LEADER_ELECTION_LEASE": "monitoring/exporter",

		"EXPORTER_WORKLOADS_INTERVAL":   "30m",
		"EXPORTER_WORKLOADS_REHEARSAL":  "6h",
		"EXPORTER_WORKLOADS_NAMESPACES": "shop, pay",
	}
}

func TestEveryVariable(t *testing.T) {
	f := newFiles(t)
	want := Config{ExternalURL: "https://example.com/vault-auth", MaxInFlight: 64, Shard: Shard{2, 3}, LeaderElection: LeaderElection{Lease: Lease{"monitoring", "exporter"}},
		Workloads: Workloads{Interval: 30 * time.Minute, Rehearsal: 6 * time.Hour, Namespaces: []string{"shop", "pay"}}, Targets: []evidence.Target{{
			Name: "prod/eu-1",
			Vault: evidence.Vault{
				Addr: "http://[::1]:8200/proxy", Aliases: []string{"https://vault.example.com", "http://10.0.0.7:8200"}, CACert: f.cert, TLSServerName: "vault.internal",
				Namespace: "team/a", Mount: "k8s/prod", Role: "can-ary_1.x", ClientCert: f.cert, ClientKey: f.key,
				TokenFile: "/etc/vault/token", DiagnosticRole: "k8s-auth-probe",
			},
			Kubernetes: evidence.Kubernetes{
				Host: "https://rancher.example.com/k8s/clusters/c-1", CACert: f.cert, TLSServerName: "10.0.0.1",
				TokenFile: "/etc/own/token",
			},
			Reviewer: evidence.Origin{Source: evidence.SourceFile, TokenFile: "/etc/reviewer/token"},
			Canary: evidence.Origin{
				Source: evidence.SourceFile, TokenFile: "token",
				Audiences: []string{"vault", "https://kubernetes.default.svc"},
			},
			Interval: 2 * time.Minute, Timeout: 3500 * time.Millisecond, Recheck: 2 * time.Second,
			ExpiryWarning:  evidence.ExpiryWarning{Tokens: 720 * time.Hour, Certificates: time.Minute},
			NegativeCanary: evidence.NegativeCanarySettings{Enabled: true, Interval: 6 * time.Hour},
		}}}
	got := mustLoad(t, full(f))
	if diff := cmp.Diff(want, got, public); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestHTTPIsWarnedOf(t *testing.T) {
	warnings := mustLoad(t, minimal().but(vars{"EXPORTER_VAULT_ADDR": "http://vault:8200"})).Warnings()
	if len(warnings) != 1 || warnings[0].Target != "default" || warnings[0].Variable != "EXPORTER_VAULT_ADDR" || warnings[0].Text == "" {
		t.Errorf("warnings: %+v", warnings)
	}
}

func TestWellKnownNamesCountWithoutPrefix(t *testing.T) {
	f := newFiles(t)
	wellKnown := vars{
		"VAULT_ADDR": "https://ambient:8200", "VAULT_CACERT": f.cert, "VAULT_TLS_SERVER_NAME": "ambient",
		"VAULT_NAMESPACE": "ambient",
	}
	ambient := evidence.Vault{
		Addr: "https://ambient:8200", CACert: f.cert, TLSServerName: "ambient", Namespace: "ambient",
		Mount: "kubernetes", Role: "canary",
	}
	unset := vars{
		"EXPORTER_VAULT_ADDR": "", "EXPORTER_VAULT_CACERT": " ", "EXPORTER_VAULT_TLS_SERVER_NAME": "\n",
		"EXPORTER_VAULT_NAMESPACE": "", "EXPORTER_VAULT_MOUNT": "", "EXPORTER_INTERVAL": "", "EXPORTER_NO_SUCH": "",
	}
	got := mustLoad(t, minimal().but(unset).but(wellKnown)).Targets[0].Vault
	if diff := cmp.Diff(ambient, got); diff != "" {
		t.Errorf("empty variables hide the names without prefix (-want +got):\n%s", diff)
	}

	ours := vars{
		"EXPORTER_VAULT_ADDR": "https://ours:8200", "EXPORTER_VAULT_TLS_SERVER_NAME": "ours", "EXPORTER_VAULT_NAMESPACE": "ours",
	}
	got = mustLoad(t, minimal().but(wellKnown).but(ours)).Targets[0].Vault
	if got.Addr != "https://ours:8200" || got.TLSServerName != "ours" || got.Namespace != "ours" {
		t.Errorf("the prefixed name does not win: %+v", got)
	}
}

func TestVaultVariablesChangeNothingAndAreGone(t *testing.T) {
	stray := vars{
		"VAULT_TOKEN": "hvs.stray", "VAULT_SKIP_VERIFY": "true", "VAULT_HEADERS": "broken", "VAULT_ROLE": "stray", "VAULT_MOUNT": "stray",
		"VAULT_CLIENT_CERT": "/stray", "VAULT_MAX_RETRIES": "x", "VAULT_EMPTY": "", "VAULT_PORT": "tcp://10.0.0.1:8200",
		"TARGET_NAME": "stray", "ROLE": "stray", "INTERVAL": "1s", "KUBERNETES_HOST": "stray", "KUBECONFIG": "/stray",
	}
	for name, base := range map[string]vars{"valid": minimal(), "invalid": {}} {
		t.Run(name, func(t *testing.T) {
			without, withoutErr := load(t, base)
			with, withErr := load(t, base.but(stray))
			if diff := cmp.Diff(without, with, public); diff != "" {
				t.Errorf("stray variables change the configuration (-without +with):\n%s", diff)
			}
			if errorText(withErr) != errorText(withoutErr) {
				t.Errorf("stray variables change the error from\n%v\nto\n%v", withoutErr, withErr)
			}
			for _, entry := range os.Environ() {
				if strings.HasPrefix(entry, "VAULT_") {
					t.Errorf("%s is left", entry)
				}
			}
		})
	}
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func TestWriteCanBeFedBack(t *testing.T) {
	f := newFiles(t)
	for name, v := range map[string]vars{"minimal": minimal(), "full": full(f)} {
		t.Run(name, func(t *testing.T) {
			want := mustLoad(t, v)
			var text bytes.Buffer
			if err := want.Write(&text); err != nil {
				t.Fatal(err)
			}
			again := vars{}
			var names []string
			for line := range strings.Lines(text.String()) {
				variable, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "=")
				again[variable] = value
				names = append(names, variable)
			}
			if diff := cmp.Diff(want, mustLoad(t, again), public); diff != "" {
				t.Errorf("fed back (-want +got):\n%s", diff)
			}
			if !slices.Equal(names, variableNames) {
				t.Errorf("written: %v", names)
			}
		})
	}
}

func TestWriteGolden(t *testing.T) {
	const golden = "testdata/minimal.env"
	var got bytes.Buffer
	if err := mustLoad(t, minimal()).Write(&got); err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile(golden, got.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(readAll(t, golden), got.String()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, errors.New("disk full") }

func TestWriteReportsAFailingWriter(t *testing.T) {
	err := mustLoad(t, minimal()).Write(broken{})
	if err == nil || err.Error() != "writing configuration: disk full" {
		t.Errorf("got %v", err)
	}
}
