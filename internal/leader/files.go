package leader

import (
	"bytes"
	"fmt"
	"net/http"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/internal/localfile"
)

// Limits of the files, in bytes.
const (
	maxBundle = 4 << 20
	maxToken  = 64 << 10
)

func readToken(tokenFile string) (string, error) {
	token, err := localfile.Read(tokenFile, maxToken)
	if err != nil {
		return "", fmt.Errorf("reading the token: %w", err)
	}
	if token = bytes.TrimSpace(token); len(token) == 0 {
		return "", fmt.Errorf("reading the token: %s is empty", tokenFile)
	}
	return string(token), nil
}

// bearerFrom has requests carry the token of a file, as it is then. client-go would wait
// for a named pipe forever.
func bearerFrom(tokenFile string) func(http.RoundTripper) http.RoundTripper {
	return func(next http.RoundTripper) http.RoundTripper { return bearer{tokenFile, next} }
}

type bearer struct {
	tokenFile string
	next      http.RoundTripper
}

func (b bearer) RoundTrip(request *http.Request) (*http.Response, error) {
	token, err := readToken(b.tokenFile)
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
