package lab

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"time"
)

// An Ending is something that will end logins, or does so at once.
type Ending struct {
	Name string
	// Announced is the warning that says so while logins still work; empty if nothing can.
	Announced string
	// Reason is that of the verdict when logins fail.
	Reason string

	// Begin is what happens first, and what may be announced. If End is nil it is all that happens.
	Begin change
	// End is the last step, which somebody makes later. Logins work until then.
	End change
}

// EndingValidity is the validity of what expires while a test waits. When an Ending begins, endingLeft of it is left, and
// the warning follows when a tenth is.
const (
	EndingValidity = 400 * time.Second
	endingLeft     = EndingValidity * 3 / 20
)

// Endings are measured for docs/lead-times.md: how long before logins fail it is said.
func Endings() []Ending {
	return []Ending{
		{
			Name: "reviewer_expiring", Announced: "reviewer_token_expiring", Reason: "reviewer_expired",
			Begin: setReviewerToken(forgedToken(func() fields {
				end := time.Now().Add(endingLeft)
				return validity(end.Add(-EndingValidity), end)
			})),
		},
		{
			Name: "reviewer_bound_to_pod", Announced: "reviewer_token_bound_to_pod", Reason: "reviewer_revoked",
			Begin: setReviewerToken(boundToken("Pod")),
			End: func(ctx context.Context, l *Lab) error {
				return deleteBoundObject("Pod")(ctx, l.cluster, reviewerAccount)
			},
		},
		{
			Name: "ca_rotated", Announced: "mount_ca_mismatch", Reason: "vault_to_kubernetes_tls",
			Begin: keepConnectionWithOtherCA,
			End: func(_ context.Context, l *Lab) error {
				l.closeVaultsConnections()
				return nil
			},
		},
		{
			Name: "certificate_expiring", Announced: "certificate_expiring", Reason: "vault_tls_expired",
			Begin: setVaultCertificate(issuedBy(vaultCA, func(c *x509.Certificate) {
				c.NotAfter = time.Now().Add(endingLeft)
				c.NotBefore = c.NotAfter.Add(-EndingValidity)
			})),
		},
		{
			Name: "mount_changed", Reason: "mount_issuer_mismatch",
			Begin: setConfig(func(*Lab) fields {
				return fields{"issuer": "https://kubernetes.elsewhere.example", "disable_iss_validation": false}
			}),
		},
		{
			Name: "signing_key_rotated", Announced: "token_signing_key_rotated", Reason: "reviewer_wrong_cluster",
			Begin: setReviewerToken(olderKeyToken),
			End:   func(ctx context.Context, l *Lab) error { return l.cluster.dropOlderKey(ctx) },
		},
		{
			Name: "legacy_secret_unused", Reason: "reviewer_revoked",
			Begin: setReviewerToken(legacyToken),
			End:   markReviewerUnused,
		},
	}
}

// markReviewerUnused labels the Secret of the reviewer's token as the controller manager does after a year without use.
func markReviewerUnused(ctx context.Context, l *Lab) error {
	path := reviewerAccount.path("secrets") + "/" + reviewerAccount.boundObjectName()
	var secret fields
	if err := l.cluster.get(ctx, path, &secret); err != nil {
		return err
	}
	metadata, _ := secret["metadata"].(map[string]any)
	metadata["labels"] = unused
	return l.cluster.call(ctx, http.MethodPut, path, secret, nil)
}

// LogInAnew logs in as the canary does, on a connection of its own, on which it verifies Vault.
func (l *Lab) LogInAnew(ctx context.Context) error {
	pod := *l.vault
	pod.client = newClient(l.vault.base, &tls.Config{RootCAs: l.vault.ca.pool()})
	pod.client.header = l.vault.header // revoking the token needs the lab's own
	defer pod.client.close()
	return pod.logIn(ctx, l.canary)
}
