package diagnose

import (
	"fmt"
	"strings"
	"time"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/shell"
)

// The reasons and warnings about the canary's role and what Vault attaches to it.
const (
	RoleMissing                 Reason = "role_missing"
	RoleServiceAccountMismatch  Reason = "role_service_account_mismatch"
	RoleNamespaceMismatch       Reason = "role_namespace_mismatch"
	RoleNamespaceSelectorFailed Reason = "role_namespace_selector_failed"
	RoleAudienceMismatch        Reason = "role_audience_mismatch"
	RoleCIDRMismatch            Reason = "role_cidr_mismatch"
	RolePolicyInvalid           Reason = "role_policy_invalid"
	RoleMFARequired             Reason = "role_mfa_required"
	CanaryEntityDisabled        Reason = "canary_entity_disabled"

	RoleTTLTooLong      WarningCode = "role_ttl_too_long"
	RoleDrift           WarningCode = "role_drift"
	RoleBindingTooWide  WarningCode = "role_binding_too_wide"
	RoleWithoutAudience WarningCode = "role_without_audience"
	TokenNotRevoked     WarningCode = "token_not_revoked"
	RolePolicyTooWide   WarningCode = "role_policy_too_wide"
)

var roleReasons = sorted(
	Spec{
		Code: RoleMissing, Component: ComponentRole, Title: "the role does not exist",
		Means:    "The mount exists, but the role does not: it was deleted, is mistyped, or was lost when the mount was disabled and enabled again.",
		Seen:     "400 `invalid role name`: proven.",
		Remedy:   "Write the role. If every role is gone, the mount was replaced.",
		Reported: "hashicorp/vault-csi-provider#217",
		advise: func(t evidence.Target, e evidence.Evidence) Advice {
			return Advice{
				Check: []Check{{vault("list", shell.Quote(mountPath(t)+"/role")), "no " + shell.Quote(t.Vault.Role)}},
				Fix:   []string{writeRole(t, e)},
			}
		},
	},
	Spec{
		Code: RoleServiceAccountMismatch, Component: ComponentRole, Title: "the role is not bound to the canary's service account",
		Means:    "The role's `bound_service_account_names` do not include the canary's service account.",
		Seen:     "403 `service account name not authorized` (500 before Vault 1.10.4): proven.",
		Remedy:   "Add the name. A write replaces the whole list, and without the namespace selector it deletes that.",
		Reported: "hashicorp/vault-plugin-auth-kubernetes#49",
		advise: func(t evidence.Target, e evidence.Evidence) Advice {
			return adviseRoleName(t, e.CanaryToken.Value.ServiceAccount, "canary", e.CanaryToken.Value.Namespace)
		},
	},
	Spec{
		Code: RoleNamespaceMismatch, Component: ComponentRole, Title: "the role is not bound to the canary's namespace",
		Means:    "Neither the role's namespaces nor its label selector match the canary's namespace.",
		Seen:     "403 `namespace not authorized` without an error after it: proven.",
		Remedy:   "Add the namespace, or label it. A write replaces the whole list, and without the namespace selector it deletes that.",
		Reported: "hashicorp/vault-plugin-auth-kubernetes#89",
		advise: func(t evidence.Target, e evidence.Evidence) Advice {
			return adviseRoleNamespace(t, e.CanaryToken.Value.Namespace)
		},
	},
	Spec{
		Code: RoleNamespaceSelectorFailed, Component: ComponentRole, Title: "Vault cannot evaluate the role's namespace selector",
		Means: "The role has a namespace selector, and Vault cannot read the namespace: the reviewer lacks the permission, or there is no reviewer.",
		Seen: "403 `namespace not authorized err=…` with a refusal after it: proven. With a connection error after it, " +
			"the reason is the corresponding `vault_to_kubernetes_*`.",
		Remedy:   "Allow the reviewer to get namespaces.",
		Reported: "hashicorp/vault#29055",
		advise: func(_ evidence.Target, e evidence.Evidence) Advice {
			return grantToReviewer(e, "namespaces")
		},
	},
	Spec{
		Code: RoleAudienceMismatch, Component: ComponentRole, Title: "the role requires another audience than the canary's token has",
		Means: "The role requires an audience that the canary's token does not have.",
		Seen: "403 `invalid audience (aud) claim` (500 in old plugins): proven. If the token lacks what `EXPORTER_CANARY_AUDIENCES` lists, " +
			"the reason is [`canary_wrong_audience`](#canary_wrong_audience).",
		Remedy:   "Write the audience under the key `audience`. Vault ignores the key `audiences` without an error.",
		Reported: "hashicorp/vault-plugin-auth-kubernetes#175",
		advise: func(t evidence.Target, e evidence.Evidence) Advice {
			audience, wrong := "<audience>", "an audience that the canary token lacks"
			if c := e.CanaryToken.Value; len(c.Audiences) > 0 {
				audience = shell.QuoteUntrusted(c.Audiences[0], "audience")
				wrong = "an audience other than " + audience
			}
			return Advice{
				Check: []Check{readRole(t, wrong)},
				Fix:   changeRole(t, `audience: "`+strings.Trim(audience, "'")+`"`),
				Notes: []string{"Or give the projected token the audience that the role requires."},
			}
		},
	},
	Spec{
		Code: RoleCIDRMismatch, Component: ComponentRole, Title: "the role does not admit the exporter's address",
		Means: "The role's `token_bound_cidrs` do not contain the address that Vault sees for the exporter. " +
			"Vault rejects the login before it checks the token, and logs nothing.",
		Seen: "A login with a forged, expired token gets a bare 403 too, and the readable config has no `pem_keys`: " +
			"proven if it was read in this run and `sys/health` names a version from 1.11 on, otherwise by elimination. " +
			"Without a readable config: by elimination if the diagnostic role admits the canary, else the reason is [`unexplained`](#unexplained).",
		Remedy:   "Compare with `remote_address` in the audit log. Behind a load balancer that is the load balancer's address.",
		Reported: `StatCan/aaw#38: "Attempted to CIDR bind tokens but I get 403s from Vault as soon as I do."`,
		advise: func(t evidence.Target, _ evidence.Evidence) Advice {
			return Advice{
				Check: []Check{readRole(t, "token_bound_cidrs without the address of the exporter")},
				Fix:   changeRole(t, "token_bound_cidrs: []"),
				Notes: []string{"The fix admits every address. To keep the restriction, add the address that Vault sees for the exporter: " +
					"remote_address in the audit log."},
			}
		},
	},
	Spec{
		Code: RolePolicyInvalid, Component: ComponentRole, Title: "the role has a policy that logins may not have",
		Means:    "The role lists a policy that no login may have, such as `root`.",
		Seen:     "400 `auth methods cannot create root tokens` or `cannot assign policy`: proven.",
		Remedy:   "Replace the list.",
		Reported: "hashicorp/vault#3048: `authentication backends cannot create root tokens`, the text of older versions, from another auth method.",
		advise: func(t evidence.Target, _ evidence.Evidence) Advice {
			return Advice{
				Check: []Check{readRole(t, "a policy in token_policies that no login may have, such as root")},
				Fix:   changeRole(t, `token_policies: ["default"]`),
			}
		},
	},
	Spec{
		Code: RoleMFARequired, Component: ComponentRole, Title: "the login requires a second factor",
		Means:  "A login enforcement requires a second factor on this mount. No pod has one.",
		Seen:   "200 with an `mfa_requirement` and no token: proven.",
		Remedy: "Exempt the mount from the enforcement.",
		Reported: "[HashiCorp's support](https://support.hashicorp.com/hc/en-us/articles/8734678270867-MFA-with-Namespaces): " +
			"an enforcement on a type of auth method applies to every mount of that type in the namespaces below.",
		advise: func(t evidence.Target, _ evidence.Evidence) Advice {
			return Advice{
				Check: []Check{{vault("list", "identity/mfa/login-enforcement"), "the enforcement that requires it"}},
				Notes: []string{fmt.Sprintf("No pod can provide a second factor: exempt the mount %s from the enforcement.", t.Vault.Mount)},
			}
		},
	},
	Spec{
		Code: CanaryEntityDisabled, Component: ComponentRole, Title: "the canary's identity entity is disabled",
		Means: "The canary's identity entity is disabled: the TokenReview succeeds, but Vault still rejects the login.",
		Seen: "A token that may look up the entity reads `disabled`: proven. Without one, the diagnostic role shows that Vault can have tokens reviewed, " +
			"the role is right, and the login gets a bare 403: by elimination.",
		Remedy: "Enable the entity. Check whether other entities were disabled too.",
		advise: func(t evidence.Target, e evidence.Evidence) Advice {
			return Advice{
				Check: []Check{{lookupEntity(t, e), disabledEntity}},
				Fix:   []string{vault("write", `"identity/entity/id/$(`+lookupEntity(t, e, "-field=id")+`)"`, "disabled=false")},
			}
		},
	},
)

var roleWarnings = []WarningSpec{
	{
		Code: RoleTTLTooLong, Component: ComponentRole, Title: "tokens of the canary's role have a long TTL",
		Means:  "The canary's role issues service tokens for more than 15 minutes: a token that is not revoked is valid that long.",
		Seen:   "The answer to the login.",
		Remedy: "Set `token_ttl` and `token_max_ttl` of the role to 60 s; a write without the namespace selector deletes that.",
		judge: func(t evidence.Target, e evidence.Evidence) (finding, bool) {
			l := e.Login.Value
			if l.Type != evidence.ServiceToken || l.TTL <= longTTL {
				return finding{}, e.Login.Ok()
			}
			return finding{
				holds:  true,
				detail: fmt.Sprintf("a token that is not revoked is valid for %s", l.TTL),
				advice: Advice{Fix: changeRole(t, `token_ttl: "60s", token_max_ttl: "60s"`)},
			}, e.Login.Ok()
		},
	},
	{
		Code: RoleDrift, Component: ComponentRole, Title: "the canary's role was changed",
		Means: "A field of the canary's role is no longer as this process first read it: who may log in, the audience, the policies, the CIDRs, the type or the TTLs of its tokens. " +
			"The warning says which field, from what to what, and between which two readings.",
		Seen:   "The readable role against the baseline, which is the first reading; after 24 h a changed role becomes the new baseline.",
		Remedy: "Nothing if the change was intended. Otherwise the command of the warning writes the changed fields as they were; the audit log has who changed them.",
		judge:  judgeRoleDrift,
	},
	{
		Code: RoleBindingTooWide, Component: ComponentRole, Title: "the canary's role admits any name or any namespace",
		Means: "The canary's role has `*` among its service account names or namespaces, or a namespace selector without a condition. " +
			"Whoever may create a service account or pod there gets the role's policies; with both, every pod of the cluster does.",
		Seen:   "The readable role.",
		Remedy: "Name the service accounts and namespaces that use the role, at least the canary's.",
		judge:  judgeRoleBinding,
	},
	{
		Code: RoleWithoutAudience, Component: ComponentRole, Title: "the canary's role requires no audience",
		Means: "The canary's role has no `audience`, so a token of the service account for any audience logs in, also one that was meant for another service. " +
			"The plugin warns of it when the role is written, from 0.22.2 on; it had been announced that Vault 1.21 would require one.",
		Seen:     "The readable role.",
		Remedy:   "Give the canary's token an audience of its own, and write that into the role: `audience=vault`.",
		Reported: "hashicorp/vault-plugin-auth-kubernetes#301",
		judge:    judgeRoleAudience,
	},
	{
		Code: TokenNotRevoked, Component: ComponentRole, Title: "the canary's Vault token could not be revoked",
		Means:  "A token could not be revoked, and is valid until its TTL ends. Without the policy `default` a token may not revoke itself.",
		Seen:   "The answer to `revoke-self`.",
		Remedy: "Set `token_no_default_policy` of the role to false, or use batch tokens.",
		judge: func(t evidence.Target, e evidence.Evidence) (finding, bool) {
			if !e.Revoke.Failed() {
				return finding{}, e.Revoke.State != evidence.NotAsked
			}
			return finding{
				holds: true,
				detail: fmt.Sprintf("the token of the login could not be revoked and is valid for %s: %s",
					e.Login.Value.TTL, e.Revoke.Failure.Error()),
				advice: Advice{
					Notes: []string{"The policy default permits revoke-self. Batch tokens need no revocation."},
					Fix:   changeRole(t, "token_no_default_policy: false"),
				},
			}, true
		},
	},
	{
		Code: RolePolicyTooWide, Component: ComponentRole, Title: "the canary's policies permit more than it needs",
		Means: "The token that the canary's login returns may change Vault: policies, auth methods, mounts, tokens, identities, the config of its own mount, or it may seal Vault. " +
			"Whoever gets hold of the canary's service account can too.",
		Seen:   "`sys/capabilities-self` with the token of the login, on every tenth run, at paths that every Vault has. Reading the mount's config and the role does not count. The policy `default` permits the question.",
		Remedy: "Give the role the policy `default` and, if the canary [reads config and role](evidence.md), the policy for that.",
		judge:  judgePolicyTooWide,
	},
}

// longTTL is the longest TTL of the canary's service tokens that raises no warning.
const longTTL = 15 * time.Minute

// lookupEntity returns the command that reads the canary's entity. In spite of its name vault
// write only reads here.
func lookupEntity(t evidence.Target, e evidence.Evidence, flags ...string) string {
	accessor := `"$(vault read -field=accessor ` + shell.Quote("sys/auth/"+t.Vault.Mount) + `)"`
	return vault(append(append([]string{"write"}, flags...), "identity/lookup/entity",
		"alias_name="+shell.QuoteUntrusted(e.CanaryToken.Value.Alias(e.Mount.Role.Value), "alias"), "alias_mount_accessor="+accessor)...)
}

const disabledEntity = "disabled true"

// readRole returns a check that reads the canary's role.
func readRole(t evidence.Target, shows string) Check {
	return Check{vault("read", shell.Quote(rolePath(t))), shows}
}

// adviseRoleName returns the advice for a role that does not admit the name of a service account.
func adviseRoleName(t evidence.Target, name, placeholder, namespace string) Advice {
	return Advice{
		Check: []Check{readRole(t, "no "+shell.QuoteUntrusted(name, placeholder)+" in bound_service_account_names")},
		Fix:   addToRole(t, "bound_service_account_names", unquoted(name, placeholder)),
		Notes: []string{"Vault checks the name before the namespace: if the role does not admit " + shell.QuoteUntrusted(namespace, "namespace") + " either, role_namespace_mismatch follows."},
	}
}

// adviseRoleNamespace returns the advice for a role that does not admit a namespace.
func adviseRoleNamespace(t evidence.Target, namespace string) Advice {
	return Advice{
		Check: []Check{readRole(t, "no "+shell.QuoteUntrusted(namespace, "namespace")+" in bound_service_account_namespaces")},
		Fix:   addToRole(t, "bound_service_account_namespaces", unquoted(namespace, "namespace")),
		Notes: []string{"If the role has bound_service_account_namespace_selector, a label of the namespace is the other way."},
	}
}

// addToRole returns the command that adds a name to a list of the role. Vault replaces the list, so
// the command writes again what it reads: two of them for one role do not undo each other.
func addToRole(t evidence.Target, key, name string) []string {
	return changeRole(t, fmt.Sprintf(`%[1]s: (.%[1]s + ["%[2]s"] | unique)`, key, name))
}

const namespaceSelector = "bound_service_account_namespace_selector"

// changeRole returns the command that writes settings of the role, in the syntax of jq. Vault keeps
// what a write leaves out, except the namespace selector, which it deletes. Where the role cannot be read, nothing is written.
func changeRole(t evidence.Target, settings string) []string {
	path := shell.Quote(rolePath(t))
	if !strings.Contains(settings, namespaceSelector+":") {
		settings += ", " + namespaceSelector + ": (." + namespaceSelector + ` // "")`
	}
	return []string{vault("read", "-format=json", path,
		`| jq '.data | {`+settings+`}' |`, vault("write", path, "-"))}
}

// unquoted returns a name for a place that is in quotes already, or the placeholder.
func unquoted(name, placeholder string) string {
	return strings.Trim(shell.QuoteUntrusted(name, placeholder), "'")
}

// writeRole returns the command that writes a role that admits the canary's token.
func writeRole(t evidence.Target, e evidence.Evidence) string {
	c := e.CanaryToken.Value
	words := []string{
		"write", shell.Quote(rolePath(t)),
		"bound_service_account_names=" + shell.QuoteUntrusted(c.ServiceAccount, "canary"),
		"bound_service_account_namespaces=" + shell.QuoteUntrusted(c.Namespace, "namespace"),
	}
	if len(c.Audiences) > 0 {
		words = append(words, "audience="+shell.QuoteUntrusted(c.Audiences[0], "audience"))
	}
	return vault(append(words, "token_policies=default", "token_ttl=60s")...)
}
