package setup

import (
	"cmp"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/internal/config"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
)

// Names that are the same in every installation.
const (
	diagnosticRole   = "vault-k8s-auth-diagnostic"
	audience         = "vault"
	defaultMount     = "kubernetes"
	clusterCA        = "kube-root-ca.crt" // a ConfigMap of every namespace
	defaultCLI       = "vault"
	defaultRole      = "canary"
	reasonsPage      = "docs/reasons.md"
	warningsPage     = "docs/warnings.md"
	installationPage = "docs/installation.md"
)

// Plan is what an installation needs. Every value in it is safe to print in a command.
type Plan struct {
	// Target is what the exporter probes, without paths of files.
	Target evidence.Target
	// Account is the exporter's own, and the canary.
	Account evidence.ServiceAccount
	// CLI is vault or bao; Context is a context of the kubeconfig, empty if it is the
	// current one.
	CLI, Context string
	// CA is the bundle that verifies Vault; empty means the system's roots.
	CA string
	// DiagnosticCIDRs are the addresses that may use the diagnostic role, of which there
	// is none if they are empty.
	DiagnosticCIDRs []string
	// ThisCluster is set if the API server's address is another one of the cluster that
	// the exporter runs in.
	ThisCluster bool
	// VaultNamespace is the Kubernetes namespace of Vault's pods, empty if they are not in
	// this cluster. VaultPort is their port if it is not that of the address, else 0.
	VaultNamespace string
	VaultPort      int
	// Permission is what the exporter's account needs in Kubernetes, zero if nothing.
	Permission evidence.Permission

	// Asked says what was asked and answered, Why is the reason for the reviewer's source,
	// and Warnings are sentences about what was seen.
	Asked    []string
	Why      string
	Warnings []string
}

// Policy is the name of the canary's policy, which is not that of another mount.
func (p Plan) Policy() string {
	if p.Target.Vault.Mount == defaultMount {
		return p.Account.Name
	}
	return p.Account.Name + "-" + strings.NewReplacer("/", "-", ":", "-", "@", "-").Replace(p.Target.Vault.Mount)
}

// CAConfigMap is the name of the ConfigMap with Vault's CA.
func (p Plan) CAConfigMap() string { return p.Account.Name + "-vault-ca" }

// Audience is that of the canary's token; empty means the API server's own.
func (p Plan) Audience() string { return strings.Join(p.Target.Canary.Audiences, ",") }

// Decide works out the plan. The error has one line for each thing that is neither given
// nor read, or that stands in the way.
func Decide(in Input, r Reads) (Plan, error) {
	d := decision{in: in, reads: r, plan: Plan{
		Account: in.Account, CLI: in.CLI, Context: in.Context, CA: in.CA, DiagnosticCIDRs: in.DiagnosticCIDRs,
	}}
	d.plan.Target.Vault = in.Given.Vault
	d.mount()
	d.reviewer()
	d.canary()
	d.address()
	d.apiServer()
	d.diagnostic()
	d.asked()
	d.warn()
	d.plan.CLI = cmp.Or(d.plan.CLI, defaultCLI)
	return d.plan, errors.Join(d.mistakes...)
}

// decision is the state of [Decide].
type decision struct {
	in       Input
	reads    Reads
	plan     Plan
	mistakes []error
}

func (d *decision) refuse(flag, what, allowed string) {
	d.mistakes = append(d.mistakes, fmt.Errorf("%s: %s; allowed: %s", flag, what, allowed))
}

func (d *decision) note(format string, args ...any) {
	d.plan.Warnings = append(d.plan.Warnings, fmt.Sprintf(format, args...))
}

// mount refuses a mount of another type, and a role that is somebody else's: the output
// would overwrite it.
func (d *decision) mount() {
	m := d.reads.Vault.Mount
	if m.Type != "" && m.Type != "kubernetes" {
		d.refuse("--vault-mount", fmt.Sprintf("is of the type %s", m.Type), "a mount of the type kubernetes")
	}
	role, own := m.Role.Value, d.in.Account
	if m.Role.Ok() && (!slices.Equal(role.Names, []string{own.Name}) || !slices.Equal(role.Namespaces, []string{own.Namespace})) {
		d.refuse("--vault-role", fmt.Sprintf("the role %s exists and admits %s in %s: it would be overwritten",
			d.plan.Target.Vault.Role, orNobody(role.Names), orNobody(role.Namespaces)), "the name of a role that does not exist")
	}
}

func orNobody(names []string) string { return cmp.Or(strings.Join(names, ", "), "none") }

// canary is the exporter's own account. With self-review its token has to be valid for the
// API server.
func (d *decision) canary() {
	t := &d.plan.Target
	t.Canary = evidence.Origin{Source: evidence.SourceFile}
	source := t.Reviewer.Source.Spec()
	if source.SelfReview {
		d.plan.Permission = evidence.Permission{Verb: "create", Resource: "tokenreviews.authentication.k8s.io"}
		return
	}
	t.Canary.Audiences = []string{audience}
	d.plan.Permission = source.Permission(t.Reviewer)
}

// server is the Vault in this cluster that runs as the reviewer's account, or the only one.
func (d *decision) server() (Server, bool) {
	servers := d.reads.Cluster.Vaults.Value
	i := slices.IndexFunc(servers, func(s Server) bool { return s.Account == d.plan.Target.Reviewer.ServiceAccount })
	if i < 0 && len(servers) == 1 {
		i = 0
	}
	if i < 0 {
		return Server{}, false
	}
	return servers[i], true
}

// address decides how the exporter's pod reaches Vault. An administrator often reaches it
// through a tunnel.
func (d *decision) address() {
	v := &d.plan.Target.Vault
	server, inside := d.server()
	usesOwnPod := d.plan.Target.Reviewer.Source.Spec().AccessReview && !d.stored()
	if inside && d.plan.CLI == "" && server.Product == "openbao" {
		d.plan.CLI = "bao"
	}
	service := validURL("VAULT_ADDR", server.URL)
	if inside && v.Addr == "" && (usesOwnPod || isLoopback(d.in.ReadAddr)) {
		v.Addr = service
	}
	if service != "" && v.Addr == service {
		d.plan.VaultNamespace = validNamespace(server.Account.Namespace)
		if server.Port != 0 && !strings.HasSuffix(service, fmt.Sprintf(":%d", server.Port)) {
			d.plan.VaultPort = server.Port
		}
	}
	v.Addr = cmp.Or(v.Addr, d.in.ReadAddr)
	if v.Addr == "" {
		d.refuse("--vault-addr", "is not set, and neither is VAULT_ADDR", "the URL by which pods reach Vault, such as https://vault.vault.svc:8200")
	}
	v.CACert = ""
}

// stored reports whether the mount's config is known to hold a reviewer's token.
func (d *decision) stored() bool {
	c := d.reads.Vault.Mount.Config
	return c.Ok() && c.Value.ReviewerSet
}

func isLoopback(address string) bool {
	u, err := url.Parse(address)
	if err != nil {
		return false
	}
	ip, err := netip.ParseAddr(u.Hostname())
	return u.Hostname() == "localhost" || err == nil && ip.IsLoopback()
}

// apiServer decides whether the exporter needs an address other than that of its own pod's
// API server. A server's word is not enough to send the pod's token to an address: the CA
// or the kubeconfig has to show that it is this cluster's.
func (d *decision) apiServer() {
	k, source := &d.plan.Target.Kubernetes, d.plan.Target.Reviewer.Source.Spec()
	own := source.OwnIdentity || source.SelfReview
	if given := d.in.Given.Kubernetes.Host; given != "" {
		k.Host, d.plan.ThisCluster = given, own
		return
	}
	c := d.reads.Vault.Mount.Config
	if !c.Ok() || d.isInternal(c.Value.Host) {
		return
	}
	host := validURL("KUBERNETES_HOST", c.Value.Host)
	switch {
	case host == "":
		d.note("The mount's config has a kubernetes_host that is not an https URL: logins cannot work.")
	case source.OwnIdentity && !d.isThisCluster(c.Value):
		d.note("The mount's config has kubernetes_host=%s, which was not seen to be this cluster: the exporter asks its own pod's API server, and warns with mount_host_differs (%s). "+
			"If it is this cluster, add --kubernetes-host=%s.", host, warningsPage, host)
	default:
		k.Host, d.plan.ThisCluster = host, own && d.isThisCluster(c.Value)
	}
}

// isInternal reports whether an address is that of the API server's own Service.
func (d *decision) isInternal(address string) bool {
	u, err := url.Parse(address)
	if err != nil {
		return false
	}
	return evidence.IsServiceName(u.Hostname()) || slices.Contains(d.reads.Cluster.Addresses.Value, u.Hostname())
}

// isThisCluster reports whether the kubeconfig has the address of a mount's config, or the
// cluster its CA.
func (d *decision) isThisCluster(c evidence.MountConfig) bool {
	cluster, ca := d.reads.Cluster, onlyCertificates(c.CACert)
	return cluster.Access.Ok() && evidence.SameHost(cluster.Access.Value, c.Host) ||
		ca != "" && (ca == cluster.CA.Value || ca == cluster.KubeconfigCA)
}

func (d *decision) diagnostic() {
	if len(d.plan.DiagnosticCIDRs) == 0 {
		return
	}
	if d.plan.Target.Reviewer.Source.Spec().SelfReview {
		d.refuse("--diagnostic-cidr", "is not used, since each client reviews itself: Vault has no token to look up namespaces with", "nothing")
		return
	}
	d.plan.Target.Vault.DiagnosticRole = diagnosticRole
}

// validURL returns a URL that a server named as the variable key takes it, or empty.
func validURL(key, value string) string {
	t, err := config.Partial(map[string]string{key: value}, func(string) string { return key })
	if err != nil {
		return ""
	}
	return cmp.Or(t.Vault.Addr, t.Kubernetes.Host)
}

func validAccount(a evidence.ServiceAccount) bool {
	_, err := config.Partial(map[string]string{"REVIEWER_SERVICE_ACCOUNT": a.String()}, func(key string) string { return key })
	return err == nil
}

func validSecret(s evidence.SecretKey) bool {
	_, err := config.Partial(map[string]string{"REVIEWER_SECRET": s.String()}, func(key string) string { return key })
	return err == nil
}

func validNamespace(name string) string {
	if !namespaceName.MatchString(name) {
		return ""
	}
	return name
}
