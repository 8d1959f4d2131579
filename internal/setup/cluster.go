package setup

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"k8s.io/client-go/rest"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/internal/httpclient"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/internal/kubeconfig"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/internal/redact"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
)

// apiServer is the API server of a kubeconfig's context.
type apiServer struct {
	base     *url.URL
	ca       string // that of the kubeconfig
	client   *http.Client
	redactor *redact.Redactor
}

// newAPIServer connects to the API server of the kubeconfig's context.
func newAPIServer(in Input, userAgent string) (*apiServer, error) {
	redactor := redact.New(httpclient.ProxyCredentials()...)
	redactor.Hold(in.Token.Reveal())
	server, err := kubeconfig.Connect(kubeconfig.Options{Path: in.Kubeconfig, Context: in.Context, UserAgent: userAgent, Hold: redactor.Hold})
	if err != nil {
		return nil, err
	}
	return &apiServer{base: server.Base, ca: caOf(server.Config), client: server.Client, redactor: redactor}, nil
}

// caOf returns the CA bundle of a kubeconfig, in the file or beside it.
func caOf(config *rest.Config) string {
	if len(config.CAData) > 0 {
		return onlyCertificates(string(config.CAData))
	}
	ca, _ := readCertificates(config.CAFile) // TLSConfigFor has read it
	return ca
}

// metadataOnly has the API server send a list without specs, statuses and the data of
// Secrets.
const metadataOnly = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"

// get requests a path and decodes the answer.
func (s *apiServer) get(ctx context.Context, path string, query url.Values, accept string, into any) error {
	u := s.base.JoinPath(path)
	u.RawQuery = query.Encode()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return err
	}
	request.Header.Set("Accept", accept)
	return s.do(request, into)
}

func (s *apiServer) post(ctx context.Context, path string, body, into any) error {
	content, err := json.Marshal(body)
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, s.base.JoinPath(path).String(), bytes.NewReader(content))
	if err != nil {
		return err
	}
	request.Header.Set("Accept", "application/json")
	request.Header.Set("Content-Type", "application/json")
	return s.do(request, into)
}

func (s *apiServer) do(request *http.Request, into any) error {
	response, err := s.client.Do(request)
	if err != nil {
		return evidence.Failure{Class: evidence.ClassUnreachable, Text: s.redactor.Clean(err.Error())}
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	if err != nil {
		return evidence.Failure{Class: evidence.ClassBadResponse, Text: s.redactor.Clean(err.Error())}
	}
	if response.StatusCode/100 != 2 {
		var status struct{ Message string }
		_ = json.Unmarshal(content, &status) // an answer that is no Status has no text
		text := s.redactor.Clean(status.Message)
		if text == "" {
			text = http.StatusText(response.StatusCode)
		}
		return evidence.Failure{Class: evidence.ClassRefused, Status: response.StatusCode, Text: text}
	}
	if err := json.Unmarshal(content, into); err != nil {
		return evidence.Failure{Class: evidence.ClassBadResponse, Text: "the answer is not the API server's"}
	}
	return nil
}

// Bounds of a list: objects in one answer, and answers.
const (
	pageSize = "200"
	maxPages = 20
)

// list returns the items of a list, page by page.
func list[T any](ctx context.Context, s *apiServer, path string, query url.Values, accept string) ([]T, error) {
	var all []T
	for range maxPages {
		var page struct {
			Metadata struct{ Continue string }
			Items    []T
		}
		query.Set("limit", pageSize)
		if err := s.get(ctx, path, query, accept, &page); err != nil {
			return nil, err
		}
		all = append(all, page.Items...)
		if page.Metadata.Continue == "" {
			return all, nil
		}
		query.Set("continue", page.Metadata.Continue)
	}
	return nil, evidence.Failure{Class: evidence.ClassBadResponse, Text: fmt.Sprintf("there are more than %s times %d of them", pageSize, maxPages)}
}

// observe makes a request into a fact.
func observe[T any](request func() (T, error)) evidence.Fact[T] {
	value, err := request()
	if err != nil {
		failure, ok := errors.AsType[evidence.Failure](err)
		if !ok {
			failure = evidence.Failure{Class: evidence.ClassMissing, Text: redact.Clean(err.Error())}
		}
		return evidence.Fact[T]{State: evidence.Failed, Failure: failure}
	}
	return evidence.Fact[T]{State: evidence.Answered, Value: value}
}

// displayed is the URL of the API server as it is shown.
func (s *apiServer) displayed() string { return strings.TrimRight(redact.Clean(s.base.String()), "/") }
