package lab

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"io"
	"log"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
	"time"
)

// A proxyMode changes how a proxy treats its connections.
type proxyMode func(*Lab, *proxy) error

func forward(_ *Lab, p *proxy) error { return p.forward() }
func refuse(_ *Lab, p *proxy) error  { return p.refuse() }
func hang(_ *Lab, p *proxy) error    { return p.hang() }

// serveFake replaces the server behind a proxy by a fake one.
func serveFake(server fakeServer, certificate certificateFunc) proxyMode {
	return func(l *Lab, p *proxy) error {
		pair, err := certificate(l)
		if err != nil {
			return err
		}
		return p.serveFake(server(p), pair)
	}
}

// A fakeServer returns the handler that responds instead of the server behind a proxy.
type fakeServer func(*proxy) http.Handler

// fixedResponse responds alike to every request.
func fixedResponse(status int, contentType, body string) fakeServer {
	return func(*proxy) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", contentType)
			w.WriteHeader(status)
			_, _ = io.WriteString(w, body)
		})
	}
}

// passThrough forwards requests to the real server, so that only the certificate differs.
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

// credulousServer passes requests through to the API server, but authenticates every JWT as whoever it claims to be, as a
// server that an attacker has put in the API server's place.
func credulousServer(p *proxy) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/", passThrough(p))
	mux.HandleFunc("POST /apis/authentication.k8s.io/v1/tokenreviews", func(w http.ResponseWriter, r *http.Request) {
		var review struct {
			Spec struct {
				Token     string   `json:"token"`
				Audiences []string `json:"audiences"`
			} `json:"spec"`
		}
		var claims struct {
			Subject string `json:"sub"`
			Bound   struct {
				Account struct {
					UID string `json:"uid"`
				} `json:"serviceaccount"`
			} `json:"kubernetes.io"`
		}
		if err := json.NewDecoder(r.Body).Decode(&review); err == nil {
			if parts := strings.Split(review.Spec.Token, "."); len(parts) == 3 {
				payload, _ := base64.RawURLEncoding.DecodeString(parts[1])
				_ = json.Unmarshal(payload, &claims) // whoever claims nothing is nobody
			}
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusCreated)
		_ = json.NewEncoder(w).Encode(fields{
			"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview",
			"status": fields{
				"authenticated": true, "audiences": review.Spec.Audiences,
				"user": fields{"username": claims.Subject, "uid": claims.Bound.Account.UID},
			},
		}) // the client may have disconnected
	})
	return mux
}

// throttlingServer responds like an API server whose priority and fairness rejects a request. Real configuration cannot
// be used: in the lab, a priority level without seats still admitted single requests.
func throttlingServer(*proxy) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "1")
		http.Error(w, "Too many requests, please try again later.", http.StatusTooManyRequests)
	})
}

// emptyGateway is a reverse proxy whose only backend refuses connections.
func emptyGateway(*proxy) http.Handler {
	return &httputil.ReverseProxy{
		Rewrite:  func(r *httputil.ProxyRequest) { r.SetURL(&url.URL{Scheme: "http", Host: "127.0.0.1:1"}) },
		ErrorLog: discardLogger(),
	}
}

// redirectingServer redirects every request to another host.
func redirectingServer(p *proxy) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "https://vault.elsewhere.example"+r.URL.Path, http.StatusTemporaryRedirect)
	})
}

// A certificateFunc returns a server's certificate and key in one PEM, or nil for plain HTTP.
type certificateFunc func(*Lab) ([]byte, error)

func noCertificate(*Lab) ([]byte, error) { return nil, nil }

// issuedBy is a healthy server certificate of that CA, with the changes applied.
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

// wrongName makes the certificate valid for another host.
func wrongName(c *x509.Certificate) { c.DNSNames, c.IPAddresses = []string{"elsewhere.example"}, nil }

// expiredYesterday gives the certificate a validity of a year that ended yesterday.
func expiredYesterday(c *x509.Certificate) {
	c.NotAfter = time.Now().AddDate(0, 0, -1)
	c.NotBefore = c.NotAfter.AddDate(-1, 0, 0)
}

// expiresTomorrow gives the certificate a validity of a year that ends tomorrow.
func expiresTomorrow(c *x509.Certificate) {
	c.NotAfter = time.Now().AddDate(0, 0, 1)
	c.NotBefore = c.NotAfter.AddDate(-1, 0, 0)
}

func discardLogger() *log.Logger { return log.New(io.Discard, "", 0) }
