package lab

import (
	"crypto/tls"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"path/filepath"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
)

const (
	identityProviderAudience = "kubernetes"
	identityProviderCA       = "identity-provider-ca.crt"
)

// An identityProvider issues tokens of users. The API server authenticates them with OpenID Connect, under names that
// begin with the provider's URL, as it does by default.
type identityProvider struct {
	url    string
	signer signer

	close func() error // further calls return the result of the first
}

// startIdentityProvider writes the CA that the API server verifies the provider with. The server is the provider's
// discovery document and its keys (OpenID Connect Discovery 1.0).
func startIdentityProvider(dir string) (*identityProvider, error) {
	ca, err := newAuthority("lab identity provider's CA")
	if err != nil {
		return nil, err
	}
	signer, err := newSigner()
	if err != nil {
		return nil, err
	}
	certificate, err := ca.issue(serverCertificate("identity provider"))
	if err != nil {
		return nil, err
	}
	pair, err := tls.X509KeyPair(certificate, certificate)
	if err != nil {
		return nil, err
	}
	if err := ReplaceFile(filepath.Join(dir, identityProviderCA), ca.PEM); err != nil {
		return nil, err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	p := &identityProvider{url: "https://" + listener.Addr().String(), signer: signer}
	server := &http.Server{
		Handler: p.documents(), ReadHeaderTimeout: time.Second, ErrorLog: discardLogger(),
		TLSConfig: &tls.Config{Certificates: []tls.Certificate{pair}},
	}
	served := make(chan error, 1)
	go func() { served <- server.ServeTLS(listener, "", "") }()
	p.close = sync.OnceValue(func() error {
		err := server.Close()
		if ended := <-served; !errors.Is(ended, http.ErrServerClosed) {
			err = errors.Join(err, ended)
		}
		return err
	})
	return p, nil
}

func (p *identityProvider) documents() http.Handler {
	document := func(v any) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			_ = json.NewEncoder(w).Encode(v) // the API server may have disconnected
		}
	}
	mux := http.NewServeMux()
	mux.Handle("GET /.well-known/openid-configuration", document(fields{
		"issuer": p.url, "jwks_uri": p.url + "/keys", "authorization_endpoint": p.url + "/authorize",
		"response_types_supported": []string{"id_token"}, "subject_types_supported": []string{"public"}, "id_token_signing_alg_values_supported": []string{"RS256"},
	}))
	mux.Handle("GET /keys", document(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{
		{Key: p.signer.key.Public(), KeyID: p.signer.keyID, Algorithm: "RS256", Use: "sig"},
	}}))
	return mux
}

func (p *identityProvider) apiServerFlags() []string {
	return []string{
		"--oidc-issuer-url=" + p.url,
		"--oidc-client-id=" + identityProviderAudience,
		"--oidc-ca-file=" + identityProviderCA,
	}
}

// username is the name under which the API server knows the subject of a token.
func (p *identityProvider) username(subject string) string { return p.url + "#" + subject }

// token returns the token of a subject, with changed claims.
func (p *identityProvider) token(subject string, changed map[string]any) (string, error) {
	now := time.Now()
	claims := fields{"iss": p.url, "sub": subject, "aud": identityProviderAudience}.with(validity(now.Add(-time.Hour), now.Add(tokenLifetime)))
	return p.signer.sign(claims.with(changed))
}

// UserToken returns a token of the lab's identity provider with changed claims, and the name that the API server knows its
// subject by. The lab's installation must have one.
func (l *Lab) UserToken(subject string, changed map[string]any) (token, username string, err error) {
	token, err = l.users.token(subject, changed)
	return token, l.users.username(subject), err
}

// StopIdentityProvider stops the lab's identity provider for good. The API server keeps the keys that it has fetched,
// which it does when it first verifies one of the provider's tokens.
func (l *Lab) StopIdentityProvider() error { return l.users.close() }
