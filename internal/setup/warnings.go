package setup

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
)

// asked says what the plan rests on.
func (d *decision) asked() {
	say := func(format string, args ...any) { d.plan.Asked = append(d.plan.Asked, fmt.Sprintf(format, args...)) }
	vault, cluster := d.reads.Vault, d.reads.Cluster
	switch {
	case d.in.Offline:
		say("Nothing was asked (--offline).")
		return
	case vault.Health.State == evidence.NotAsked:
		say("Vault was not asked: neither VAULT_ADDR nor --vault-addr is set.")
	case vault.Health.Failed():
		say("Vault at %s could not be asked: %s.", d.in.ReadAddr, vault.Health.Failure.Error())
	case d.in.Token.IsZero():
		say("Vault %s at %s was asked for its state only: there is no token (VAULT_TOKEN, ~/.vault-token, --vault-token-file).", vault.Health.Value.Version, d.in.ReadAddr)
	case vault.Mount.Config.Failed():
		say("Vault %s at %s did not return the config of auth/%s: %s.", vault.Health.Value.Version, d.in.ReadAddr, d.plan.Target.Vault.Mount, vault.Mount.Config.Failure.Error())
	default:
		say("Vault %s at %s: the config of auth/%s was read.", vault.Health.Value.Version, d.in.ReadAddr, d.plan.Target.Vault.Mount)
	}
	switch {
	case cluster.Access.State == evidence.NotAsked:
		say("The cluster was not asked: %s.", cluster.NoKubeconfig)
	case cluster.Access.Failed():
		say("The cluster could not be asked: %s.", cluster.Access.Failure.Error())
	default:
		say("The cluster at %s was read.", cluster.Access.Value)
	}
	if refused := cluster.refusals(); cluster.Access.Ok() && len(refused) > 0 {
		say("It did not show: %s.", strings.Join(refused, ", "))
	}
}

// warn says what will keep the exporter, or pods, from logging in, or will do so later.
func (d *decision) warn() {
	d.warnOfAddress()
	if role := d.reads.Vault.Mount.Role; !role.Ok() && !role.RefusedWith(http.StatusNotFound) {
		d.note("Whether the role %s exists is not known: if it does, it is overwritten. --vault-role names another.", d.plan.Target.Vault.Role)
	}
	d.warnOfVault()
	if c := d.reads.Vault.Mount.Config; c.Ok() {
		d.warnOfConfig(c.Value)
	}
	d.warnOfReviewer()
}

func (d *decision) warnOfAddress() {
	addr := d.plan.Target.Vault.Addr
	if strings.HasPrefix(addr, "http://") {
		d.note("%s is http: the canary's token and Vault's answer travel unencrypted, and nothing proves that it is Vault that answers.", addr)
	}
	if isLoopback(addr) {
		d.note("No pod reaches Vault at %s: add --vault-addr, the URL by which pods reach it.", addr)
	}
	if u, err := url.Parse(addr); err == nil && strings.HasSuffix(u.Hostname(), ".hashicorp.cloud") && d.plan.Target.Vault.Namespace == "" {
		d.note("HCP Vault has its mounts in namespaces below admin: add --vault-namespace.")
	}
}

func (d *decision) warnOfVault() {
	h := d.reads.Vault.Health
	if !h.Ok() {
		return
	}
	namespace := d.plan.Target.Vault.Namespace
	switch {
	case !h.Value.Initialized:
		d.note("Vault is not initialized.")
	case h.Value.Sealed:
		d.note("Vault is sealed: nothing below can be written before it is unsealed.")
	}
	if strings.Contains(h.Value.Version, "+ent") && namespace == "" {
		d.note("This is Vault Enterprise: if the mount is in a namespace, add --vault-namespace. Policies and roles belong to one namespace.")
	}
	if minor, ok := vault1(h.Value.Version); ok && minor < 16 && len(d.plan.DiagnosticCIDRs) > 0 {
		d.note("The diagnostic role needs Vault 1.16, this is %s.", h.Value.Version)
	}
}

// vault1 returns the minor version of a Vault 1.
func vault1(version string) (minor int, ok bool) {
	rest, isOne := strings.CutPrefix(version, "1.")
	number, _, _ := strings.Cut(rest, ".")
	minor, err := strconv.Atoi(number)
	return minor, isOne && err == nil
}

func (d *decision) warnOfConfig(c evidence.MountConfig) {
	cluster := d.reads.Cluster
	if servers := cluster.Vaults.Value; c.ReviewerSet && len(servers) > 0 && validAccount(servers[0].Account) {
		d.note("The config has a token_reviewer_jwt although Vault runs in this cluster as %s: a stored token expires, or ends with the pod or the Secret that it is bound to. "+
			"Without it, and with disable_local_ca_jwt=false, Vault uses the token of its own pod, which Kubernetes renews.", servers[0].Account)
	}
	if !c.DisableISSValidation && c.Issuer != "" && !(cluster.Issuer.Ok() && cluster.Issuer.Value == c.Issuer) {
		issuer := "was not read"
		if cluster.Issuer.Ok() {
			issuer = "is " + cluster.Issuer.Value
		}
		d.note("The config requires tokens to have the issuer %s; that of this cluster %s. If they differ, every login fails (mount_issuer_mismatch in %s); the API server verifies the issuer anyway.",
			c.Issuer, issuer, reasonsPage)
	}
	if len(c.PEMKeys) > 0 {
		d.note("The config has pem_keys: when the cluster's signing key is rotated, every login fails until they are replaced (mount_pem_keys_mismatch in %s).", reasonsPage)
	}
	if cluster.Access.Ok() && c.CACert != "" && !d.isInternal(c.Host) && !d.isThisCluster(c) {
		d.note("The config's kubernetes_host and kubernetes_ca_cert are not those of the cluster at %s. Is it the cluster of this mount? --context chooses another.", cluster.Access.Value)
	}
}

func (d *decision) warnOfReviewer() {
	account := d.plan.Target.Reviewer.ServiceAccount
	if access := d.reads.Cluster.Reviewers[account]; access.Ok() && !access.Value.Allowed {
		d.note("%s may not create TokenReviews, so no pod can log in (reviewer_forbidden in %s).", account, reasonsPage)
	}
	if d.plan.Target.Reviewer.Source == evidence.SourceServiceAccount {
		d.note("With --reviewer=serviceaccount the exporter may create tokens of %s, and so act as Vault's reviewer.", account)
	}
}
