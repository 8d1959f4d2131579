package gather

import (
	"cmp"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"mime"
	"net"
	"net/http"
	"regexp"
	"sync"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/internal/httpclient"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
)

// maxPEM limits the size of a file of certificates, in bytes. The CA bundles of Linux
// distributions are below 256 KiB.
const maxPEM = 4 << 20

// endpoint is one server in one run: a new transport, so that a reused connection cannot
// hide an outage, and the certificates that the server sent.
type endpoint struct {
	transport   *http.Transport
	connections connections
	// clientCert is the file of the client certificate, empty where there is none.
	clientCert string
	// clientCertificate is the certificate in it.
	clientCertificate evidence.Certificate
	// bundle has the certificates of the CA bundle; empty with the system's roots.
	bundle []evidence.Certificate

	mu     sync.Mutex             // guards the fields below
	first  map[string]*connecting // the first connection to each scheme and host
	served []*x509.Certificate
	chain  []*x509.Certificate // the one that verified the served certificates and stays valid the longest
}

// tlsFiles are the TLS settings of a connection: file names, and the expected server name.
type tlsFiles struct {
	caCert, serverName    string
	clientCert, clientKey string
}

// newEndpoint reads the files, so that a rotated CA takes effect with the next run. A file
// that cannot be used is a Failure of class ca_unreadable.
func newEndpoint(files tlsFiles, network Network) (*endpoint, error) {
	e := &endpoint{clientCert: files.clientCert, connections: connections{dial: network.Dial}}
	config, err := e.configure(files, cmp.Or(network.files, new(parsedFiles)))
	if err != nil {
		return nil, fileFailure(evidence.ClassCAUnreadable, err)
	}
	config.VerifyConnection = e.sawVerified
	e.transport = httpclient.NewTransport(config)
	httpclient.OfferHTTP2(e.transport)
	e.transport.Proxy, e.transport.DialContext, e.transport.OnProxyConnectResponse = network.proxyFor, e.connections.Dial, sawProxyAnswer
	e.hold()
	return e, nil
}

// configure reads the files into the endpoint and the configuration of its connections.
func (e *endpoint) configure(f tlsFiles, known *parsedFiles) (*tls.Config, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: f.serverName}
	if f.caCert != "" {
		bundle, err := known.read(f.caCert, maxPEM)
		if err != nil {
			return nil, fmt.Errorf("reading the CA bundle: %w", err)
		}
		content, err := known.bundles.of(f.caCert, func() (caBundle, error) { return f.parseBundle(bundle) }, bundle)
		if err != nil {
			return nil, err
		}
		config.RootCAs, e.bundle = content.pool, content.certificates
	}
	if f.clientCert != "" {
		pair, err := f.clientPair(known)
		if err != nil {
			return nil, err
		}
		config.Certificates, e.clientCertificate = []tls.Certificate{pair}, describe(pair.Leaf)
	}
	return config, nil
}

// caBundle is the content of a CA bundle.
type caBundle struct {
	pool         *x509.CertPool
	certificates []evidence.Certificate
}

func (f tlsFiles) parseBundle(content []byte) (caBundle, error) {
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(content) {
		return caBundle{}, fmt.Errorf("reading the CA bundle %s: no certificate in it", f.caCert)
	}
	return caBundle{pool, describeAll(evidence.Certificates(string(content)))}, nil
}

// clientPair reads the client certificate and its key. If a kubelet replaces both between
// the two reads, this run fails and the next one succeeds.
func (f tlsFiles) clientPair(known *parsedFiles) (tls.Certificate, error) {
	certificate, err := known.read(f.clientCert, maxPEM)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("reading the client certificate: %w", err)
	}
	key, err := known.read(f.clientKey, maxPEM)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("reading the key of the client certificate: %w", err)
	}
	parse := func() (tls.Certificate, error) { return tls.X509KeyPair(certificate, key) }
	pair, err := known.pairs.of(f.clientCert+"\x00"+f.clientKey, parse, certificate, key)
	if err != nil { // the error of crypto/tls may quote the key file
		return tls.Certificate{}, fmt.Errorf("reading the client certificate: %s does not hold the key of the first certificate in %s", f.clientKey, f.clientCert)
	}
	return pair, nil
}

// client returns an HTTP client that does not follow redirects.
func (e *endpoint) client(wrap func(http.RoundTripper) http.RoundTripper) *http.Client {
	var transport http.RoundTripper = e
	if wrap != nil {
		transport = wrap(e)
	}
	return httpclient.New(transport)
}

// RoundTrip limits the size of the response, and records in the request's trace what the
// client libraries do not return.
func (e *endpoint) RoundTrip(request *http.Request) (*http.Response, error) {
	x := requestTraceOf(request.Context())
	response, err := e.exchange(request, x)
	if unexpected, ok := errors.AsType[httpclient.StatusError](err); ok {
		x.status = unexpected.Status
	}
	if err != nil {
		e.sawRefused(err)
		return nil, e.ownCertificateRejected(err)
	}
	x.plain = request.URL.Scheme == "http"
	x.status = response.StatusCode
	x.contentType, _, _ = mime.ParseMediaType(response.Header.Get("Content-Type"))
	x.location = response.Header.Get("Location")
	x.retryAfter = retryAfter(response.Header.Get("Retry-After"))
	return response, nil
}

func (e *endpoint) sawVerified(state tls.ConnectionState) error {
	if len(state.VerifiedChains) > 0 {
		e.saw(state.PeerCertificates, longestValid(state.VerifiedChains))
	}
	return nil
}

// certificateAlerts are those of a server that has received a certificate and does not accept it.
var certificateAlerts = regexp.MustCompile(`tls: (?:bad|unsupported|revoked|expired|unknown) certificate`)

// ownCertificateRejected returns the failure of the exporter's own where the server rejects
// the client certificate, which pods do not have, and else the error as it is.
func (e *endpoint) ownCertificateRejected(err error) error {
	op, ok := errors.AsType[*net.OpError](err)
	if !ok || op.Op != "remote error" || e.clientCert == "" || !certificateAlerts.MatchString(op.Err.Error()) {
		return err
	}
	return evidence.Failure{Class: evidence.ClassCAUnreadable, Text: "the server rejects the client certificate in " + e.clientCert + ": " + op.Err.Error()}
}

func (e *endpoint) sawRefused(err error) {
	if failed, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		e.saw(failed.UnverifiedCertificates, nil)
	}
}

func (e *endpoint) saw(served, chain []*x509.Certificate) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.served, e.chain = served, chain
}

func (e *endpoint) servedCertificates() []*x509.Certificate {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.served
}

// hold makes one more call of close necessary.
func (e *endpoint) hold() { e.connections.use() }

// close closes the connections, unless another holder of the endpoint still needs them.
func (e *endpoint) close() {
	if e.connections.leave() {
		e.transport.CloseIdleConnections() // says so to the server, as TLS demands
		e.connections.Close()
	}
}
