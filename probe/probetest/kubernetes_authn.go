package probetest

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

// leeway is the clock difference that the API server and Vault tolerate when they check a
// token's times.
const leeway = 60 * time.Second

// subject is the user that a token authenticates, with those of the requested audiences
// that the token has.
type subject struct {
	username, uid string
	audiences     []string
}

// claims are the claims of a token, in the format of the TokenRequest API and in that of
// legacy Secrets.
type claims struct {
	jwt.Claims
	Kubernetes struct {
		Namespace      string    `json:"namespace"`
		ServiceAccount objectRef `json:"serviceaccount"`
		Pod            objectRef `json:"pod"`
		Secret         objectRef `json:"secret"`
	} `json:"kubernetes.io"`
	LegacyNamespace string `json:"kubernetes.io/serviceaccount/namespace"`
	LegacySecret    string `json:"kubernetes.io/serviceaccount/secret.name"`
	LegacyName      string `json:"kubernetes.io/serviceaccount/service-account.name"`
	LegacyUID       string `json:"kubernetes.io/serviceaccount/service-account.uid"`
}

// objectRef is a claim that names an object that the token is bound to.
type objectRef struct {
	Name string `json:"name"`
	UID  string `json:"uid"`
}

// notMine is the error of every authenticator that does not know a token.
const notMine = "invalid bearer token"

// authenticate makes the checks of Kubernetes' authenticators in their order, with their
// exact error texts. No audiences means the API server's own.
func (k *Kubernetes) authenticate(token string, audiences []string) (subject, error) {
	audiences = orDefault(audiences)
	if username, known := k.Static[token]; known {
		return subject{username: username, audiences: audiences}, nil
	}
	parsed, err := jwt.ParseSigned(token, []jose.SignatureAlgorithm{jose.RS256})
	if err != nil {
		return subject{}, errors.New(notMine)
	}
	var c claims
	if err := parsed.UnsafeClaimsWithoutVerification(&c); err != nil {
		return subject{}, errors.New(notMine)
	}
	if k.Users != nil && c.Issuer == k.Users.Issuer {
		return k.Users.authenticate(parsed, c, audiences)
	}
	if c.Issuer != APIServerAudience && c.Issuer != legacyIssuer {
		return subject{}, errors.New(notMine)
	}
	s, err := k.validate(token, parsed, c, audiences)
	if err != nil {
		return subject{}, fmt.Errorf("[%s, %w]", notMine, err)
	}
	return s, nil
}

func orDefault(audiences []string) []string {
	if len(audiences) == 0 {
		return []string{APIServerAudience}
	}
	return audiences
}

func (k *Kubernetes) validate(token string, parsed *jwt.JSONWebToken, c claims, audiences []string) (subject, error) {
	key, known := k.keyOf(parsed.Headers[0].KeyID)
	switch {
	case !known && k.TriesAllKeys:
		return subject{}, errors.New("square/go-jose: error in cryptographic primitive")
	case !known:
		return subject{}, errors.New("invalid signature, no keys found")
	}
	if err := parsed.Claims(key.private.Public(), &struct{}{}); err != nil {
		return subject{}, err
	}
	of := orDefault(c.Audience)
	common := slices.DeleteFunc(slices.Clone(audiences), func(a string) bool { return !slices.Contains(of, a) })
	if len(common) == 0 {
		return subject{}, fmt.Errorf("token audiences %q is invalid for the target audiences %q", of, audiences)
	}
	s := subject{username: c.Subject, uid: c.LegacyUID, audiences: common}
	if c.Issuer == legacyIssuer {
		return s, k.validateLegacy(token, c)
	}
	s.uid = c.Kubernetes.ServiceAccount.UID
	return s, k.validateBound(c)
}

// keyOf returns the key of this ID; without an ID, the cluster's own.
func (k *Kubernetes) keyOf(id string) (*Key, bool) {
	for _, key := range append([]*Key{clusterKey()}, k.OlderKeys...) {
		if id == "" || id == key.id {
			return key, true
		}
	}
	return nil, false
}

// validateBound checks a token of the TokenRequest API: its times, and whether the objects
// that it is bound to exist.
func (k *Kubernetes) validateBound(c claims) error {
	if err := c.ValidateWithLeeway(jwt.Expected{Time: time.Now()}, leeway); err != nil {
		return timeError(err)
	}
	bound := c.Kubernetes
	if uid, exists := k.Accounts[bound.Namespace+"/"+bound.ServiceAccount.Name]; !exists {
		return fmt.Errorf("serviceaccounts %q not found", bound.ServiceAccount.Name)
	} else if uid != bound.ServiceAccount.UID {
		return fmt.Errorf("service account UID (%s) does not match claim (%s)", uid, bound.ServiceAccount.UID)
	}
	for _, ref := range []struct {
		kind    string
		to      objectRef
		objects map[string]string
	}{{"secret", bound.Secret, k.Secrets}, {"pod", bound.Pod, k.Pods}} {
		if ref.to.Name == "" {
			continue
		}
		if uid, exists := ref.objects[bound.Namespace+"/"+ref.to.Name]; !exists {
			return errors.New("service account token has been invalidated")
		} else if uid != ref.to.UID {
			return fmt.Errorf("%s UID (%s) does not match service account %s ref claim (%s)", ref.kind, uid, ref.kind, ref.to.UID)
		}
	}
	return nil
}

func timeError(err error) error {
	switch {
	case errors.Is(err, jwt.ErrExpired):
		return errors.New("service account token has expired")
	case errors.Is(err, jwt.ErrNotValidYet):
		return errors.New("service account token is not valid yet")
	}
	return errors.New("service account token is issued in the future")
}

// validateLegacy compares a legacy token with the Secret that contains it.
func (k *Kubernetes) validateLegacy(token string, c claims) error {
	stored, exists := k.Secrets[c.LegacyNamespace+"/"+c.LegacySecret]
	switch {
	case !exists:
		return errors.New("Token has been invalidated")
	case stored != token:
		return errors.New("Token does not match server's copy")
	case k.Unused[c.LegacyNamespace+"/"+c.LegacySecret]:
		return fmt.Errorf("the token in secret %[1]s/%[2]s for service account %[1]s/%[3]s has been marked invalid. Use tokens from the TokenRequest API or manually created "+
			"secret-based tokens, or remove the 'kubernetes.io/legacy-token-invalid-since' label from the secret to temporarily allow use of this token",
			c.LegacyNamespace, c.LegacySecret, c.LegacyName)
	}
	switch uid, exists := k.Accounts[c.LegacyNamespace+"/"+c.LegacyName]; {
	case !exists:
		return fmt.Errorf("serviceaccounts %q not found", c.LegacyName)
	case uid != c.LegacyUID:
		return fmt.Errorf("ServiceAccount UID (%s) does not match claim (%s)", uid, c.LegacyUID)
	}
	return nil
}
