package gather

import (
	"context"
	"net/http"
	"sync"

	"github.com/hashicorp/vault/api"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
)

// vaultRequest is a request to Vault, without its body.
type vaultRequest struct {
	method    string          // GET or PUT
	token     evidence.Secret // none if zero
	namespace string          // none if empty
	path      string          // below /v1/
	query     map[string][]string
}

// get is a request that reads a path in the target's namespace.
func (v *vaultServer) get(token evidence.Secret, path string) vaultRequest {
	return vaultRequest{method: http.MethodGet, token: token, namespace: v.target.Namespace, path: path}
}

// put is a request that writes to a path in the target's namespace.
func (v *vaultServer) put(token evidence.Secret, path string) vaultRequest {
	return vaultRequest{method: http.MethodPut, token: token, namespace: v.target.Namespace, path: path}
}

// sender sends a request with vault/api. The body is JSON, and nil if there is none. The response,
// which may be there beside an error, has to be closed.
//
// It is a function so that no type of this package has a field of type [api.Client]: if a value
// of such a type is ever kept in an interface, the linker keeps all of the client's methods, which
// are half a megabyte.
type sender func(ctx context.Context, r vaultRequest, body []byte) (*api.Response, error)

// newSender returns a sender that does not retry and does not follow redirects. vault/api reads
// VAULT_* variables: their settings are reset here, and configuration has unset those that would
// make it fail.
func newSender(address, userAgent string, over *http.Client) sender {
	var mu sync.Mutex // guards nobody, which api.Client does not while it is copied
	// nobody is a client without a token, nil before the first use. Others are copies of it, because
	// vault/api reads the environment and makes a transport for each new client.
	var nobody *api.Client
	asNobody := func(namespace string) (*api.Client, error) {
		mu.Lock()
		defer mu.Unlock()
		if nobody == nil {
			client, err := api.NewClient(&api.Config{Address: address, HttpClient: over, MaxRetries: 0, DisableRedirects: true})
			if err != nil {
				return nil, err
			}
			client.AddHeader("User-Agent", userAgent)
			nobody = client
		}
		return nobody.WithNamespace(namespace), nil // a copy
	}
	return func(ctx context.Context, r vaultRequest, body []byte) (*api.Response, error) {
		client, err := asNobody(r.namespace)
		if err != nil {
			return nil, err
		}
		client.SetToken(r.token.Reveal())
		if r.method == http.MethodGet {
			return client.Logical().ReadRawWithDataWithContext(ctx, r.path, r.query)
		}
		return client.Logical().WriteRawWithContext(ctx, r.path, body)
	}
}
