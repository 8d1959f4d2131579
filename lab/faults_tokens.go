package lab

import (
	"context"
	"time"
)

// The tokens that are wrong in the same way whosever they are.
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
	deletedAccountToken      = revokedToken(healthyToken, deleteAccount)
	recreatedAccountToken    = revokedToken(healthyToken, recreateAccount)
)

// reviewer hands a token of the reviewer's account to the exporter and to Vault.
func setReviewerToken(token tokenFunc) change {
	return func(ctx context.Context, l *Lab) error {
		malformed, err := token(ctx, l.cluster, reviewerAccount)
		if err != nil {
			return err
		}
		return l.useReviewer(ctx, malformed)
	}
}

// healReviewer also makes the account anew, and what its tokens were bound to goes.
func healReviewer(ctx context.Context, l *Lab) error {
	token, err := l.cluster.restore(ctx, reviewerAccount)
	if err != nil {
		return err
	}
	l.reviewer = token
	return l.useReviewer(ctx, token)
}

// canary hands a token of the canary's account to the exporter.
func setCanaryToken(token tokenFunc) change {
	return func(ctx context.Context, l *Lab) error {
		malformed, err := token(ctx, l.cluster, canaryAccount)
		if err != nil {
			return err
		}
		return l.write(canaryFile, malformed)
	}
}

func healCanary(ctx context.Context, l *Lab) (err error) {
	if l.canary, err = l.cluster.restore(ctx, canaryAccount); err != nil {
		return err
	}
	return l.write(canaryFile, l.canary)
}

// restore makes an account whole, and returns a new healthy token: one that died with the account would go on being taken for
// the ten seconds that the API server remembers it.
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
