package lab

import (
	"crypto/tls"
	"crypto/x509"
	"io"
	"log"
	"net/http"
	"net/http/httputil"
	"net/url"
	"time"
)

// A failure is what a proxy is told to do.
type proxyMode func(*Lab, *proxy) error

func forward(_ *Lab, p *proxy) error { return p.forward() }
func refuse(_ *Lab, p *proxy) error  { return p.refuse() }
func hang(_ *Lab, p *proxy) error    { return p.hang() }

// impersonated puts a server of the lab in the place of the real one.
func serveFake(answers fakeServer, certificate certificateFunc) proxyMode {
	return func(l *Lab, p *proxy) error {
		pair, err := certificate(l)
		if err != nil {
			return err
		}
		return p.serveFake(answers(p), pair)
	}
}

// An impostor is what answers instead of the server behind a proxy.
type fakeServer func(*proxy) http.Handler

// answering says the same to everybody.
func fixedResponse(status int, contentType, body string) fakeServer {
	return func(*proxy) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", contentType)
			w.WriteHeader(status)
			_, _ = io.WriteString(w, body)
		})
	}
}

// backend answers with what the server behind the proxy says: the impostor's certificate alone is wrong.
func passThrough(p *proxy) http.Handler {
	return &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(&url.URL{Scheme: "https", Host: p.backend}) },
		Transport: &http.Transport{
			DisableKeepAlives: true,
			TLSClientConfig:   &tls.Config{InsecureSkipVerify: true}, // the lab's own server, on loopback
		},
		ErrorLog: discardLogger(),
	}
}

// throttled answers as an API server does that has no seat for a request. In the lab, a priority level without seats still
// admitted single requests.
func throttlingServer(*proxy) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "1")
		http.Error(w, "Too many requests, please try again later.", http.StatusTooManyRequests)
	})
}

// redirecting sends everybody to another host.
func redirectingServer(p *proxy) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "https://vault.elsewhere.example"+r.URL.Path, http.StatusTemporaryRedirect)
	})
}

// A certificate makes the pair of a server, certificate and key in one PEM. Nil is none: the server speaks plain HTTP.
type certificateFunc func(*Lab) ([]byte, error)

func noCertificate(*Lab) ([]byte, error) { return nil, nil }

// signed is the certificate of a healthy server but for what is changed.
func issuedBy(by func(*Lab) (*authority, error), changes ...func(*x509.Certificate)) certificateFunc {
	return func(l *Lab) ([]byte, error) {
		ca, err := by(l)
		if err != nil {
			return nil, err
		}
		template := serverCertificate("lab")
		for _, change := range changes {
			change(&template)
		}
		return ca.issue(template)
	}
}

func clusterCA(l *Lab) (*authority, error) { return l.cluster.ca, nil }
func vaultCA(l *Lab) (*authority, error)   { return l.vault.ca, nil }
func unknownCA(*Lab) (*authority, error)   { return newAuthority("somebody else's CA") }

// misnamed is for another host.
func wrongName(c *x509.Certificate) { c.DNSNames, c.IPAddresses = []string{"elsewhere.example"}, nil }

// outdated expired yesterday, after a year.
func expiredYesterday(c *x509.Certificate) {
	c.NotAfter = time.Now().AddDate(0, 0, -1)
	c.NotBefore = c.NotAfter.AddDate(-1, 0, 0)
}

// ending expires in a day, after a year.
func expiresTomorrow(c *x509.Certificate) {
	c.NotAfter = time.Now().AddDate(0, 0, 1)
	c.NotBefore = c.NotAfter.AddDate(-1, 0, 0)
}

func discardLogger() *log.Logger { return log.New(io.Discard, "", 0) }
