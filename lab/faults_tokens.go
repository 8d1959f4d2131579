package lab

import (
	"context"
	"time"
)

// Token faults that the reviewer and the canary can both have.
var (
	expiredToken = forgedToken(func() fields {
		yesterday := time.Now().AddDate(0, 0, -1)
		return validity(yesterday.AddDate(0, 0, -1), yesterday)
	})
	notYetValidToken = forgedToken(func() fields {
		tomorrow := time.Now().AddDate(0, 0, 1)
		return validity(tomorrow, tomorrow.AddDate(0, 0, 1))
	})
	expiringToken = forgedToken(func() fields {
		return validity(time.Now().Add(-99*time.Hour), time.Now().Add(time.Hour))
	})
	otherClusterToken = foreignToken(fields{"iss": "https://kubernetes.elsewhere.example"})
	otherKeyToken     = foreignToken(nil)

	deletedPodToken          = revokedToken(boundToken("Pod"), deleteBoundObject("Pod"))
	deletedSecretToken       = revokedToken(boundToken("Secret"), deleteBoundObject("Secret"))
	deletedLegacySecretToken = revokedToken(legacyToken, deleteBoundObject("Secret"))
	unusedLegacySecretToken  = revokedToken(labelledLegacyToken(unused), revokeNothing)
	deletedAccountToken      = revokedToken(healthyToken, deleteAccount)
	recreatedAccountToken    = revokedToken(healthyToken, recreateAccount)
)

// olderKeyToken is signed by the key before the last rotation, when that was the one in use.
func olderKeyToken(ctx context.Context, c *cluster, a account) (string, error) {
	return c.forge(ctx, a, c.olderSigner, validity(time.Now().AddDate(0, -1, 0), time.Now().AddDate(1, 0, 0)))
}

// unused is the label of a Secret whose token nobody used for a year.
var unused = fields{"kubernetes.io/legacy-token-invalid-since": "2026-01-02"}

func revokeNothing(context.Context, *cluster, account) error { return nil }

// setReviewerToken gives a token of the reviewer's account to the exporter and to Vault.
func setReviewerToken(newToken tokenFunc) change {
	return func(ctx context.Context, l *Lab) error {
		token, err := newToken(ctx, l.cluster, reviewerAccount)
		if err != nil {
			return err
		}
		return l.UseReviewer(ctx, token)
	}
}

// healReviewer also recreates the account, and deletes the objects that its tokens were bound to.
func healReviewer(ctx context.Context, l *Lab) error {
	token, err := l.cluster.restore(ctx, reviewerAccount)
	if err != nil {
		return err
	}
	l.reviewer = token
	return l.UseReviewer(ctx, token)
}

// setCanaryToken gives the exporter a token of the canary's account.
func setCanaryToken(newToken tokenFunc) change {
	return func(ctx context.Context, l *Lab) error {
		token, err := newToken(ctx, l.cluster, canaryAccount)
		if err != nil {
			return err
		}
		return l.write(canaryFile, token)
	}
}

func healCanary(ctx context.Context, l *Lab) (err error) {
	if l.canary, err = l.cluster.restore(ctx, canaryAccount); err != nil {
		return err
	}
	return l.write(canaryFile, l.canary)
}

// restore recreates the account if it is gone and returns a new healthy token. The old token may have been revoked with
// the account, although the API server still accepts it from its cache for up to 10 s.
func (c *cluster) restore(ctx context.Context, a account) (string, error) {
	for _, kind := range []string{"Pod", "Secret"} {
		if err := c.remove(ctx, a.boundObjectPath(kind)); err != nil {
			return "", err
		}
	}
	if err := c.create(ctx, a); err != nil {
		return "", err
	}
	return healthyToken(ctx, c, a)
}
