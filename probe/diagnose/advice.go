package diagnose

import (
	"slices"
	"strings"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
)

// The advice of the catalogue: lines that can be pasted. A line that begins with #
// is for reading.

// advice returns the lines that mend the reason at this target. Where one of them
// is a vault command, the first aims the shell at the target's Vault.
func (r Reason) advice(t evidence.Target, e evidence.Evidence) []string {
	if catalogue[r].advise == nil {
		return nil
	}
	lines := catalogue[r].advise(t, e)
	if r.Component() == ComponentVaultToKubernetes || r == ReviewerDrift || r == Unexplained {
		lines = append(lines, whereLogged(e))
	}
	return aimed(t, lines)
}

// whereLogged says where Vault itself tells why it refused a login: the one place
// beside the diagnostic role.
func whereLogged(e evidence.Evidence) string {
	if e.Mount.Accessor == "" {
		return "# Vault's log at level debug says why, in lines with: auth.kubernetes and login unauthorized"
	}
	accessor := quoteUntrusted(e.Mount.Accessor, "accessor")
	return "# Vault's log at level debug says why, in lines with: auth.kubernetes." + strings.Trim(accessor, "'") + ": login unauthorized; " +
		"the requests are in its audit log with mount_accessor " + accessor
}

func aimed(t evidence.Target, lines []string) []string {
	if slices.ContainsFunc(lines, func(line string) bool { return strings.HasPrefix(line, "vault ") }) {
		lines = append([]string{aim(t)}, lines...)
	}
	if slices.ContainsFunc(lines, func(line string) bool { return namesFile(t, line) }) {
		lines = append([]string{"# the files named here are those of the exporter's pod: run this where they are, or name copies of them"}, lines...)
	}
	return lines
}

// namesFile reports whether a command names a file that the exporter's pod has.
func namesFile(t evidence.Target, line string) bool {
	return !strings.HasPrefix(line, "#") && slices.ContainsFunc(
		[]string{t.Vault.CACert, t.Kubernetes.CACert, t.Reviewer.TokenFile, t.Canary.TokenFile},
		func(file string) bool { return file != "" && strings.Contains(line, quoteTrusted(file)) })
}

// aim points the vault command at the target's Vault as the exporter reaches it.
func aim(t evidence.Target) string {
	command := "export"
	for _, variable := range []struct{ name, value string }{
		{"VAULT_ADDR", t.Vault.Addr},
		{"VAULT_CACERT", t.Vault.CACert},
		{"VAULT_TLS_SERVER_NAME", t.Vault.TLSServerName},
		{"VAULT_NAMESPACE", t.Vault.Namespace},
	} {
		if variable.value != "" {
			command += " " + variable.name + "=" + quoteTrusted(variable.value)
		}
	}
	return command
}

func vault(words ...string) string { return "vault " + strings.Join(words, " ") }

func showChain(address, serverName string) string {
	host := strings.TrimPrefix(strings.TrimPrefix(address, "https://"), "http://")
	host, _, _ = strings.Cut(host, "/")
	if !strings.Contains(host[strings.LastIndex(host, "]")+1:], ":") {
		host += ":443"
	}
	command := "openssl s_client -connect " + quoteTrusted(host) + " -showcerts"
	if serverName != "" {
		command += " -servername " + quoteTrusted(serverName)
	}
	return command + " </dev/null"
}

// account names a service account as kubectl wants it.
func account(c evidence.Claims, placeholder string) string {
	if c.Namespace == "" || c.ServiceAccount == "" {
		return "<namespace:" + placeholder + ">"
	}
	return quoteUntrusted(c.Namespace+":"+c.ServiceAccount, "namespace:"+placeholder)
}

func rolePath(t evidence.Target) string { return mountPath(t) + "/role/" + t.Vault.Role }

func orNone(value string) string {
	if value == "" {
		return "not set"
	}
	return value
}
