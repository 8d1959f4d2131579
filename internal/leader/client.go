package leader

import (
	"context"
	"fmt"
	"time"

	"github.com/go-logr/logr"
	coordinationv1 "k8s.io/api/coordination/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/client-go/rest"
	"k8s.io/klog/v2"
)

// requestTimeout leaves time for other attempts before the lease expires when a
// request hangs.
const requestTimeout = 3 * time.Second

// Client reads and writes Leases at an API server.
type Client struct{ api rest.Interface }

// NewClient returns a client for Leases at an API server, with the CA and the token
// of these files. The token's file is read anew as it changes.
func NewClient(host, caCert, tokenFile, userAgent string) (*Client, error) {
	bundle, err := readFiles(caCert, tokenFile)
	if err != nil {
		return nil, fmt.Errorf("making a client for Leases at %s: %w", host, err)
	}
	client, err := newClient(rest.Config{
		Host:          host,
		WrapTransport: bearerFrom(tokenFile),
		UserAgent:     userAgent,
		TLSClientConfig: rest.TLSClientConfig{
			CAData: bundle,
			// With HTTP/2 a connection that went dead would be used again after a timeout.
			NextProtos: []string{"http/1.1"},
		},
	})
	if err != nil {
		return nil, fmt.Errorf("making a client for Leases at %s: %w", host, err)
	}
	return client, nil
}

// newClient is client-go's typed client without the API's other groups.
func newClient(config rest.Config) (*Client, error) {
	scheme := runtime.NewScheme()
	if err := coordinationv1.AddToScheme(scheme); err != nil {
		return nil, err
	}
	config.APIPath = "/apis"
	config.GroupVersion = &coordinationv1.SchemeGroupVersion
	config.NegotiatedSerializer = serializer.NewCodecFactory(scheme).WithoutConversion()
	config.ContentType = runtime.ContentTypeJSON
	config.Timeout = requestTimeout
	config.QPS = -1 // no client-side rate limit
	api, err := rest.RESTClientFor(&config)
	return &Client{api}, err
}

// read returns a Lease; where there is none, one that nobody holds and that write
// creates.
func (c *Client) read(ctx context.Context, namespace, name string) (*coordinationv1.Lease, error) {
	lease, err := send(ctx, c.api.Get().Namespace(namespace).Resource("leases").Name(name))
	if apierrors.IsNotFound(err) {
		return &coordinationv1.Lease{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}}, nil
	}
	return lease, err
}

// write returns the Lease as it is stored. Where another wrote it since it was read,
// the error is one that [outrun] recognizes.
func (c *Client) write(ctx context.Context, lease *coordinationv1.Lease) (*coordinationv1.Lease, error) {
	if lease.ResourceVersion == "" {
		return send(ctx, c.api.Post().Namespace(lease.Namespace).Resource("leases").Body(lease))
	}
	return send(ctx, c.api.Put().Namespace(lease.Namespace).Resource("leases").Name(lease.Name).Body(lease))
}

func outrun(err error) bool { return apierrors.IsConflict(err) || apierrors.IsAlreadyExists(err) }

// send makes a request once. client-go logs nothing: the candidate logs what matters.
func send(ctx context.Context, request *rest.Request) (*coordinationv1.Lease, error) {
	lease := new(coordinationv1.Lease)
	err := request.MaxRetries(0).Do(klog.NewContext(ctx, logr.Discard())).Into(lease)
	return lease, err
}
