package diagnose

import (
	"cmp"
	"fmt"
	"net/url"
	"strings"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/shell"
)

// Advice for a server at Vault's address that does not serve the login.

// askHealth returns a check that requests sys/health. Every Vault responds with JSON that has
// the field initialized.
func askHealth(t evidence.Target, shows string) Check {
	return Check{curlVault(t) + shell.Quote(t.Vault.Addr+"/v1/sys/health"), shows}
}

// curlVault returns the beginning of a command that requests a URL of Vault. A listener that
// requires a client certificate answers nobody without one.
func curlVault(t evidence.Target) string {
	command := "curl -sSk --max-time 5 "
	if t.Vault.ClientCert != "" {
		command += "--cert <client-cert> --key <client-key> "
	}
	return command
}

const notVault = "no field initialized"

func adviseVaultAddress(t evidence.Target, e evidence.Evidence) Advice {
	note := fmt.Sprintf("EXPORTER_VAULT_ADDR is %s: point it at Vault itself.", t.Vault.Addr)
	check := askHealth(t, notVault)
	switch {
	case t.Kubernetes.IsServedAt(t.Vault.Addr):
		note = fmt.Sprintf("EXPORTER_VAULT_ADDR is %s, which is the API server of Kubernetes: set it to Vault's address.", t.Vault.Addr)
	case e.Health.Ok():
		note = fmt.Sprintf("Vault's sys/health responds at %s, but the login does not: something on the path, such as an ingress or a firewall, "+
			"treats the path /v1/%s differently. Allow that path.", t.Vault.Addr, loginPath(t))
		check = Check{curlVault(t) + "--data '{}' " + shell.Quote(t.Vault.Addr+"/v1/"+loginPath(t)), "no field errors"}
	}
	return Advice{Notes: []string{note}, Check: []Check{check}}
}

func adviseVaultBackend(t evidence.Target, e evidence.Evidence) Advice {
	if e.Health.Ok() {
		return Advice{
			Notes: []string{
				fmt.Sprintf("Vault's sys/health responds at %s. The load balancer or proxy lost its connection to Vault during the login, or did not wait long enough: "+
					"Vault waits up to 30 s for Kubernetes.", t.Vault.Addr),
				"Set EXPORTER_VAULT_ADDR to Vault itself, bypassing the load balancer, to find out which.",
			},
			Check: []Check{vaultPods(t)},
		}
	}
	return Advice{
		Notes: []string{
			fmt.Sprintf("The server at %s has no Vault to pass requests to. Make sure that Vault's pods are ready.", t.Vault.Addr),
			"If they are, correct the health check of the load balancer: sys/health returns 429 on a standby and 503 while sealed.",
		},
		Check: []Check{vaultPods(t), askHealth(t, notVault)},
	}
}

func adviseForwardedFor(t evidence.Target, _ evidence.Evidence) Advice {
	return Advice{
		Notes: []string{
			"In the tcp listener of Vault's configuration, add the address of the proxy to x_forwarded_for_authorized_addrs, " +
				"or set x_forwarded_for_reject_not_authorized and x_forwarded_for_reject_not_present to false; then restart Vault.",
			"Pods that reach Vault on another path than the exporter may be able to log in.",
		},
		Check: []Check{askHealth(t, "x-forwarded-for in an error")},
	}
}

func adviseNoLeader(t evidence.Target, e evidence.Evidence) Advice {
	advice := Advice{
		Notes: []string{
			"Restore the quorum of the storage. With raft, most of the nodes have to run and be unsealed: run the check on each. " +
				"If this is a disaster-recovery secondary, point EXPORTER_VAULT_ADDR at the primary.",
		},
		Check: []Check{{vault("status"), "HA Mode standby"}, vaultPods(t)},
	}
	active := e.Login.Failure.Active
	switch {
	case active != "" && saidSealed(e):
		advice.Notes = []string{"Unseal the node that was active. If there is still no active node, unseal every other node that the check shows to be sealed."}
		advice.Fix = []string{vault("operator", "unseal", "-address="+shell.QuoteUntrusted(active, "address of the node"))}
	case e.Health.Ok() && e.Health.Value.Standby:
		advice.Notes = append(advice.Notes, "If another node is active, this one cannot reach it: let the nodes reach each other at cluster_addr (port 8201), "+
			"and set api_addr to an address that clients reach.")
	}
	return advice
}

func adviseRedirect(t evidence.Target, e evidence.Evidence) Advice {
	if !e.Health.Ok() || !e.Health.Value.Standby {
		a := adviseVaultAddress(t, e)
		a.Notes = append(a.Notes, "Clients in pods may follow the redirect, which the exporter does not, if it leads to a Vault that they trust.")
		return a
	}
	return Advice{
		Notes: []string{
			fmt.Sprintf("The node at %s is a standby that cannot forward the login to the active node, and redirects to the active node's api_addr. "+
				"Let the nodes reach each other at cluster_addr (port 8201), and set api_addr to an address that clients reach.", t.Vault.Addr),
			"Clients in pods follow such a redirect if they can reach and trust the node that it names.",
		},
		Check: []Check{{vault("status"), "HA Mode standby"}},
	}
}

// fromOutside returns a sentence on how to reach the Service of a Vault from a workstation;
// empty if the address is not that of a Service, whose name only pods resolve.
func fromOutside(t evidence.Target) string {
	namespace := evidence.ServiceNamespace(t.Vault.Addr)
	u, err := url.Parse(t.Vault.Addr)
	if err != nil || namespace == "" {
		return ""
	}
	service, _, _ := strings.Cut(u.Hostname(), ".")
	port := cmp.Or(u.Port(), map[string]string{"http": "80"}[u.Scheme], "443")
	instead := "VAULT_ADDR=" + shell.Quote(u.Scheme+"://127.0.0.1:8200"+u.Path)
	if u.Scheme == "https" {
		instead += " VAULT_TLS_SERVER_NAME=" + shell.Quote(cmp.Or(t.Vault.TLSServerName, u.Hostname()))
	}
	return fmt.Sprintf("VAULT_ADDR is an address inside the cluster. From a workstation, forward a port to it (kubectl -n %s port-forward %s 8200:%s) and export %s instead.",
		shell.Quote(namespace), shell.Quote("service/"+service), port, instead)
}
