package leader

import (
	"fmt"
	"time"

	coordinationv1 "k8s.io/client-go/kubernetes/typed/coordination/v1"
	"k8s.io/client-go/rest"
)

// requestTimeout leaves an attempt that hangs time for others before the lease
// expires.
const requestTimeout = 3 * time.Second

// NewClient returns a client for Leases at an API server, with the CA and the token
// of these files. The token's file is read anew as it changes.
func NewClient(host, caCert, tokenFile, userAgent string) (coordinationv1.LeasesGetter, error) {
	client, err := coordinationv1.NewForConfig(&rest.Config{
		Host:            host,
		BearerTokenFile: tokenFile,
		UserAgent:       userAgent,
		Timeout:         requestTimeout,
		QPS:             -1,
		ContentConfig:   rest.ContentConfig{ContentType: "application/json"},
		TLSClientConfig: rest.TLSClientConfig{
			CAFile: caCert,
			// With HTTP/2 a connection that went dead would be used again after a timeout.
			NextProtos: []string{"http/1.1"},
		},
	})
	if err != nil {
		return nil, fmt.Errorf("making a client for Leases at %s: %w", host, err)
	}
	return client, nil
}
