package discover

import (
	"cmp"
	"slices"
	"strings"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/workload"
)

// Prefixes of the annotations of Bank-Vaults' webhooks; the older one has those for Vault only.
// https://bank-vaults.dev/docs/mutating-webhook/annotations/
const (
	webhookPrefix    = "secrets-webhook.security.bank-vaults.io/"
	oldWebhookPrefix = "vault.security.banzaicloud.io/"
)

// bankVaultsCommands are what the webhooks make a container start with.
var bankVaultsCommands = []string{"/vault/vault-env", "/vault/secret-init", "/bao/secret-init"}

// bankVaultsLogin is how a pod logs in.
type bankVaultsLogin struct{ address, namespace, mount, role, method, token string }

func (f *podFacts) addBankVaults(p pod, from origin, count int) {
	if p.annotation(webhookPrefix+"vault-token-auth-mount", webhookPrefix+"bao-token-auth-mount", oldWebhookPrefix+"token-auth-mount") != "" {
		return // it has a token in a volume, and does not log in
	}
	logins := p.mutatedLogins()
	if len(logins) == 0 {
		logins = p.annotatedLogins()
	}
	for _, l := range logins {
		switch {
		case l.method != "jwt" && l.method != "kubernetes": // jwt is its default, and also works at a mount of kubernetes
		case l.token != "" && l.token != "vault:login" && l.token != "bao:login": // it has a token, and does not log in
		case strings.Contains(l.role, "{{"):
			f.found.skip(from.object, "its role is a template of the Bank-Vaults webhook", count)
		default:
			f.found.add(workload.Login{
				Address: l.address, Namespace: l.namespace, Mount: l.mount, Role: l.role, ServiceAccount: p.account(), Audiences: p.ownAudience(),
			}, from.source, from.object, count)
		}
	}
}

// mutatedLogins are those of the containers that a webhook changed. They have the webhook's own
// defaults, which no annotation shows.
func (p pod) mutatedLogins() []bankVaultsLogin {
	var logins []bankVaultsLogin
	for _, c := range p.containers() {
		if len(c.Command) == 0 || !slices.Contains(bankVaultsCommands, c.Command[0]) {
			continue
		}
		for _, prefix := range []string{"VAULT_", "BAO_"} {
			if c.variable(prefix+"ROLE") == "" {
				continue
			}
			l := bankVaultsLogin{
				address: c.variable(prefix + "ADDR"), namespace: c.variable(prefix + "NAMESPACE"), mount: c.variable(prefix + "PATH"),
				role: c.variable(prefix + "ROLE"), method: c.variable(prefix + "AUTH_METHOD"), token: c.variable(prefix + "TOKEN"),
			}
			if !slices.Contains(logins, l) { // containers of a pod share it
				logins = append(logins, l)
			}
		}
	}
	return logins
}

// annotatedLogins are what annotations say, with the webhook's defaults.
func (p pod) annotatedLogins() []bankVaultsLogin {
	if p.annotation(webhookPrefix+"mutate", oldWebhookPrefix+"mutate") == "skip" {
		return nil
	}
	var logins []bankVaultsLogin
	for _, prefixes := range [][]string{{webhookPrefix + "vault-", oldWebhookPrefix + "vault-"}, {webhookPrefix + "bao-"}} {
		annotation := func(name string) string {
			names := slices.Clone(prefixes)
			for i := range names {
				names[i] += name
			}
			return p.annotation(names...)
		}
		if annotation("addr")+annotation("role")+annotation("path")+annotation("namespace") == "" {
			continue
		}
		logins = append(logins, bankVaultsLogin{
			address: annotation("addr"), namespace: annotation("namespace"), mount: cmp.Or(annotation("path"), "kubernetes"),
			role: cmp.Or(annotation("role"), p.account().Name), method: cmp.Or(annotation("auth-method"), "jwt"),
		})
	}
	return logins
}
