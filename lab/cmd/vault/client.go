package main

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
)

var (
	errServer = errors.New("requesting from Vault")
	errSealed = errors.New("sealed")
)

// A request is an HTTP request to Vault.
type request struct {
	method, path string
	body         map[string]any // nil: no body
	stream       bool           // the response is copied to the output as it arrives
}

// run sends the command's request and prints the response.
func (c command) run(call invocation, out io.Writer) error {
	r, err := c.request(call)
	if err != nil {
		return err
	}
	response, err := r.send(call.address(), call.namespace())
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if r.stream && response.StatusCode == http.StatusOK {
		_, err := io.Copy(out, response.Body)
		return err
	}
	content, err := io.ReadAll(response.Body)
	if err != nil {
		return fmt.Errorf("%w: %w", errServer, err)
	}
	if response.StatusCode == http.StatusNotFound && bytes.Contains(content, []byte(`"errors":[]`)) {
		return fmt.Errorf("%w: No value found at %s", errServer, r.path)
	}
	if response.StatusCode >= http.StatusMultipleChoices {
		return fmt.Errorf("%w: %s %s: status %d: %s", errServer, r.method, r.path, response.StatusCode, bytes.TrimSpace(content))
	}
	if c.name == "status" {
		content = withLeader(call, content)
	}
	if err := c.printResponse(out, call, content); err != nil {
		return err
	}
	return checkSealed(c, content)
}

// withLeader adds what sys/leader says to the answer of sys/seal-status, as HashiCorp's command does. A sealed server
// answers that request with an error: then nothing is added.
func withLeader(call invocation, content []byte) []byte {
	response, err := request{method: http.MethodGet, path: "sys/leader"}.send(call.address(), "")
	if err != nil {
		return content
	}
	defer response.Body.Close()
	status := map[string]any{}
	if json.Unmarshal(content, &status) != nil || response.StatusCode != http.StatusOK || json.NewDecoder(response.Body).Decode(&status) != nil {
		return content
	}
	merged, err := json.Marshal(status)
	if err != nil {
		return content
	}
	return merged
}

// checkSealed returns errSealed if the command is status and Vault is sealed.
func checkSealed(c command, content []byte) error {
	var answer struct {
		Sealed bool `json:"sealed"`
	}
	if c.name != "status" {
		return nil
	}
	if err := json.Unmarshal(content, &answer); err != nil {
		return fmt.Errorf("decoding the answer: %w", err)
	}
	if answer.Sealed {
		return errSealed
	}
	return nil
}

// send uses VAULT_CACERT, VAULT_TLS_SERVER_NAME and VAULT_TOKEN, as HashiCorp's command does.
func (r request) send(address, namespace string) (*http.Response, error) {
	if address == "" {
		return nil, errors.New("VAULT_ADDR is not set")
	}
	var body bytes.Buffer
	if r.body != nil {
		if err := json.NewEncoder(&body).Encode(r.body); err != nil {
			return nil, err
		}
	}
	httpRequest, err := http.NewRequest(r.method, strings.TrimRight(address, "/")+"/v1/"+strings.Trim(r.path, "/"), &body)
	if err != nil {
		return nil, err
	}
	for header, value := range map[string]string{"X-Vault-Token": os.Getenv("VAULT_TOKEN"), "X-Vault-Namespace": namespace} {
		if value != "" {
			httpRequest.Header.Set(header, value)
		}
	}
	client, err := newClient()
	if err != nil {
		return nil, err
	}
	response, err := client.Do(httpRequest)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errServer, err)
	}
	return response, nil
}

// newClient follows no redirects, because they would send the token to another server, and keeps no connection open.
func newClient() (*http.Client, error) {
	config := &tls.Config{ServerName: os.Getenv("VAULT_TLS_SERVER_NAME")}
	if path := os.Getenv("VAULT_CACERT"); path != "" {
		pem, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("reading %s: no certificate", path)
		}
	}
	return &http.Client{
		Transport:     &http.Transport{TLSClientConfig: config, DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}, nil
}

// printResponse prints the field that -field names, the whole response with -format=json, or
// the command's table.
func (c command) printResponse(out io.Writer, call invocation, content []byte) error {
	name := call.flag("field")
	switch {
	case name != "":
		value, err := responseField(name, content)
		if err == nil {
			_, err = fmt.Fprint(out, value)
		}
		return err
	case len(bytes.TrimSpace(content)) == 0:
		_, err := fmt.Fprintln(out, "Success!")
		return err
	case c.table != nil && call.flag("format") == "":
		return c.table.print(out, content)
	default:
		_, err := fmt.Fprintln(out, string(bytes.TrimSpace(content)))
		return err
	}
}

// responseField returns a field of the response's data. The command's fields token and token_accessor have other names
// in the API.
func responseField(name string, content []byte) (any, error) {
	var answer struct {
		Data map[string]any `json:"data"`
		Auth struct {
			Token    string `json:"client_token"`
			Accessor string `json:"accessor"`
		} `json:"auth"`
	}
	if err := decode(content, &answer); err != nil {
		return nil, err
	}
	switch value, ok := answer.Data[name]; {
	case ok:
		return value, nil
	case name == "token" && answer.Auth.Token != "":
		return answer.Auth.Token, nil
	case name == "token_accessor" && answer.Auth.Accessor != "":
		return answer.Auth.Accessor, nil
	default:
		return nil, fmt.Errorf("the answer has no field %q", name)
	}
}
