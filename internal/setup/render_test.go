package setup

import (
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
)

var update = flag.Bool("update", false, "write the files in testdata anew")

const certificate = `-----BEGIN CERTIFICATE-----
MIIBfDCCASGgAwIBAgIUPfKDiP3XE3Wzh3iT2ro9QsEIlDgwCgYIKoZIzj0EAwIw
EzERMA8GA1UEAwwIVmF1bHQgQ0EwHhcNMjYxMTI2MTkxNTAxWhcNMzYxMTIzMTkx
NTAxWjATMREwDwYDVQQDDAhWYXVsdCBDQTBZMBMGByqGSM49AgEGCCqGSM49AwEH
A0IABMqYSkRS7KlzdipSgzsA8iIMcmHw470VBnvJ8CvUbwoDsCdg36XN2CvFcsEt
65b9ExDe8BI/fDFm7cSoyO3atb2jUzBRMB0GA1UdDgQWBBTFZh050Hfv+1nLWsOR
P0llzeQoAjAfBgNVHSMEGDAWgBTFZh050Hfv+1nLWsORP0llzeQoAjAPBgNVHRMB
Af8EBTADAQH/MAoGCCqGSM49BAMCA0kAMEYCIQDHM6/sSd4hi647FOKKfEpHV9CP
yCJVWD7xCXE4SZP2ygIhAMaeVKsmW9VjyneddlPsi6ePejtjGAecl/8meLur78WC
-----END CERTIFICATE-----
`

// printed are the plans of the files in testdata. deploy/test parses the files as HCL and
// renders the chart with the values.
var printed = map[string]func() (Input, Reads){
	"inside": func() (Input, Reads) {
		in, r := inside()
		in.CA = certificate
		r.Cluster.Vaults.Value[0].URL = "https://vault.vault.svc:443"
		return in, r
	},
	"outside": func() (Input, Reads) {
		in, r := outside()
		in.CA, in.DiagnosticCIDRs, in.Context = certificate, []string{"10.0.12.0/24", "10.0.13.7"}, "arn:aws:eks:eu-1:123:cluster/prod"
		in.Given.Vault.Namespace, in.Given.Vault.Mount, in.Given.Vault.TLSServerName = "admin/team-a", "k8s/prod", "vault.internal"
		return in, r
	},
	"self-review": func() (Input, Reads) {
		in, r := outside()
		stored(&r).ReviewerSet = false
		in.Account = evidence.ServiceAccount{Namespace: "123", Name: "exporter"}
		in.CLI = "bao"
		return in, r
	},
	"own-namespace": offline(func(in *Input) {
		in.Given.Reviewer = evidence.Origin{Source: evidence.SourceSecret, Secret: evidence.SecretKey{Namespace: "monitoring", Name: "reviewer", Key: "jwt"}}
	}),
	"minted": offline(func(in *Input) {
		in.Given.Reviewer = evidence.Origin{Source: evidence.SourceServiceAccount, ServiceAccount: authAccount}
		in.Given.Kubernetes.Host = "https://api.example.com:6443"
	}),
}

// extension is that of a format's file.
var extension = map[string]string{"sh": ".sh", "hcl": ".tf", "values": ".yaml"}

func TestFormats(t *testing.T) {
	for name, from := range printed {
		plan, err := Decide(from())
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for _, format := range FormatNames() {
			file, got := filepath.Join("testdata", name+extension[format]), Formats[format](plan)
			if *update {
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Errorf("%s (-file +printed); go test ./internal/setup -update writes it:\n%s", file, diff)
			}
		}
	}
}
