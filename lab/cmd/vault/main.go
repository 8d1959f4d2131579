// The vault command stands in for Vault's own, which does not build from the published modules: as much of it as the fixes
// need that the exporter prints.
package main

import (
	"bytes"
	"cmp"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
)

const usage = `usage: vault read [-field=F] [-format=json] PATH | write [-field=F] PATH K=V|K=@FILE… | delete PATH | list PATH
       vault auth enable [-path=P] TYPE | auth list | token lookup | token revoke -self | operator unseal [KEY] | status`

func main() {
	if err := run(os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "vault:", err)
		os.Exit(2)
	}
}

// run reads its server and token from VAULT_ADDR, VAULT_CACERT, VAULT_TLS_SERVER_NAME and VAULT_TOKEN, and the key of
// `operator unseal` without one from VAULT_UNSEAL_KEY.
func run(args []string, out io.Writer) error {
	flags, words := split(args)
	words = append(words, "", "", "")
	switch verb := words[0] + " " + words[1]; {
	case words[0] == "read":
		return request(out, flags, http.MethodGet, words[1], nil)
	case words[0] == "list":
		return request(out, flags, "LIST", words[1], nil)
	case words[0] == "delete":
		return request(out, flags, http.MethodDelete, words[1], nil)
	case words[0] == "status":
		return request(out, flags, http.MethodGet, "sys/seal-status", nil)
	case words[0] == "write":
		body, err := parse(slices.DeleteFunc(words[2:], func(w string) bool { return w == "" }))
		if err != nil {
			return err
		}
		return request(out, flags, http.MethodPut, words[1], body)
	case verb == "auth list":
		return request(out, flags, http.MethodGet, "sys/auth", nil)
	case verb == "auth enable":
		return request(out, flags, http.MethodPost, "sys/auth/"+cmp.Or(flags["path"], words[2]), map[string]any{"type": words[2]})
	case verb == "token lookup":
		return request(out, flags, http.MethodGet, "auth/token/lookup-self", nil)
	case verb == "token revoke":
		return request(out, flags, http.MethodPost, "auth/token/revoke-self", nil)
	case verb == "operator unseal":
		return request(out, flags, http.MethodPut, "sys/unseal", map[string]any{"key": cmp.Or(words[2], os.Getenv("VAULT_UNSEAL_KEY"))})
	default:
		return errors.New("called wrongly\n" + usage)
	}
}

// split parts flags, -name=value, from words.
func split(args []string) (flags map[string]string, words []string) {
	flags = map[string]string{}
	for _, arg := range args {
		if name, ok := strings.CutPrefix(arg, "-"); ok {
			name, value, _ := strings.Cut(name, "=")
			flags[name] = value
			continue
		}
		words = append(words, arg)
	}
	return flags, words
}

// parse reads pairs, whose value is a file's content after an @.
func parse(pairs []string) (map[string]any, error) {
	body := map[string]any{}
	for _, pair := range pairs {
		name, value, ok := strings.Cut(pair, "=")
		if !ok {
			return nil, fmt.Errorf("reading %q: no name=value", pair)
		}
		if path, ok := strings.CutPrefix(value, "@"); ok {
			content, err := os.ReadFile(path)
			if err != nil {
				return nil, err
			}
			value = string(content)
		}
		body[name] = value
	}
	return body, nil
}

func request(out io.Writer, flags map[string]string, method, path string, body map[string]any) error {
	var in bytes.Buffer
	if body != nil {
		if err := json.NewEncoder(&in).Encode(body); err != nil {
			return err
		}
	}
	r, err := http.NewRequest(method, os.Getenv("VAULT_ADDR")+"/v1/"+strings.Trim(path, "/"), &in)
	if err != nil {
		return err
	}
	r.Header.Set("X-Vault-Token", os.Getenv("VAULT_TOKEN"))
	client, err := newClient()
	if err != nil {
		return err
	}
	response, err := client.Do(r)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	if response.StatusCode >= http.StatusMultipleChoices {
		return fmt.Errorf("%s %s: status %d: %s", method, path, response.StatusCode, bytes.TrimSpace(content))
	}
	return show(out, flags, content)
}

func newClient() (*http.Client, error) {
	config := &tls.Config{ServerName: os.Getenv("VAULT_TLS_SERVER_NAME")}
	if path := os.Getenv("VAULT_CACERT"); path != "" {
		pem, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		config.RootCAs = x509.NewCertPool()
		config.RootCAs.AppendCertsFromPEM(pem)
	}
	return &http.Client{Transport: &http.Transport{TLSClientConfig: config}}, nil
}

// show prints one field, or the answer as JSON.
func show(out io.Writer, flags map[string]string, content []byte) error {
	name, one := flags["field"]
	if !one {
		_, err := fmt.Fprintln(out, string(bytes.TrimSpace(content)))
		return err
	}
	var answer struct {
		Data map[string]any `json:"data"`
	}
	if err := json.Unmarshal(content, &answer); err != nil {
		return fmt.Errorf("decoding the answer: %w", err)
	}
	value, ok := answer.Data[name]
	if !ok {
		return fmt.Errorf("the answer has no field %q", name)
	}
	_, err := fmt.Fprint(out, value)
	return err
}
