package diagnose

import (
	"fmt"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
)

func adviseVaultName(t evidence.Target, _ evidence.Evidence) []string {
	return []string{
		fmt.Sprintf("# EXPORTER_VAULT_ADDR is %s: correct the name, or let the exporter's NetworkPolicy reach DNS (port 53)", t.Vault.Addr),
		"kubectl -n kube-system get pods -l k8s-app=kube-dns",
	}
}

func adviseVaultReach(t evidence.Target, _ evidence.Evidence) []string {
	return []string{
		"kubectl -n vault get pods,services,endpointslices",
		fmt.Sprintf("curl -sS --max-time 5 -o /dev/null -w '%%{http_code}\\n' %s", quoteTrusted(t.Vault.Addr+"/v1/sys/health")),
	}
}

func adviseVaultCA(t evidence.Target, _ evidence.Evidence) []string {
	return []string{
		fmt.Sprintf("# put the CA that signed Vault's certificate into EXPORTER_VAULT_CACERT (now: %s); this is the chain that Vault serves:", orNone(t.Vault.CACert)),
		showChain(t.Vault.Addr, t.Vault.TLSServerName),
	}
}

func adviseVaultCertificate(t evidence.Target, _ evidence.Evidence) []string {
	return []string{
		"# renew the certificate of Vault's listener, then have Vault load it: kill -HUP of the vault process",
		showChain(t.Vault.Addr, t.Vault.TLSServerName),
	}
}

func adviseVaultTLSName(t evidence.Target, _ evidence.Evidence) []string {
	return []string{
		"# reissue the certificate with this name, or set EXPORTER_VAULT_TLS_SERVER_NAME to a name that it carries:",
		showChain(t.Vault.Addr, t.Vault.TLSServerName),
	}
}

func adviseVaultTLS(t evidence.Target, _ evidence.Evidence) []string {
	return []string{
		fmt.Sprintf("# EXPORTER_VAULT_ADDR is %s: check the scheme, the files of the CA and the client certificate, and whether the listener demands one", t.Vault.Addr),
		showChain(t.Vault.Addr, t.Vault.TLSServerName),
	}
}

func adviseVaultAddress(t evidence.Target, _ evidence.Evidence) []string {
	return []string{
		fmt.Sprintf("# EXPORTER_VAULT_ADDR is %s: point it at Vault itself; this should print JSON with the field initialized:", t.Vault.Addr),
		"curl -sS --max-time 5 " + quoteTrusted(t.Vault.Addr+"/v1/sys/health"),
	}
}

func adviseInitialize(t evidence.Target, _ evidence.Evidence) []string {
	return []string{vault("operator", "init")}
}

func adviseUnseal(t evidence.Target, _ evidence.Evidence) []string {
	return []string{vault("operator", "unseal")}
}

func adviseLeader(t evidence.Target, _ evidence.Evidence) []string {
	return []string{vault("operator", "raft", "list-peers"), vault("status")}
}

func adviseRateQuota(t evidence.Target, _ evidence.Evidence) []string {
	return []string{
		vault("list", "sys/quotas/rate-limit"),
		"# raise the quota, or exempt the address that the exporter and the pods come from",
	}
}

func adviseLeaseQuota(t evidence.Target, _ evidence.Evidence) []string {
	return []string{
		vault("list", "sys/quotas/lease-count"),
		"# revoke leases, shorten TTLs, or give roles batch tokens; then raise the quota if it is still too low",
	}
}

func adviseOverload(t evidence.Target, _ evidence.Evidence) []string {
	return []string{"# Vault sheds load: find what floods it before adding capacity", vault("status")}
}

func adviseNamespace(t evidence.Target, _ evidence.Evidence) []string {
	return []string{
		fmt.Sprintf("# EXPORTER_VAULT_NAMESPACE is %s: correct it, or create the namespace", orNone(t.Vault.Namespace)),
		vault("namespace", "list", "-namespace="),
	}
}

func adviseNamespaceLock(t evidence.Target, _ evidence.Evidence) []string {
	return []string{vault("namespace", "unlock"), "# OpenBao, where the namespace is sealed: bao namespace unseal"}
}

func adviseVaultClock(evidence.Target, evidence.Evidence) []string {
	return []string{"# set the clock of Vault's hosts; compare:", "chronyc tracking"}
}

func adviseVaultInternal(t evidence.Target, _ evidence.Evidence) []string {
	return []string{
		"# Vault's server log names the cause; the usual ones are a full disk under an audit device, storage, a dead plugin process",
		vault("audit", "list"),
	}
}
