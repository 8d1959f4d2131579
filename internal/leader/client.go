package leader

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/go-logr/logr"
	coordinationv1 "k8s.io/api/coordination/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/client-go/rest"
	"k8s.io/klog/v2"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/internal/apiserver"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/internal/httpclient"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/internal/redact"
)

// requestTimeout leaves time for other attempts before the lease expires when a
// request hangs.
const requestTimeout = 3 * time.Second

// maxHolder is the length in bytes to which a holder's name is cut where it is shown.
// That of an object of the API is no longer.
const maxHolder = 253

// Client reads and writes Leases at an API server.
type Client struct {
	api      rest.Interface
	redactor *redact.Redactor
}

// NewClient returns a client for Leases at an API server, with the CA and the token
// of these files. Both are read anew: the token's file for every request, the CA's after
// a request that failed.
func NewClient(host, caCert, tokenFile, userAgent string) (*Client, error) {
	files := apiserver.Files{CACert: caCert, TokenFile: tokenFile}
	transport := &reconnecting{files: files}
	_, err := transport.current()
	if err == nil {
		_, err = files.Token()
	}
	var client *Client
	if err == nil {
		client, err = newClient(rest.Config{Host: host, WrapTransport: files.Authenticate, UserAgent: userAgent}, transport)
	}
	if err != nil {
		return nil, fmt.Errorf("making a client for Leases at %s: %w", host, err)
	}
	return client, nil
}

// newClient is client-go's typed client without the API's other groups.
func newClient(config rest.Config, transport http.RoundTripper) (*Client, error) {
	redactor := redact.New(httpclient.ProxyCredentials()...)
	authenticating, err := rest.HTTPWrappersForConfig(&config, httpclient.Bounded{Base: transport, Hold: redactor.Hold})
	if err != nil {
		return nil, err
	}
	client := httpclient.New(authenticating)
	client.Timeout = requestTimeout
	scheme := runtime.NewScheme()
	if err := coordinationv1.AddToScheme(scheme); err != nil {
		return nil, err
	}
	config.APIPath = "/apis"
	config.GroupVersion = &coordinationv1.SchemeGroupVersion
	config.NegotiatedSerializer = serializer.NewCodecFactory(scheme).WithoutConversion()
	config.ContentType = runtime.ContentTypeJSON
	config.QPS = -1 // no client-side rate limit
	api, err := rest.RESTClientForConfigAndClient(&config, client)
	return &Client{api, redactor}, err
}

// describe is an error as it may be logged: an API server may echo our own token.
func (c *Client) describe(err error) string { return c.redactor.Clean(err.Error()) }

// shown is a holder's name as it may be logged and shown. That of a holder is never
// empty.
func (c *Client) shown(holder string) string {
	if holder == "" {
		return ""
	}
	name := c.redactor.Clean(holder)
	if len(name) > maxHolder {
		name = strings.ToValidUTF8(name[:maxHolder], "") + "…"
	}
	return cmp.Or(name, "unprintable")
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
