package gather

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"
	"unicode"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
)

// maxToken limits the size of a token file, in bytes. The largest tokens seen are below
// 4 KiB.
const maxToken = 64 << 10

// loadToken reads a token file and decodes the token's claims. Whitespace around the token
// is trimmed. Content that cannot be a token is a Failure of class missing or malformed,
// and is never sent.
func (known *parsedFiles) loadToken(path string) (evidence.Token, error) {
	content, err := known.read(path, maxToken)
	if err != nil {
		return evidence.Token{}, fileFailure(evidence.ClassMissing, err)
	}
	claims, err := known.claims.of(path, func() (evidence.Claims, error) {
		token, err := parseToken(content, path)
		return token.Claims, err
	}, content)
	if err != nil {
		return evidence.Token{}, err
	}
	return evidence.Token{Secret: evidence.NewSecret(string(bytes.TrimSpace(content))), Claims: claims}, nil
}

// fileFailure returns the failure of a file that could not be read or used. It has this
// class, unless the host was out of resources. Its text is not cleaned: it contains the
// configured path, which may be long enough to look like a credential, but nothing of the
// content.
func fileFailure(class evidence.Class, err error) evidence.Failure {
	if outOfResources(err) {
		class = evidence.ClassResources
	}
	return evidence.Failure{Class: class, Text: err.Error()}
}

// parseToken returns the token in the content of a file or Secret, which name identifies in
// errors.
func parseToken(content []byte, name string) (evidence.Token, error) {
	missing := func(why string) (evidence.Token, error) {
		return evidence.Token{}, evidence.Failure{Class: evidence.ClassMissing, Text: "reading " + name + ": " + why}
	}
	token := string(bytes.TrimSpace(content))
	switch {
	case len(content) > maxToken:
		return missing(fmt.Sprintf("over %d bytes, too long for a token", maxToken))
	case len(content) == 0:
		return missing("it is empty")
	case token == "":
		return missing("it is blank")
	}
	if why := defectIn(token); why != "" {
		return evidence.Token{}, evidence.Failure{Class: evidence.ClassMalformed, Text: fmt.Sprintf("the token in %s %s", name, why)}
	}
	return evidence.Token{Secret: evidence.NewSecret(token), Claims: decodeClaims(token)}, nil
}

// defectIn returns what is wrong with a token that no server can accept, because it cannot be
// sent in a header or was copied incorrectly in a known way; empty if nothing is.
func defectIn(token string) string {
	if strings.ContainsFunc(token, unicode.IsSpace) {
		return "contains a space or line break"
	}
	if strings.ContainsFunc(token, unicode.IsControl) {
		return "contains a control character"
	}
	if strings.ContainsFunc(token, func(c rune) bool { return c > unicode.MaxASCII }) { // invalid UTF-8 too
		return "contains a character that is not ASCII"
	}
	if strings.Trim(token, `"'`) != token {
		return "is in quotes"
	}
	if decoded, err := base64.StdEncoding.DecodeString(token); err == nil && isJWT(string(decoded)) {
		return "is the base64 encoding of a JWT, not the JWT"
	}
	return ""
}

func isJWT(token string) bool {
	_, err := parseJWT(strings.TrimSpace(token))
	return err == nil
}

var errNotSigned = errors.New("no signature")

// parseJWT parses a JWT without verifying it, which the API server does.
func parseJWT(token string) (*jwt.JSONWebToken, error) {
	parsed, err := jwt.ParseSigned(token, signatureAlgorithms)
	if err != nil {
		return nil, err
	}
	if len(parsed.Headers) != 1 {
		return nil, errNotSigned
	}
	return parsed, nil
}

// signatureAlgorithms are all algorithms: claims are only displayed and compared, so it
// does not matter how they are signed.
var signatureAlgorithms = []jose.SignatureAlgorithm{
	jose.RS256, jose.RS384, jose.RS512, jose.ES256, jose.ES384, jose.ES512,
	jose.PS256, jose.PS384, jose.PS512, jose.EdDSA, jose.HS256, jose.HS384, jose.HS512,
}

// boundObject is a claim that names an object that the token is bound to.
type boundObject struct {
	Name string `json:"name"`
	UID  string `json:"uid"`
}

// serviceAccountClaims are the private claims of a service account token, in the format of
// the TokenRequest API and in that of legacy Secrets.
type serviceAccountClaims struct {
	Bound struct {
		Namespace      string           `json:"namespace"`
		ServiceAccount boundObject      `json:"serviceaccount"`
		Pod            boundObject      `json:"pod"`
		Secret         boundObject      `json:"secret"`
		Node           boundObject      `json:"node"`
		WarnAfter      *jwt.NumericDate `json:"warnafter"`
	} `json:"kubernetes.io"`
	LegacyNamespace string `json:"kubernetes.io/serviceaccount/namespace"`
	LegacyName      string `json:"kubernetes.io/serviceaccount/service-account.name"`
	LegacyUID       string `json:"kubernetes.io/serviceaccount/service-account.uid"`
	LegacySecret    string `json:"kubernetes.io/serviceaccount/secret.name"`
}

// decodeClaims decodes a token's claims. A token that is not a readable JWT is opaque, which
// is valid for a reviewer (since plugin 0.17.1) but never for a canary.
func decodeClaims(token string) evidence.Claims {
	parsed, err := parseJWT(token)
	if err != nil {
		return evidence.Claims{Opaque: true}
	}
	var standard jwt.Claims
	var private serviceAccountClaims
	if err := parsed.UnsafeClaimsWithoutVerification(&standard, &private); err != nil {
		return evidence.Claims{Opaque: true}
	}
	bound := private.Bound
	return evidence.Claims{
		Issuer:         evidence.Clean(standard.Issuer),
		Subject:        evidence.Clean(standard.Subject),
		Audiences:      standard.Audience,
		Expires:        timeOf(standard.Expiry),
		NotBefore:      timeOf(standard.NotBefore),
		IssuedAt:       timeOf(standard.IssuedAt),
		WarnAfter:      timeOf(bound.WarnAfter),
		KeyID:          keyID(parsed.Headers[0].KeyID),
		Namespace:      evidence.Clean(cmp.Or(bound.Namespace, private.LegacyNamespace)),
		ServiceAccount: evidence.Clean(cmp.Or(bound.ServiceAccount.Name, private.LegacyName)),
		UID:            evidence.Clean(cmp.Or(bound.ServiceAccount.UID, private.LegacyUID)),
		Pod:            evidence.Clean(bound.Pod.Name),
		Secret:         evidence.Clean(cmp.Or(bound.Secret.Name, private.LegacySecret)),
		Node:           evidence.Clean(bound.Node.Name),
	}
}

// keyIDLike is the format of a key ID that is kept. Cleaning would remove most of them, since
// they are hashes.
var keyIDLike = regexp.MustCompile(`^[0-9A-Za-z_.:/+=-]{1,128}$`)

func keyID(stated string) string {
	if !keyIDLike.MatchString(stated) {
		return ""
	}
	return stated
}

func timeOf(date *jwt.NumericDate) time.Time {
	if date == nil {
		return time.Time{}
	}
	return date.Time()
}
