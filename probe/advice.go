package probe

import "strings"

// The advice of the catalogue: lines that can be pasted. A line that begins with #
// is for reading.

// vaultCommand is a vault command aimed at the target's Vault as the exporter
// reaches it.
func vaultCommand(t Target, words ...string) string {
	var command []string
	for _, variable := range []struct{ name, value string }{
		{"VAULT_ADDR", t.Vault.Addr},
		{"VAULT_CACERT", t.Vault.CACert},
		{"VAULT_TLS_SERVER_NAME", t.Vault.TLSServerName},
		{"VAULT_NAMESPACE", t.Vault.Namespace},
	} {
		if variable.value != "" {
			command = append(command, variable.name+"="+own(variable.value))
		}
	}
	return strings.Join(append(append(command, "vault"), words...), " ")
}

func showChain(address, serverName string) string {
	host := strings.TrimPrefix(strings.TrimPrefix(address, "https://"), "http://")
	host, _, _ = strings.Cut(host, "/")
	if !strings.Contains(host[strings.LastIndex(host, "]")+1:], ":") {
		host += ":443"
	}
	command := "openssl s_client -connect " + own(host) + " -showcerts"
	if serverName != "" {
		command += " -servername " + own(serverName)
	}
	return command + " </dev/null"
}

// account names a service account as kubectl wants it.
func account(c Claims, placeholder string) string {
	if c.Namespace == "" || c.ServiceAccount == "" {
		return "<namespace:" + placeholder + ">"
	}
	return foreign(c.Namespace+":"+c.ServiceAccount, "namespace:"+placeholder)
}

func rolePath(t Target) string { return mountPath(t) + "/role/" + t.Vault.Role }

func orNone(value string) string {
	if value == "" {
		return "not set"
	}
	return value
}
