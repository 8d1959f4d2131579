package gather

import (
	"context"
	"sync"
	"time"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
)

// tokens are functions that obtain a token on their first call. Requests that need no
// minted token are thus not delayed by an API server that is slow to mint it.
type tokens struct{ canary, reviewer func() }

func (r *run) tokens(ctx context.Context) tokens {
	e := r.evidence
	canary := sync.OnceFunc(func() {
		r.guard(func() {
			origin := r.target.Canary
			r.canary, e.CanaryToken = obtainToken(ctx, tokenSource{r, &r.minted.canary}, origin, onlyJWT(origin))
		})
	})
	reviewer := sync.OnceFunc(func() {
		r.guard(func() {
			origin := r.target.Reviewer
			switch source := origin.Source.Spec(); {
			case source.SelfReview:
				canary()
				r.reviewer, e.ReviewerToken = r.canary, e.CanaryToken
			case !source.AccessReview:
				r.reviewer, e.ReviewerToken = obtainToken(ctx, tokenSource{r, &r.minted.reviewer}, origin, nil)
			}
		})
	})
	return tokens{canary, reviewer}
}

// obtainToken obtains a token from its source. If check returns an error, the token is
// not used.
func obtainToken(ctx context.Context, from tokenSource, origin evidence.Origin, check func(evidence.Token) error) (evidence.Secret, evidence.Fact[evidence.Claims]) {
	var token evidence.Token
	claims := observe(func() (claims evidence.Claims, err error) {
		token, err = origin.Source.Spec().Obtain(ctx, from, origin)
		from.run.redactor.Hold(token.Reveal())
		if err == nil && check != nil {
			err = check(token)
		}
		return token.Claims, err
	})
	if !claims.Ok() {
		return evidence.Secret{}, claims
	}
	return token.Secret, claims
}

// onlyJWT returns a check that rejects tokens other than JWTs, which cannot belong to a
// service account.
func onlyJWT(origin evidence.Origin) func(evidence.Token) error {
	return func(t evidence.Token) error {
		if !t.Claims.Opaque {
			return nil
		}
		return evidence.Failure{Class: evidence.ClassMalformed, Text: "the token in " + origin.Source.Spec().Value(origin) + " is not a JWT"}
	}
}

// loadOwn reads the exporter's own token for the API server, if it has one.
func (r *run) loadOwn() {
	if r.target.Kubernetes.TokenFile == "" {
		return
	}
	r.evidence.OwnToken = observe(func() (evidence.Claims, error) {
		token, err := r.gatherer.files.loadToken(r.target.Kubernetes.TokenFile)
		r.own = token.Secret
		r.redactor.Hold(token.Reveal())
		return token.Claims, err
	})
}

// tokenSource implements evidence.Tokens for this run.
type tokenSource struct {
	run    *run
	minted *minted // the last token minted for the canary or the reviewer
}

func (s tokenSource) FromFile(path string) (evidence.Token, error) {
	return s.run.gatherer.files.loadToken(path)
}

func (s tokenSource) FromSecret(ctx context.Context, key evidence.SecretKey) (evidence.Token, error) {
	return s.run.tokenFromSecret(ctx, key)
}

func (s tokenSource) Canary() (evidence.Token, error) {
	if e := s.run.evidence.CanaryToken; !e.Ok() {
		return evidence.Token{}, e.Failure
	}
	return evidence.Token{Secret: s.run.canary, Claims: s.run.evidence.CanaryToken.Value}, nil
}

// Mint mints a token with the exporter's own identity, unless the last one is still
// usable.
func (s tokenSource) Mint(ctx context.Context, account evidence.ServiceAccount, audiences []string) (evidence.Token, error) {
	if s.minted.usable(time.Now()) {
		return s.minted.Token, nil
	}
	*s.minted = minted{}
	own, err := s.run.asOwn()
	if err != nil {
		return evidence.Token{}, err
	}
	token, err := own.mint(ctx, account, audiences)
	if err != nil {
		return evidence.Token{}, err
	}
	*s.minted = minted{token}
	return token, nil
}

// asOwn returns a client of the API server with the exporter's own identity.
func (r *run) asOwn() (caller, error) {
	switch {
	case r.kubernetesFailure != nil:
		return caller{}, r.kubernetesFailure
	case r.evidence.OwnToken.Failure.IsExporters():
		return caller{}, r.evidence.OwnToken.Failure
	case r.own.IsZero():
		return caller{}, evidence.Failure{Class: evidence.ClassForbidden, Text: "the exporter has no token of its own for the API server: EXPORTER_KUBERNETES_TOKEN_FILE"}
	}
	return r.kubernetes.as(r.own)
}
