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
	commandDir  = "bin" // has links named kubectl, jq and vault, and bao at OpenBao
)

// installCommands makes the directory of commands that AdminEnv puts on the PATH. Those without a path are left out.
func (l *Lab) installCommands(c Commands) error {
	if err := os.Mkdir(l.path(commandDir), 0o700); err != nil {
		return err
	}
	links := map[string]string{"kubectl": c.Kubectl, "jq": c.JQ, "vault": c.Vault}
	if l.installation.IsOpenBao() {
		links["bao"] = c.Vault
	}
	var errs []error
	for name, path := range links {
		if path != "" {
			errs = append(errs, os.Symlink(path, filepath.Join(l.path(commandDir), name)))
		}
	}
	return errors.Join(errs...)
}

// kubeconfig has the administrator's certificate, and the API server's own address: no fault of a proxy affects it. Its
// namespace is the reviewer's, where a RoleBinding can mislead a command that asks without --all-namespaces.
func (c *cluster) kubeconfig() []byte {
	encode := base64.StdEncoding.EncodeToString
	return fmt.Appendf(nil, `apiVersion: v1
kind: Config
current-context: lab
contexts: [{name: lab, context: {cluster: lab, user: admin, namespace: %[4]s}}]
clusters: [{name: lab, cluster: {server: "https://%[1]s", certificate-authority-data: %[2]s}}]
users: [{name: admin, user: {client-certificate-data: %[3]s, client-key-data: %[3]s}}]
`, c.address, encode(c.ca.PEM), encode(c.admin), reviewerAccount.namespace)
}

// AdminEnv is the environment of a shell with full rights on both servers, as NAME=value, and with the commands if
// [Options] asked for them. It contains credentials: use it to run the commands that the exporter prints, and do not
// print it.
func (l *Lab) AdminEnv() []string {
	v := l.vault
	if l.raft != nil {
		v = l.raft.leader
	}
	return []string{
		"PATH=" + l.path(commandDir) + string(filepath.ListSeparator) + os.Getenv("PATH"),
		"KUBECONFIG=" + l.path(adminConfig),
		"VAULT_CACERT=" + l.path("vault-ca.crt"),
		"VAULT_TOKEN=" + v.header.Get("X-Vault-Token"),
		"VAULT_UNSEAL_KEY=" + v.unsealKey,
	}
}
