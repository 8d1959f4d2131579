package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"os"
	"strconv"
	"strings"
)

// A command turns an invocation into one request.
type command struct {
	name             string
	flags            []string // in addition to commonFlags
	argUsage         string   // for the usage text
	minArgs, maxArgs int      // the number of arguments that it accepts
	request          func(invocation) (request, error)
	table            table // how the response is printed; nil: as JSON
}

// unbounded is the maxArgs of a command without a limit.
const unbounded = math.MaxInt

var commands = []command{
	{"read", nil, "PATH", 1, 1, requestTo(http.MethodGet, ""), secretTable},
	{"list", nil, "PATH", 1, 1, requestTo("LIST", ""), keysTable},
	{"delete", nil, "PATH", 1, 1, requestTo(http.MethodDelete, ""), nil},
	{"write", nil, "PATH [@FILE | - | K=V | K=@FILE]…", 1, unbounded, write, secretTable},
	{"status", nil, "", 0, 0, requestTo(http.MethodGet, "sys/seal-status"), statusTable},
	{"monitor", []string{"log-level"}, "", 0, 0, monitor, nil},
	{"audit list", nil, "", 0, 0, requestTo(http.MethodGet, "sys/audit"), mountTable("type", "description")},
	{"auth list", nil, "", 0, 0, requestTo(http.MethodGet, "sys/auth"), mountTable("type", "accessor", "description")},
	{"auth enable", []string{"path"}, "TYPE", 1, 1, enable, nil},
	{"namespace list", nil, "", 0, 0, requestTo("LIST", "sys/namespaces"), keysTable},
	{"namespace unlock", []string{"unlock-key"}, "[PATH]", 0, 1, unlock, nil},
	{"operator init", []string{"key-shares", "key-threshold"}, "", 0, 0, initialise, nil},
	{"operator unseal", nil, "[KEY]", 0, 1, unseal, nil},
	{"policy delete", nil, "NAME", 1, 1, deletePolicy, nil},
	{"policy write", nil, "NAME -|FILE", 2, 2, writePolicy, nil},
	{"token create", []string{"orphan", "policy", "period", "ttl"}, "", 0, 0, createToken, nil},
	{"token lookup", nil, "[TOKEN]", 0, 1, lookUp, nil},
	{"token revoke", []string{"self"}, "[TOKEN]", 0, 1, revoke, nil},
}

// requestTo builds a request without a body. An empty path stands for the first argument.
func requestTo(method, path string) func(invocation) (request, error) {
	return func(c invocation) (request, error) {
		return request{method: method, path: cmp.Or(path, c.arg(0))}, nil
	}
}

func write(c invocation) (request, error) {
	body, err := pairs(c.args[1:], c.stdin)
	return request{method: http.MethodPut, path: c.arg(0), body: body}, err
}

// pairs parses NAME=VALUE, NAME=@FILE, and @FILE or - with a JSON object. Unlike HashiCorp's command, which makes a list of
// them, it refuses a name that is given twice.
func pairs(args []string, stdin io.Reader) (map[string]any, error) {
	body := map[string]any{}
	for _, pair := range args {
		if path, ok := strings.CutPrefix(pair, "@"); ok {
			content, err := os.ReadFile(path)
			if err != nil {
				return nil, err
			}
			if err := json.Unmarshal(content, &body); err != nil {
				return nil, fmt.Errorf("reading %s: %w", path, err)
			}
			continue
		}
		if pair == "-" {
			if err := json.NewDecoder(stdin).Decode(&body); err != nil {
				return nil, fmt.Errorf("reading the standard input: %w", err)
			}
			continue
		}
		name, value, ok := strings.Cut(pair, "=")
		if _, twice := body[name]; twice {
			return nil, fmt.Errorf("%s is given twice", name)
		}
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

func monitor(c invocation) (request, error) {
	return request{method: http.MethodGet, path: "sys/monitor?log_level=" + cmp.Or(c.flag("log-level"), "info"), stream: true}, nil
}

func enable(c invocation) (request, error) {
	kind := c.arg(0)
	path := "sys/auth/" + cmp.Or(c.flag("path"), kind)
	return request{method: http.MethodPost, path: path, body: map[string]any{"type": kind}}, nil
}

func unlock(c invocation) (request, error) {
	path := "sys/namespaces/api-lock/unlock/" + c.arg(0)
	return request{method: http.MethodPut, path: path, body: map[string]any{"unlock_key": c.flag("unlock-key")}}, nil
}

func initialise(c invocation) (request, error) {
	shares, err := strconv.Atoi(cmp.Or(c.flag("key-shares"), "5"))
	if err != nil {
		return request{}, err
	}
	threshold, err := strconv.Atoi(cmp.Or(c.flag("key-threshold"), "3"))
	return request{method: http.MethodPut, path: "sys/init", body: map[string]any{"secret_shares": shares, "secret_threshold": threshold}}, err
}

// unseal takes the key from the argument or from VAULT_UNSEAL_KEY. HashiCorp's command would prompt for it.
func unseal(c invocation) (request, error) {
	key := cmp.Or(c.arg(0), os.Getenv("VAULT_UNSEAL_KEY"))
	if key == "" {
		return request{}, errors.New("operator unseal: no KEY, and no VAULT_UNSEAL_KEY")
	}
	return request{method: http.MethodPut, path: "sys/unseal", body: map[string]any{"key": key}}, nil
}

func writePolicy(c invocation) (request, error) {
	var policy []byte
	var err error
	if file := c.arg(1); file == "-" {
		policy, err = io.ReadAll(c.stdin)
	} else {
		policy, err = os.ReadFile(file)
	}
	return request{method: http.MethodPut, path: "sys/policies/acl/" + c.arg(0), body: map[string]any{"policy": string(policy)}}, err
}

func deletePolicy(c invocation) (request, error) {
	return request{method: http.MethodDelete, path: "sys/policies/acl/" + c.arg(0)}, nil
}

func createToken(c invocation) (request, error) {
	path := "auth/token/create"
	if _, orphan := c.flags["orphan"]; orphan {
		path += "-orphan"
	}
	body := map[string]any{}
	if policies := c.flags["policy"]; policies != nil {
		body["policies"] = policies
	}
	for _, name := range []string{"period", "ttl"} {
		if value := c.flag(name); value != "" {
			body[name] = value
		}
	}
	return request{method: http.MethodPost, path: path, body: body}, nil
}

func lookUp(c invocation) (request, error) {
	if token := c.arg(0); token != "" {
		return request{method: http.MethodPost, path: "auth/token/lookup", body: map[string]any{"token": token}}, nil
	}
	return request{method: http.MethodGet, path: "auth/token/lookup-self"}, nil
}

func revoke(c invocation) (request, error) {
	token := c.arg(0)
	_, self := c.flags["self"]
	switch {
	case self == (token != ""):
		return request{}, errors.New("token revoke: either -self or a TOKEN")
	case self:
		return request{method: http.MethodPost, path: "auth/token/revoke-self"}, nil
	default:
		return request{method: http.MethodPost, path: "auth/token/revoke", body: map[string]any{"token": token}}, nil
	}
}
