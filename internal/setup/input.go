package setup

import (
	"cmp"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/internal/config"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/internal/localfile"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/internal/redact"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
)

// Options are the flags as they were given; empty means not given.
type Options struct {
	// VaultAddr is Vault as the exporter's pod reaches it.
	VaultAddr                                                   string
	VaultCACert, VaultTLSServerName, VaultNamespace, VaultMount string
	VaultRole                                                   string
	DiagnosticCIDRs                                             []string
	// CLI is vault or bao.
	CLI string

	KubernetesHost                                   string
	Reviewer, ReviewerSecret, ReviewerServiceAccount string

	// Namespace and ServiceAccount are the exporter's own.
	Namespace, ServiceAccount string

	// Offline asks no server.
	Offline                             bool
	VaultTokenFile, Kubeconfig, Context string
}

// Input is what [Options] and the environment of the vault command say, checked.
type Input struct {
	// Given has only the fields of a target that were given, but always a mount and a role.
	Given evidence.Target
	// ReviewerImplied says that Given has a source of the reviewer because of a flag other than
	// --reviewer.
	ReviewerImplied bool
	// CLI is empty if it was not given.
	CLI string
	// CA has the certificates of Given.Vault.CACert.
	CA              string
	DiagnosticCIDRs []string
	Account         evidence.ServiceAccount

	Offline             bool
	Kubeconfig, Context string
	// ReadAddr is where Vault is asked, empty if that is not known.
	ReadAddr string
	// Token is for Vault; zero if there is none. It is never part of [Reads].
	Token evidence.Secret
}

// flagOf maps the keys of internal/config to flags.
var flagOf = map[string]string{
	"VAULT_ADDR": "--vault-addr", "VAULT_CACERT": "--vault-cacert", "VAULT_TLS_SERVER_NAME": "--vault-tls-server-name",
	"VAULT_NAMESPACE": "--vault-namespace", "VAULT_MOUNT": "--vault-mount", "VAULT_ROLE": "--vault-role", "KUBERNETES_HOST": "--kubernetes-host",
	"REVIEWER": "--reviewer", "REVIEWER_SECRET": "--reviewer-secret", "REVIEWER_SERVICE_ACCOUNT": "--reviewer-service-account",
}

// NewInput checks the options, and takes from the environment what the vault command does.
// The error has one line for each mistake, and repeats no value that may be a credential.
func NewInput(o Options) (Input, error) {
	in := Input{ReviewerImplied: o.Reviewer == "", CLI: o.CLI, Offline: o.Offline, Kubeconfig: o.Kubeconfig, Context: o.Context}
	var given, read, own, unused error
	if o.Reviewer == string(evidence.SourceFile) && o.ReviewerServiceAccount != "" { // internal/config would call the source secret
		unused = errors.New("--reviewer-service-account: is not used, since --reviewer is file; allowed: nothing, or a source that uses it")
		o.ReviewerServiceAccount = ""
	}
	in.Given, given = config.Partial(map[string]string{
		"VAULT_ADDR": o.VaultAddr, "VAULT_CACERT": o.VaultCACert, "VAULT_TLS_SERVER_NAME": o.VaultTLSServerName,
		"VAULT_NAMESPACE": o.VaultNamespace, "VAULT_MOUNT": cmp.Or(o.VaultMount, defaultMount), "VAULT_ROLE": cmp.Or(o.VaultRole, defaultRole), "KUBERNETES_HOST": o.KubernetesHost,
		"REVIEWER": o.reviewer(), "REVIEWER_SECRET": o.ReviewerSecret, "REVIEWER_SERVICE_ACCOUNT": o.ReviewerServiceAccount,
	}, func(key string) string { return flagOf[key] })
	in.ReadAddr, read = in.readAddr()
	own = in.own(o)
	mistakes := []error{given, unused, read, own}
	if ca, err := readCertificates(in.Given.Vault.CACert); err != nil {
		mistakes = append(mistakes, fmt.Errorf("--vault-cacert: cannot be read: %w; allowed: a file of at most %d bytes", reason(err), maxCA))
	} else {
		in.CA = ca
	}
	for _, cidr := range o.DiagnosticCIDRs {
		if err := checkCIDR(cidr); err != nil {
			mistakes = append(mistakes, err)
			continue
		}
		in.DiagnosticCIDRs = append(in.DiagnosticCIDRs, cidr)
	}
	if !o.Offline {
		token, err := loadToken(o.VaultTokenFile)
		in.Token, mistakes = token, append(mistakes, err)
	}
	return in, errors.Join(mistakes...)
}

// reviewer is the reviewer's source, where one flag implies it. Whether a Secret is
// mounted or read from the API server follows from its namespace.
func (o Options) reviewer() string {
	switch {
	case o.Reviewer == string(evidence.SourceFile):
		return string(evidence.SourceSecret)
	case o.Reviewer != "":
		return o.Reviewer
	case o.ReviewerSecret != "":
		return string(evidence.SourceSecret)
	case o.ReviewerServiceAccount != "":
		return string(evidence.SourceAccessReview)
	}
	return ""
}

// readAddr returns the address in the environment, or else the one that was given.
func (in *Input) readAddr() (string, error) {
	for _, cli := range []string{"vault", "bao"} {
		name := strings.ToUpper(cli) + "_ADDR"
		value := strings.TrimSpace(os.Getenv(name))
		if value == "" {
			continue
		}
		if cli == "bao" && in.CLI == "" {
			in.CLI = cli
		}
		t, err := config.Partial(map[string]string{"VAULT_ADDR": value}, func(string) string { return name })
		return t.Vault.Addr, err
	}
	return in.Given.Vault.Addr, nil
}

var (
	namespaceName = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)
	accountName   = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,50}[a-z0-9])?$`) // names of other objects begin with it
)

func (in *Input) own(o Options) error {
	in.Account = evidence.ServiceAccount{Namespace: o.Namespace, Name: o.ServiceAccount}
	var mistakes []error
	if !namespaceName.MatchString(o.Namespace) {
		mistakes = append(mistakes, errors.New("--namespace: is not a valid namespace name; allowed: up to 63 lower case letters, digits and -"))
	}
	if !accountName.MatchString(o.ServiceAccount) {
		mistakes = append(mistakes, errors.New("--service-account: is not a valid service account name here; allowed: up to 52 lower case letters, digits and -"))
	}
	if redact.Clean(o.Context) != o.Context {
		mistakes = append(mistakes, errors.New("--context: is not a valid context name, or looks like a credential; allowed: a context of the kubeconfig"))
	}
	return errors.Join(mistakes...)
}

func checkCIDR(value string) error {
	if _, err := netip.ParsePrefix(value); err == nil {
		return nil
	}
	if _, err := netip.ParseAddr(value); err == nil {
		return nil
	}
	return errors.New("--diagnostic-cidr: is not a network; allowed: an address or a network, such as 10.0.12.0/24")
}

// maxToken limits the file of a token, in bytes.
const maxToken = 64 << 10

// loadToken returns the token that the vault command would use: that of the environment,
// or the one that `vault login` wrote. It is zero if there is none, which is a mistake only
// for a file that was given.
func loadToken(file string) (evidence.Secret, error) {
	given := file != ""
	if !given {
		for _, name := range []string{"VAULT_TOKEN", "BAO_TOKEN"} {
			if token := strings.TrimSpace(os.Getenv(name)); token != "" {
				return evidence.NewSecret(token), nil
			}
		}
		home, err := os.UserHomeDir()
		if err != nil {
			return evidence.Secret{}, nil
		}
		file = filepath.Join(home, ".vault-token")
	}
	content, err := localfile.Read(file, maxToken)
	token := strings.TrimSpace(string(content))
	switch {
	case !given:
		return evidence.NewSecret(token), nil
	case err != nil:
		return evidence.Secret{}, fmt.Errorf("--vault-token-file: cannot be read: %w; allowed: the path of a file with a token of Vault", reason(err))
	case token == "":
		return evidence.Secret{}, errors.New("--vault-token-file: is empty; allowed: the path of a file with a token of Vault")
	}
	return evidence.NewSecret(token), nil
}

// reason is the error without the path, which may be a token by mistake.
func reason(err error) error {
	if inner := errors.Unwrap(err); inner != nil {
		return inner
	}
	return err
}
