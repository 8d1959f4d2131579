package gather

import (
	"context"
	"sync"
	"time"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
)

// tokens obtains each token once, whoever needs it first, so that an API server
// that is slow to mint one delays nothing that goes without.
type tokens struct{ canary, reviewer func() }

func (r *run) tokens(ctx context.Context) tokens {
	e := &r.evidence
	canary := sync.OnceFunc(func() {
		r.guard(func() { e.CanaryToken = observe(func() (evidence.Claims, error) { return r.obtainCanary(ctx) }) })
	})
	reviewer := sync.OnceFunc(func() {
		r.guard(func() {
			if r.target.Reviewer.Source == evidence.SourceCanary {
				canary()
				r.reviewer, e.ReviewerToken = r.canary, e.CanaryToken
				return
			}
			if r.target.Reviewer.Source != evidence.SourceAccessReview {
				e.ReviewerToken = observe(func() (evidence.Claims, error) { return r.obtainReviewer(ctx) })
			}
		})
	})
	return tokens{canary, reviewer}
}

// loadOwn reads the exporter's own token, where it has one.
func (r *run) loadOwn() {
	if r.target.Kubernetes.TokenFile == "" {
		return
	}
	r.evidence.OwnToken = observe(func() (claims evidence.Claims, err error) {
		r.own, claims, err = loadToken(r.target.Kubernetes.TokenFile)
		return claims, err
	})
}

// obtainCanary demands a JWT: nothing else can belong to a service account.
func (r *run) obtainCanary(ctx context.Context) (evidence.Claims, error) {
	c := r.target.Canary
	if c.Source == evidence.SourceServiceAccount {
		m, err := r.mint(ctx, r.minted.canary, c.ServiceAccount, c.Audiences)
		r.canary, r.minted.canary = m.token, m
		return m.claims, err
	}
	token, claims, err := loadToken(c.TokenFile)
	if err == nil && claims.Opaque {
		err = evidence.Failure{Class: evidence.ClassMalformed, Text: "the token in " + c.TokenFile + " is not a JWT"}
	}
	if err != nil {
		return evidence.Claims{}, err
	}
	r.canary = token
	return claims, nil
}

func (r *run) obtainReviewer(ctx context.Context) (claims evidence.Claims, err error) {
	if r.target.Reviewer.Source == evidence.SourceServiceAccount {
		m, err := r.mint(ctx, r.minted.reviewer, r.target.Reviewer.ServiceAccount, nil)
		r.reviewer, r.minted.reviewer = m.token, m
		return m.claims, err
	}
	if r.target.Reviewer.Source == evidence.SourceSecret {
		r.reviewer, claims, err = r.secretReviewer(ctx)
		return claims, err
	}
	r.reviewer, claims, err = loadToken(r.target.Reviewer.TokenFile)
	return claims, err
}

// mint has the exporter's own identity mint a token, unless the last one is still
// good.
func (r *run) mint(ctx context.Context, last minted, account evidence.ServiceAccount, audiences []string) (minted, error) {
	if last.usable(time.Now()) {
		return last, nil
	}
	own, err := r.asOwn()
	if err != nil {
		return minted{}, err
	}
	token, err := own.mint(ctx, account, audiences)
	if err != nil {
		return minted{}, err
	}
	return minted{token, decodeClaims(token.Reveal())}, nil
}

// asOwn returns the API server for the exporter's own identity.
func (r *run) asOwn() (caller, error) {
	switch {
	case r.kubernetesFailure != nil:
		return caller{}, r.kubernetesFailure
	case r.own.IsZero():
		return caller{}, evidence.Failure{Class: evidence.ClassForbidden, Text: "the exporter has no token of its own for the API server: EXPORTER_KUBERNETES_TOKEN_FILE"}
	}
	return r.kubernetes.as(r.own)
}
