package events

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/internal/apiserver"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/internal/httpclient"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/internal/redact"
)

// requestTimeout bounds one request.
const requestTimeout = 10 * time.Second

// Server is an API server, with the files of the CA and of the exporter's token there. They are read
// anew for each request.
type Server struct{ Host, CACert, TokenFile, UserAgent string }

// send makes a request over a connection of its own: Events are rare, and so a rotated CA or token
// needs no care. Its errors hold no credential.
func (s Server) send(ctx context.Context, method, path, contentType string, body []byte) (status int, err error) {
	redactor := redact.New(httpclient.ProxyCredentials()...)
	status, err = s.request(ctx, redactor, method, path, contentType, body)
	if err != nil {
		return 0, errors.New(redactor.Clean(err.Error()))
	}
	return status, nil
}

func (s Server) request(ctx context.Context, redactor *redact.Redactor, method, path, contentType string, body []byte) (status int, err error) {
	config, err := s.files().TLS()
	if err != nil {
		return 0, err
	}
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, method, strings.TrimSuffix(s.Host, "/")+path, bytes.NewReader(body))
	if err != nil {
		return 0, err
	}
	request.Header.Set("Accept", "application/json")
	request.Header.Set("Content-Type", contentType)
	request.Header.Set("User-Agent", s.UserAgent)
	transport := httpclient.NewTransport(config)
	defer transport.CloseIdleConnections()
	response, err := httpclient.New(s.files().Authenticate(httpclient.Bounded{Base: transport, Hold: redactor.Hold})).Do(request)
	if err != nil {
		return 0, err
	}
	defer response.Body.Close()
	_, _ = io.Copy(io.Discard, response.Body) // only the status matters
	return response.StatusCode, nil
}

func (s Server) files() apiserver.Files {
	return apiserver.Files{CACert: s.CACert, TokenFile: s.TokenFile}
}

// Pod returns the pod that the token belongs to, with its UID, which no API server has to be asked
// for. It is zero if the token does not say it.
func (s Server) Pod() Object {
	token, err := s.files().Token()
	if err != nil {
		return Object{}
	}
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return Object{}
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return Object{}
	}
	var claims struct {
		Kubernetes struct {
			Namespace string `json:"namespace"`
			Pod       struct{ Name, UID string }
		} `json:"kubernetes.io"`
	}
	if json.Unmarshal(payload, &claims) != nil || claims.Kubernetes.Pod.Name == "" {
		return Object{}
	}
	of := claims.Kubernetes
	return Object{APIVersion: "v1", Kind: "Pod", Namespace: of.Namespace, Name: of.Pod.Name, UID: of.Pod.UID}
}
