package lab

import (
	"context"
	"time"
)

// The tokens that are wrong in the same way whosever they are.
var (
	expired = claiming(func() fields {
		yesterday := time.Now().AddDate(0, 0, -1)
		return valid(yesterday.AddDate(0, 0, -1), yesterday)
	})
	notYetValid = claiming(func() fields {
		tomorrow := time.Now().AddDate(0, 0, 1)
		return valid(tomorrow, tomorrow.AddDate(0, 0, 1))
	})
	expiring = claiming(func() fields {
		return valid(time.Now().Add(-99*time.Hour), time.Now().Add(time.Hour))
	})
	ofAnotherCluster = foreign(fields{"iss": "https://kubernetes.elsewhere.example"})
	ofAnotherKey     = foreign(nil)

	ofGonePod          = outlived(bound("Pod"), deleteBound("Pod"))
	ofGoneSecret       = outlived(bound("Secret"), deleteBound("Secret"))
	ofGoneLegacySecret = outlived(legacy, deleteBound("Secret"))
	ofGoneAccount      = outlived(healthy, deleteAccount)
	ofFormerAccount    = outlived(healthy, recreateAccount)
)

// reviewer hands a token of the reviewer's account to the exporter and to Vault.
func reviewer(token mint) change {
	return func(ctx context.Context, l *Lab) error {
		bad, err := token(ctx, l.cluster, reviewerAccount)
		if err != nil {
			return err
		}
		return l.useReviewer(ctx, bad)
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
func canary(token mint) change {
	return func(ctx context.Context, l *Lab) error {
		bad, err := token(ctx, l.cluster, canaryAccount)
		if err != nil {
			return err
		}
		return l.write(canaryFile, bad)
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
		if err := c.remove(ctx, a.boundPath(kind)); err != nil {
			return "", err
		}
	}
	if err := c.create(ctx, a); err != nil {
		return "", err
	}
	return healthy(ctx, c, a)
}
