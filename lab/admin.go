package lab

import (
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

const (
	adminConfig = "admin.kubeconfig"
	commandDir  = "bin" // where kubectl and vault go by their own names
)

// equip gives an administrator's shell its commands and its way into the cluster.
func (l *Lab) installAdminTools(b Binaries) error {
	if err := os.Mkdir(l.path(commandDir), 0o700); err != nil {
		return err
	}
	return errors.Join(
		os.Symlink(b.Kubectl, filepath.Join(l.path(commandDir), "kubectl")),
		os.Symlink(b.VaultCommand, filepath.Join(l.path(commandDir), "vault")),
		replaceFile(l.path(adminConfig), l.cluster.kubeconfig()),
	)
}

// kubeconfig is the administrator's, past the proxies.
func (c *cluster) kubeconfig() []byte {
	encode := base64.StdEncoding.EncodeToString
	return fmt.Appendf(nil, `apiVersion: v1
kind: Config
current-context: lab
contexts: [{name: lab, context: {cluster: lab, user: admin}}]
clusters: [{name: lab, cluster: {server: "https://%s", certificate-authority-data: %s}}]
users: [{name: admin, user: {client-certificate-data: %[3]s, client-key-data: %[3]s}}]
`, c.address, encode(c.ca.PEM), encode(c.admin))
}

// AdminEnv is the environment of a shell that may do everything on both servers, NAME=value each. It holds credentials: it
// is for running what the exporter prints, not for showing.
func (l *Lab) AdminEnv() []string {
	return []string{
		"PATH=" + l.path(commandDir) + string(filepath.ListSeparator) + os.Getenv("PATH"),
		"KUBECONFIG=" + l.path(adminConfig),
		"VAULT_TOKEN=" + l.vault.header.Get("X-Vault-Token"),
		"VAULT_UNSEAL_KEY=" + l.vault.unsealKey,
	}
}
