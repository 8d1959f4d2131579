package diagnose

import (
	"cmp"
	"fmt"
	"net/url"
	"strings"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/shell"
)

// The reasons about Vault's own connection to its API server.
const (
	VaultToKubernetesUnreachable   Reason = "vault_to_kubernetes_unreachable"
	VaultToKubernetesTimeout       Reason = "vault_to_kubernetes_timeout"
	VaultToKubernetesTLS           Reason = "vault_to_kubernetes_tls"
	VaultToKubernetesMisconfigured Reason = "vault_to_kubernetes_misconfigured"
	VaultToKubernetesProxy         Reason = "vault_to_kubernetes_proxy"
	VaultToKubernetesFailed        Reason = "vault_to_kubernetes_failed"
)

var vaultToKubernetesReasons = sorted(
	Spec{
		Code: VaultToKubernetesUnreachable, Component: ComponentVaultToKubernetes, Title: "Vault cannot connect to its API server",
		Means: "Vault cannot connect to `kubernetes_host`: a wrong name or port, or a firewall. The exporter can.",
		Seen: "The diagnostic role reports `no such host`, `connection refused` or the like: proven. " +
			"Without a diagnostic role the reason is [`vault_to_kubernetes_failed`](#vault_to_kubernetes_failed).",
		Remedy:   "Check the connection from where Vault runs.",
		Reported: "hashicorp/vault-plugin-auth-kubernetes#194",
		advise:   adviseMountReach,
	},
	Spec{
		Code: VaultToKubernetesTimeout, Component: ComponentVaultToKubernetes, Title: "Vault gets no response from its API server",
		Means: "Vault waits for its API server: 10 s for a TLS handshake, 30 s for a connection, up to 90 s for an answer. " +
			"Then it responds with a bare 403, if the client is still connected.",
		Seen: "The login took 9.5 s or more, or hangs, while `sys/health` is fast and the exporter's own TokenReview succeeded: by elimination. " +
			"The diagnostic role reports a `timeout`: proven. A login with the diagnostic role, or with a forged token that has not expired, hangs too, " +
			"and Vault answers those at once that it refuses by itself: proven, since between the two is only its call to the API server.",
		Remedy:   "Check firewalls, private endpoints and authorized networks.",
		Reported: `hashicorp/vault#8804: "timeouts after 30 seconds with a 403".`,
		advise:   adviseMountReach,
	},
	Spec{
		Code: VaultToKubernetesTLS, Component: ComponentVaultToKubernetes, Title: "Vault does not trust the API server's certificate",
		Means: "The CA in the mount's config does not verify what `kubernetes_host` serves: the cluster's CA was rotated, " +
			"the name does not match, or the server speaks plain HTTP.",
		Seen: "The diagnostic role reports an `x509:` or `tls:` error: proven. The readable CA does not verify the certificate that the exporter is served: " +
			"by elimination. It may appear hours later, because Vault keeps its connection open.",
		Remedy:   "Write the new CA, with every other field. After a failover of Vault 1.11.0 to 1.11.8 or 1.12.0 to 1.12.2, reload the plugin instead.",
		Reported: "hashicorp/vault#31139",
		advise:   adviseMountCA,
	},
	Spec{
		Code: VaultToKubernetesMisconfigured, Component: ComponentVaultToKubernetes, Title: "the mount's kubernetes_host is not the URL of an API server",
		Means:    "`kubernetes_host` is not a URL (the scheme is missing), or not that of an API server.",
		Seen:     "The diagnostic role reports a parse error or an unexpected answer, or the host in the config, read in this run, has no scheme: proven.",
		Remedy:   "Write an https URL.",
		Reported: "hashicorp/vault-plugin-auth-kubernetes#20",
		advise: func(t evidence.Target, e evidence.Evidence) Advice {
			return Advice{
				Check: []Check{connectAsVault(t, e)},
				Fix:   changeConfig(t, e, hostSetting(t), caSetting(t, e)),
			}
		},
	},
	Spec{
		Code: VaultToKubernetesProxy, Component: ComponentVaultToKubernetes, Title: "Vault's HTTP proxy does not let it through to its API server",
		Means: "Vault's own environment has `HTTPS_PROXY`, and `kubernetes_host` is not in its `NO_PROXY`: Vault asks the proxy to connect it, " +
			"and the proxy refuses or cannot be reached.",
		Seen: "The diagnostic role reports Go's `proxyconnect`, or the status of the proxy's answer to CONNECT, such as `Forbidden`: proven. " +
			"Without a diagnostic role the reason is [`vault_to_kubernetes_failed`](#vault_to_kubernetes_failed).",
		Remedy: "Add the host to `NO_PROXY` in Vault's environment: in Vault's Helm chart, `server.extraEnvironmentVars`.",
		advise: adviseMountProxy,
	},
	Spec{
		Code: VaultToKubernetesFailed, Component: ComponentVaultToKubernetes,
		Title: "Vault cannot have tokens reviewed: its reviewer token, CA or host is wrong",
		Means: "Everything that can be checked from outside works, but Vault cannot have the token reviewed: its reviewer token, CA or host is wrong.",
		Seen: "The exporter's own TokenReview of the same token succeeded, mount and role are right, but the login gets a bare 403: by elimination. " +
			"The diagnostic role reports that the host answered Vault with 5xx: proven. An error of an unknown kind: by elimination.",
		Remedy:   "Look for `login unauthorized: err=` in Vault's debug log, or give the exporter [more evidence](evidence.md).",
		Reported: "hashicorp/vault-plugin-auth-kubernetes#168: every one of these causes gives the same 403.",
		advise:   adviseVaultToKubernetes,
	},
)

// adviseVaultToKubernetes is for a failure with several candidates. A fix for the most
// likely one is given if the exporter knows what to write.
func adviseVaultToKubernetes(t evidence.Target, e evidence.Evidence) Advice {
	if notes := answeredByAnother(e); notes != nil {
		return Advice{Check: []Check{connectAsVault(t, e)}, Notes: notes}
	}
	const otherwise = "the check that shows its sign names the cause: kubernetes_host or its CA, the reviewer token, the canary's entity, or what Vault logs, " +
		"such as a proxy in Vault's environment (HTTPS_PROXY)."
	var a Advice
	switch elsewhere := e.Mount.Config.Ok() && !t.Kubernetes.IsServedAt(e.Mount.Config.Value.Host); {
	case reviewerSetting(t, e).value != "":
		a = adviseReviewerDrift(t, e)
		a.Notes = append(a.Notes, "The fix is for the most likely cause, another reviewer token, and keeps every other field. If it changes nothing, "+otherwise)
	case elsewhere:
		a = reconnect(t, e)
		a.Notes = append(a.Notes, "If the fix changes nothing, "+otherwise)
	case t.Reviewer.Source.Spec().SelfReview:
		a.Notes = []string{"EXPORTER_REVIEWER=canary assumes that Vault stores no token_reviewer_jwt. If it stores one, set EXPORTER_REVIEWER to where that token " +
			"comes from. Otherwise " + otherwise}
	default:
		a.Notes = []string{"EXPORTER_REVIEWER=accessreview assumes that Vault uses the token of its own pod. If token_reviewer_jwt_set or disable_local_ca_jwt is true, it does not: " +
			"set EXPORTER_REVIEWER to where its token comes from. Otherwise " + otherwise}
	}
	a.Check = []Check{connectAsVault(t, e), storesReviewer(t), {lookupEntity(t, e), disabledEntity}, watchLog()}
	return a
}

// answeredByAnother returns what to do if Vault was answered with an error, which it repeats:
// no change of the config helps then.
func answeredByAnother(e evidence.Evidence) []string {
	for _, text := range []string{e.Login.Failure.Text, e.FollowUps.DiagnosticRole.Value.Text} {
		switch reason := callReason(text); {
		case reason == VaultToKubernetesMisconfigured:
			return []string{"What answers Vault is no API server, although the host is right: look for a proxy, gateway or load balancer between Vault and its kubernetes_host, " +
				"also for one in Vault's environment (HTTPS_PROXY, to be excepted with NO_PROXY). No change of the config helps against it."}
		case reason == VaultToKubernetesFailed && evidence.Contains(text, answered):
			return []string{"Vault reached its kubernetes_host, and was answered with an error: look for its cause there. No change of the config helps against it."}
		}
	}
	return nil
}

// watchLog returns the check that prints Vault's log until it is interrupted.
func watchLog() Check {
	return Check{vault("monitor", "-log-level=debug"), "login unauthorized with its cause at the next login, until Ctrl-C"}
}

// connectAsVault returns a check that connects to the API server with the host and the CA in the
// mount's config. Elsewhere than at Vault the host may not resolve. Without a CA in the config Vault
// uses that of its pod, which the check does not have: then it verifies nothing.
func connectAsVault(t evidence.Target, e evidence.Evidence) Check {
	const shows = anythingButOK + ", if run where Vault runs"
	get := func(field string) string { return vault("read", "-field="+field, configPath(t)) }
	request := `"$(` + get("kubernetes_host") + `)/readyz"`
	switch c := e.Mount.Config; {
	case c.Ok() && c.Value.CACert == "":
		return Check{"curl -sSk --max-time 5 " + request, shows}
	case !c.Ok() && t.Reviewer.Source.Spec().AccessReview: // the config may have either
		return Check{get(kubernetesCA) + " > mount-ca.crt; curl -sS --max-time 5 $(test -s mount-ca.crt && echo --cacert mount-ca.crt || echo -k) " + request, shows}
	}
	return Check{get(kubernetesCA) + " | curl -sS --max-time 5 --cacert /dev/stdin " + request, shows}
}

func adviseMountReach(t evidence.Target, e evidence.Evidence) Advice {
	return Advice{
		Notes: sentences("Look for a firewall, private endpoint or NetworkPolicy between Vault and the API server, or for a proxy in Vault's environment (HTTPS_PROXY).",
			vaultsPlatform(t, e).network),
		Check: []Check{connectAsVault(t, e)},
	}
}

// adviseMountProxy is for a proxy in the environment of Vault itself.
func adviseMountProxy(t evidence.Target, e evidence.Evidence) Advice {
	host := vaultsHost(t, e)
	return Advice{
		Notes: []string{
			fmt.Sprintf("Vault connects to %[1]s through the proxy in its own HTTPS_PROXY: add %[1]s to NO_PROXY in the environment of Vault's pods "+
				"(in Vault's Helm chart: server.extraEnvironmentVars), and restart them. Keep what NO_PROXY has; a network such as 10.0.0.0/8 can be an entry.", host),
			"If Vault reaches the API server only through this proxy, allow that in the proxy instead.",
		},
		Check: []Check{{"kubectl get pods -A -l 'app.kubernetes.io/name in (vault, openbao)' -o yaml | grep -i -A 1 _proxy", "HTTPS_PROXY, and a NO_PROXY without " + host}},
	}
}

// vaultsHost returns the host name with which Vault calls the API server: from the config,
// from the URL in Vault's error or, if neither is known, the exporter's.
func vaultsHost(t evidence.Target, e evidence.Evidence) string {
	address := cmp.Or(e.Mount.Config.Value.Host, calledURL(e.FollowUps.DiagnosticRole.Value.Text), calledURL(e.Login.Failure.Text), t.Kubernetes.Host)
	u, err := url.Parse(address)
	if err != nil || u.Hostname() == "" {
		return "<kubernetes_host>"
	}
	return strings.Trim(shell.QuoteUntrusted(u.Hostname(), "kubernetes_host"), "'")
}
