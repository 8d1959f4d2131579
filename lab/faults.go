package lab

import "context"

// A Fault is one thing that can be broken in a lab.
type Fault struct {
	Name    string
	Summary string // what is done, as a sentence without its end
	Reason  string // what the exporter must then give as the reason

	// Inject breaks it. Heal makes it whole again, also when Inject got only half way or was never called.
	Inject, Heal func(context.Context, *Lab) error
}

// Faults is the table of all faults, by name.
func Faults() []Fault {
	return []Fault{
		{
			Name:    "canary_token_missing",
			Summary: "the file of the canary's token is removed",
			Reason:  "canary_token_missing",
			Inject:  func(_ context.Context, l *Lab) error { return removeFile(l.path(canaryFile)) },
			Heal:    func(_ context.Context, l *Lab) error { return l.write(canaryFile, l.canary) },
		},
		{
			Name:    "kubernetes_unreachable",
			Summary: "the API server's address refuses connections, of the exporter and of Vault",
			Reason:  "kubernetes_unreachable",
			Inject:  func(_ context.Context, l *Lab) error { return l.toKubernetes.refuse() },
			Heal:    func(_ context.Context, l *Lab) error { return l.toKubernetes.forward() },
		},
		{
			Name:    "mount_missing",
			Summary: "the auth mount is disabled",
			Reason:  "mount_missing",
			Inject:  func(ctx context.Context, l *Lab) error { return l.vault.disable(ctx) },
			Heal:    func(ctx context.Context, l *Lab) error { return l.mountAuth(ctx) },
		},
		{
			Name:    "reviewer_expired",
			Summary: "the reviewer's token, in the file and in Vault, expired yesterday",
			Reason:  "reviewer_expired",
			Inject:  reviewWith((*cluster).expiredReviewerToken),
			Heal:    healReviewer,
		},
		{
			Name:    "reviewer_forbidden",
			Summary: "the reviewer's ClusterRoleBinding to system:auth-delegator is deleted",
			Reason:  "reviewer_forbidden",
			Inject:  func(ctx context.Context, l *Lab) error { return l.cluster.unbindReviewer(ctx) },
			Heal:    func(ctx context.Context, l *Lab) error { return l.cluster.bindReviewer(ctx) },
		},
		{
			Name:    "reviewer_revoked",
			Summary: "the reviewer's token, in the file and in Vault, is bound to a pod that was deleted",
			Reason:  "reviewer_revoked",
			Inject:  reviewWith((*cluster).revokedReviewerToken),
			Heal:    healReviewer,
		},
		{
			Name:    "role_audience_mismatch",
			Summary: "the canary role asks for an audience that the canary's token does not have",
			Reason:  "role_audience_mismatch",
			Inject: func(ctx context.Context, l *Lab) error {
				return l.writeRole(ctx, fields{"audience": "somebody-else"})
			},
			Heal: func(ctx context.Context, l *Lab) error { return l.writeRole(ctx, nil) },
		},
		{
			Name:    "role_missing",
			Summary: "the canary role is deleted",
			Reason:  "role_missing",
			Inject: func(ctx context.Context, l *Lab) error {
				return l.vault.delete(ctx, "auth/"+mount+"/role/"+canaryRole)
			},
			Heal: func(ctx context.Context, l *Lab) error { return l.writeRole(ctx, nil) },
		},
		{
			Name:    "vault_sealed",
			Summary: "Vault is sealed",
			Reason:  "vault_sealed",
			Inject:  func(ctx context.Context, l *Lab) error { return l.vault.seal(ctx) },
			Heal:    func(ctx context.Context, l *Lab) error { return l.vault.unseal(ctx) },
		},
		{
			Name:    "vault_to_kubernetes_failed",
			Summary: "the reviewer's token in Vault expired yesterday, the one in the file is good",
			Reason:  "vault_to_kubernetes_failed",
			Inject: func(ctx context.Context, l *Lab) error {
				token, err := l.cluster.expiredReviewerToken(ctx)
				if err != nil {
					return err
				}
				return l.configure(ctx, fields{"token_reviewer_jwt": token})
			},
			Heal: healReviewer,
		},
		{
			Name:    "vault_unreachable",
			Summary: "Vault's address refuses connections",
			Reason:  "vault_unreachable",
			Inject:  func(_ context.Context, l *Lab) error { return l.toVault.refuse() },
			Heal:    func(_ context.Context, l *Lab) error { return l.toVault.forward() },
		},
	}
}

// reviewWith hands a bad reviewer token to the exporter and to Vault.
func reviewWith(token func(*cluster, context.Context) (string, error)) func(context.Context, *Lab) error {
	return func(ctx context.Context, l *Lab) error {
		bad, err := token(l.cluster, ctx)
		if err != nil {
			return err
		}
		return l.useReviewer(ctx, bad)
	}
}

func healReviewer(ctx context.Context, l *Lab) error { return l.useReviewer(ctx, l.reviewer) }
