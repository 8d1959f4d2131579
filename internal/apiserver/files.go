// Package apiserver reads the files that a request to an API server needs: the CA bundle, and the token
// that the exporter has there. Both are rotated, so that nothing of them is kept.
package apiserver

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/http"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/internal/localfile"
)

// Limits of the files, in bytes.
const (
	maxBundle = 4 << 20
	maxToken  = 64 << 10
)

// Files name the CA bundle and the token. Without a bundle the system's roots are used.
type Files struct {
	CACert, TokenFile string
	// ServerName is the expected name in the server's certificate; empty for that in the URL.
	ServerName string
}

// Token reads the token, which is never empty.
func (f Files) Token() (string, error) {
	token, err := localfile.Read(f.TokenFile, maxToken)
	if err != nil {
		return "", fmt.Errorf("reading the token: %w", err)
	}
	if token = bytes.TrimSpace(token); len(token) == 0 {
		return "", fmt.Errorf("reading the token: %s is empty", f.TokenFile)
	}
	return string(token), nil
}

// TLS reads the CA bundle, and returns the configuration of connections that it verifies.
func (f Files) TLS() (*tls.Config, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: f.ServerName}
	if f.CACert == "" {
		return config, nil
	}
	bundle, err := localfile.Read(f.CACert, maxBundle)
	if err != nil {
		return nil, fmt.Errorf("reading the CA bundle: %w", err)
	}
	config.RootCAs = x509.NewCertPool()
	if !config.RootCAs.AppendCertsFromPEM(bundle) {
		return nil, fmt.Errorf("reading the CA bundle %s: no certificate in it", f.CACert)
	}
	return config, nil
}

// Authenticate has requests carry the token of the file, as it is then. client-go would wait for a
// named pipe forever.
func (f Files) Authenticate(next http.RoundTripper) http.RoundTripper { return bearer{f, next} }

type bearer struct {
	files Files
	next  http.RoundTripper
}

func (b bearer) RoundTrip(request *http.Request) (*http.Response, error) {
	token, err := b.files.Token()
	if err != nil {
		if request.Body != nil {
			_ = request.Body.Close()
		}
		return nil, err
	}
	request = request.Clone(request.Context())
	request.Header.Set("Authorization", "Bearer "+token)
	return b.next.RoundTrip(request)
}
