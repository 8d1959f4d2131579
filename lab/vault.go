package lab

import (
	"context"
	"crypto/tls"
	"fmt"
	"net/http"
	"path/filepath"
)

const (
	mount      = "kubernetes"
	canaryRole = "canary"

	diagnosticRole = "vault-k8s-auth-exporter-diagnostic"
	readerPolicy   = "vault-k8s-auth-exporter"

	vaultCertificateFile = "vault.pem"
	debugLog             = "vault.log"
	auditLog             = "audit.log"
)

// A vault is the running Vault. Its client has the root token.
type vault struct {
	*client
	process      *process
	binary       string
	address      string
	ca           *authority
	tls          *tls.Config
	unsealKey    string
	installation Installation
}

// startVault returns when Vault is unsealed and writes its audit log. Vault uses the proxy for every host that is not a
// loopback address, but not for unresolvableHost. On an error the vault is nil unless there is a process to stop.
func startVault(ctx context.Context, dir, binary string, httpProxy *proxy, installation Installation) (v *vault, err error) {
	v = &vault{binary: binary, installation: installation}
	if v.ca, err = newAuthority("lab Vault CA"); err != nil {
		return nil, err
	}
	if v.address, err = freeAddress(); err != nil {
		return nil, err
	}
	server, err := v.ca.issue(serverCertificate("vault"))
	if err != nil {
		return nil, err
	}
	for name, data := range map[string][]byte{"vault-ca.crt": v.ca.PEM, vaultCertificateFile: server} {
		if err := ReplaceFile(filepath.Join(dir, name), data); err != nil {
			return nil, err
		}
	}
	v.tls = &tls.Config{InsecureSkipVerify: true} // a fault may have replaced the certificate; the process is the lab's own
	v.client = newClient("https://"+v.address+"/v1/", v.tls)
	env := []string{"HTTPS_PROXY=http://" + httpProxy.address, "NO_PROXY=kubernetes..svc"}
	v.process, err = startVaultServer(dir, binary, installation, vaultProcess{name: "vault", listen: v.address, log: debugLog}, env...)
	if err != nil {
		return nil, err
	}
	if err := v.setUp(ctx, dir); err != nil {
		return v, fmt.Errorf("setting up Vault: %w", err)
	}
	return v, nil
}

func (v *vault) stop() error {
	v.close()
	return v.process.stop()
}

func (v *vault) setUp(ctx context.Context, dir string) error {
	if err := v.process.untilReady(ctx, v.listening); err != nil {
		return err
	}
	if err := v.initialize(ctx); err != nil {
		return err
	}
	if err := v.unseal(ctx); err != nil {
		return err
	}
	return v.auditToFile(ctx, dir)
}

func (v *vault) auditToFile(ctx context.Context, dir string) error {
	err := v.post(ctx, "sys/audit/file", fields{
		"type":    "file",
		"options": fields{"file_path": filepath.Join(dir, auditLog)},
	}, nil)
	return ignoreStatus(err, http.StatusBadRequest, "already in use")
}

func (v *vault) listening(ctx context.Context) error { return v.get(ctx, "sys/seal-status", nil) }

func (v *vault) initialize(ctx context.Context) error {
	var answer struct {
		Keys      []string `json:"keys"`
		RootToken string   `json:"root_token"`
	}
	if err := v.post(ctx, "sys/init", fields{"secret_shares": 1, "secret_threshold": 1}, &answer); err != nil {
		return err
	}
	if len(answer.Keys) != 1 {
		return fmt.Errorf("initializing Vault: %d unseal keys", len(answer.Keys))
	}
	v.unsealKey = answer.Keys[0]
	v.header.Set("X-Vault-Token", answer.RootToken)
	return nil
}

// unseal returns when Vault can serve requests as the active node.
func (v *vault) unseal(ctx context.Context) error { return v.unsealUntil(ctx, "sys/health") }

// unsealUntil returns when Vault responds at the path without an error.
func (v *vault) unsealUntil(ctx context.Context, path string) error {
	if err := v.post(ctx, "sys/unseal", fields{"key": v.unsealKey}, nil); err != nil {
		return err
	}
	return poll(ctx, func(ctx context.Context) error { return v.get(ctx, path, nil) })
}

// seal does nothing if Vault is sealed already.
func (v *vault) seal(ctx context.Context) error {
	return ignoreStatus(v.post(ctx, "sys/seal", nil, nil), http.StatusServiceUnavailable, "Vault is sealed")
}

// enable mounts the auth method, without config or roles. It keeps an existing mount.
func (v *vault) enable(ctx context.Context, method string) error {
	err := v.post(ctx, "sys/auth/"+mount, fields{"type": method}, nil)
	return ignoreStatus(err, http.StatusBadRequest, "path is already in use")
}

// readerToken returns a token that may read the mount's config, roles and accessor, and look up identity entities: the
// optional evidence of the exporter.
func (v *vault) readerToken(ctx context.Context) (string, error) {
	const rules = `
path "auth/kubernetes/config" { capabilities = ["read"] }
path "auth/kubernetes/role/*" { capabilities = ["read"] }
path "sys/internal/ui/mounts/auth/kubernetes" { capabilities = ["read"] }
path "identity/lookup/entity" { capabilities = ["update"] }
`
	if err := v.post(ctx, "sys/policies/acl/"+readerPolicy, fields{"policy": rules}, nil); err != nil {
		return "", err
	}
	var answer struct {
		Auth struct {
			Token string `json:"client_token"`
		} `json:"auth"`
	}
	err := v.post(ctx, "auth/token/create", fields{"policies": []string{readerPolicy}}, &answer)
	return answer.Auth.Token, err
}

// accessors counts the valid tokens, including the root token.
func (v *vault) accessors(ctx context.Context) (int, error) {
	var answer struct {
		Data struct {
			Keys []string `json:"keys"`
		} `json:"data"`
	}
	err := v.call(ctx, "LIST", "auth/token/accessors", nil, &answer)
	return len(answer.Data.Keys), err
}
