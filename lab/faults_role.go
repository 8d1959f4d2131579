package lab

import (
	"context"
	"fmt"
)

func roleFaults() []Fault {
	fault := func(name, summary string, bare, full Verdict, changed fields) Fault {
		return Fault{Name: name, Summary: "the canary role " + summary, Bare: bare, Full: full, Inject: setRole(changed), Heal: healRole}
	}
	noLabel := namespaceSelector("lab/never", "set")
	return []Fault{
		fault("role_audience_mismatch", "requires an audience that the canary's token does not have",
			proven("role_audience_mismatch"), Verdict{}, fields{"audience": "somebody-else"}),
		fault("role_binding_too_wide", "allows every service account of the canary's namespace",
			Verdict{Reason: "none", Certainty: "proven"}, healthyWithWarning("role_binding_too_wide"), fields{"bound_service_account_names": "*"}),
		fault("role_cidr_mismatch", "is limited to addresses other than the exporter's",
			byElimination("unexplained"), proven("role_cidr_mismatch"), fields{"token_bound_cidrs": "10.0.0.0/8"}),
		fault("role_namespace_mismatch", "allows another namespace than the canary's",
			proven("role_namespace_mismatch"), Verdict{}, fields{"bound_service_account_namespaces": "elsewhere"}),
		needing(Installation.HasSelectors, fault("role_namespace_selector_failed", "selects namespaces by label, but the reviewer may not get namespaces",
			proven("role_namespace_selector_failed"), Verdict{}, namespaceSelector("kubernetes.io/metadata.name", canaryAccount.namespace))),
		fault("role_policy_invalid", "gives the root policy, which Vault allows no auth method to do",
			proven("role_policy_invalid"), Verdict{}, fields{"token_policies": "root"}),
		fault("role_service_account_mismatch", "allows another service account than the canary",
			proven("role_service_account_mismatch"), Verdict{}, fields{"bound_service_account_names": "somebody-else"}),
		{
			Name:    "role_policy_too_wide",
			Summary: "the canary role gives a policy that permits everything",
			Bare:    healthyWithWarning("role_policy_too_wide"),
			Inject:  sequence(writePolicy(widePolicy, `path "*" { capabilities = ["create", "read", "update", "delete", "list"] }`), setRole(fields{"token_policies": "default," + widePolicy})),
			Heal: sequence(healRole, func(ctx context.Context, l *Lab) error {
				return l.vault.delete(ctx, "sys/policies/acl/"+widePolicy)
			}),
		},
		needing(Installation.StoresTokens, fault("role_ttl_too_long", "gives tokens a TTL of an hour",
			healthyWithWarning("role_ttl_too_long"), Verdict{}, fields{"token_ttl": "1h"})),
		fault("role_without_audience", "requires no audience",
			Verdict{Reason: "none", Certainty: "proven"}, healthyWithWarning("role_without_audience"), fields{"audience": ""}),
		needing(Installation.StoresTokens, fault("token_not_revoked", "gives tokens without the default policy, which may not revoke themselves",
			healthyWithWarning("token_not_revoked"), Verdict{}, fields{"token_policies": "", "token_no_default_policy": true})),
		{
			Name:    "canary_entity_disabled",
			Summary: "the identity entity of the canary is disabled in Vault",
			Bare:    byElimination("vault_to_kubernetes_failed"), Full: proven("canary_entity_disabled"),
			Inject: func(ctx context.Context, l *Lab) error {
				if err := l.vault.logIn(ctx, l.canary); err != nil { // creates the entity
					return err
				}
				return l.disableEntities(ctx, true)
			},
			Heal: func(ctx context.Context, l *Lab) error { return l.disableEntities(ctx, false) },
		},
		{
			Name:    "role_mfa_required",
			Summary: "Vault requires a second factor for logins at the mount",
			Bare:    proven("role_mfa_required"),
			Inject:  func(ctx context.Context, l *Lab) error { return l.vault.requireMFA(ctx) },
			Heal: func(ctx context.Context, l *Lab) error {
				return l.vault.delete(ctx, "identity/mfa/login-enforcement/lab")
			},
		},
		{
			Name:    "role_missing",
			Summary: "the canary role is deleted",
			Bare:    proven("role_missing"),
			Inject:  func(ctx context.Context, l *Lab) error { return l.vault.delete(ctx, rolePath(canaryRole)) },
			Heal:    healRole,
		},
		{
			Name:    "role_namespace_mismatch_selector",
			Needs:   Installation.HasSelectors,
			Summary: "the canary role selects namespaces by a label that the canary's does not have",
			Bare:    proven("role_namespace_mismatch"),
			Inject:  sequence(bindRole(namespaceReaderBinding), setRole(noLabel)),
			Heal:    sequence(unbindRole(namespaceReaderBinding), healRole),
		},
	}
}

// widePolicy is the policy of the fault role_policy_too_wide.
const widePolicy = "lab-everything"

func writePolicy(name, policy string) change {
	return func(ctx context.Context, l *Lab) error {
		return l.vault.post(ctx, "sys/policies/acl/"+name, fields{"policy": policy}, nil)
	}
}

// namespaceSelector returns the fields of a role that selects namespaces by a label instead of by name.
func namespaceSelector(label, value string) fields {
	return fields{
		"bound_service_account_namespaces":         "",
		"bound_service_account_namespace_selector": fmt.Sprintf(`{"matchLabels":{%q:%q}}`, label, value),
	}
}

// setRole writes the canary role with the changed fields replaced.
func setRole(changed fields) change {
	return func(ctx context.Context, l *Lab) error { return l.vault.writeRole(ctx, changed) }
}

// healRole also revokes the tokens of logins made while the fault kept them from being revoked.
func healRole(ctx context.Context, l *Lab) error {
	if err := l.vault.writeRole(ctx, nil); err != nil {
		return err
	}
	return l.vault.post(ctx, "sys/leases/revoke-prefix/auth/"+mount+"/login", nil, nil)
}

// disableEntities disables or enables every identity entity in Vault. In a lab they all come from the canary's logins.
func (l *Lab) disableEntities(ctx context.Context, disabled bool) error {
	var found struct {
		Data struct {
			Keys []string `json:"keys"`
		} `json:"data"`
	}
	if err := l.vault.call(ctx, "LIST", "identity/entity/id", nil, &found); err != nil {
		return ignoreStatus(err, 404, "errors")
	}
	for _, id := range found.Data.Keys {
		if err := l.vault.post(ctx, "identity/entity/id/"+id, fields{"disabled": disabled}, nil); err != nil {
			return err
		}
	}
	return nil
}

// requireMFA requires a second factor for logins at the mount, of a method that no entity is enrolled in.
func (v *vault) requireMFA(ctx context.Context) error {
	var method struct {
		Data struct {
			ID string `json:"method_id"`
		} `json:"data"`
	}
	if err := v.post(ctx, "identity/mfa/method/totp", fields{"issuer": "lab"}, &method); err != nil {
		return err
	}
	var mounted struct {
		Data struct {
			Accessor string `json:"accessor"`
		} `json:"data"`
	}
	if err := v.get(ctx, "sys/auth/"+mount, &mounted); err != nil {
		return err
	}
	return v.post(ctx, "identity/mfa/login-enforcement/lab", fields{
		"mfa_method_ids":        []string{method.Data.ID},
		"auth_method_accessors": []string{mounted.Data.Accessor},
	}, nil)
}
