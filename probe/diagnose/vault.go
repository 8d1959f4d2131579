package diagnose

import (
	"fmt"
	"time"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/shell"
)

// The reasons and warnings about Vault itself and the network path to it.
const (
	VaultDNS                  Reason = "vault_dns"
	VaultUnreachable          Reason = "vault_unreachable"
	VaultTimeout              Reason = "vault_timeout"
	VaultTLSUntrusted         Reason = "vault_tls_untrusted"
	VaultTLSExpired           Reason = "vault_tls_expired"
	VaultTLSName              Reason = "vault_tls_name"
	VaultTLSFailed            Reason = "vault_tls_failed"
	VaultBadResponse          Reason = "vault_bad_response"
	VaultNoBackend            Reason = "vault_no_backend"
	VaultForwardedForRejected Reason = "vault_forwarded_for_rejected"
	VaultUninitialized        Reason = "vault_uninitialized"
	VaultSealed               Reason = "vault_sealed"
	VaultNoLeader             Reason = "vault_no_leader"
	VaultRateLimited          Reason = "vault_rate_limited"
	VaultLeaseQuota           Reason = "vault_lease_quota"
	VaultOverloaded           Reason = "vault_overloaded"
	VaultRedirect             Reason = "vault_redirect"
	VaultNamespaceMissing     Reason = "vault_namespace_missing"
	VaultNamespaceUnavailable Reason = "vault_namespace_unavailable"
	VaultClockSkew            Reason = "vault_clock_skew"
	VaultInternalError        Reason = "vault_internal_error"

	CertificateExpiring WarningCode = "certificate_expiring"
	ClockSkew           WarningCode = "clock_skew"
)

var vaultReasons = sorted(
	Spec{
		Code: VaultDNS, Component: ComponentVault, Title: "Vault's name does not resolve",
		Means:    "The name in `EXPORTER_VAULT_ADDR` has no address where the exporter runs.",
		Seen:     "The resolver's error, at the login, or at `sys/health` if the login was not answered either: proven.",
		Remedy:   "Correct the name, or allow DNS (ports 53 and 5353) in the NetworkPolicy.",
		Reported: "hashicorp/vault-k8s#206: the init container's login keeps failing with `lookup vault.demo.svc: i/o timeout`.",
		advise: func(t evidence.Target, _ evidence.Evidence) Advice {
			return Advice{
				Notes: []string{fmt.Sprintf("EXPORTER_VAULT_ADDR is %s: correct the name, or let the exporter's NetworkPolicy allow DNS (port 53, and 5353 on OpenShift).", t.Vault.Addr)},
				Check: []Check{askHealth(t, "Could not resolve host"), {"kubectl -n kube-system get pods -l k8s-app=kube-dns", "a pod that is not ready"}},
			}
		},
	},
	Spec{
		Code: VaultUnreachable, Component: ComponentVault, Title: "Vault refuses or drops connections",
		Means:    "Connections to Vault are refused, reset, or closed before an answer. Pods see the same, unless a NetworkPolicy blocks only the exporter.",
		Seen:     "Connection refused, reset, no route, or end of file, at the login, or at `sys/health` if the login was not answered either: proven.",
		Remedy:   "Check that Vault's pods run and that the Service has endpoints, then the network path.",
		Reported: "hashicorp/vault-k8s#281: the init container's login fails with `connection reset by peer`.",
		advise:   adviseVaultReach,
	},
	Spec{
		Code: VaultTimeout, Component: ComponentVault, Title: "Vault does not answer in time",
		Means: "Vault did not answer before the deadline, with or without accepting the connection.",
		Seen: "The login **and** `sys/health` timed out, or every login hangs, even one with a role that does not exist: proven. " +
			"The login timed out, and another server answers `sys/health`, such as a proxy that blocks it: by elimination. " +
			"If Vault answers that one at once and only the canary's hangs, Vault is waiting for Kubernetes: [`vault_to_kubernetes_timeout`](#vault_to_kubernetes_timeout).",
		Remedy:   "Check the network and Vault's load.",
		Reported: "bank-vaults/bank-vaults#1250",
		advise:   adviseVaultReach,
	},
	Spec{
		Code: VaultTLSUntrusted, Component: ComponentVault, Title: "Vault's certificate is signed by an authority that the exporter does not trust",
		Means:    "The CA bundle in `EXPORTER_VAULT_CACERT` does not verify the certificate that Vault serves: Vault's CA has changed, or another server responds instead of Vault.",
		Seen:     "The TLS error names an unknown authority: proven.",
		Remedy:   "Compare the issuer of the served certificate with the bundle before you replace the bundle.",
		Reported: "hashicorp/vault#11480",
		advise: func(t evidence.Target, _ evidence.Evidence) Advice {
			return Advice{
				Notes: []string{fmt.Sprintf("Put the CA that signed Vault's certificate into EXPORTER_VAULT_CACERT (now %s).", t.Pod.Describe(t.Vault.CACert))},
				Check: []Check{{certificate(t.Vault.Addr, t.Vault.TLSServerName, "-issuer"), "the subject of a CA that is not in EXPORTER_VAULT_CACERT"}},
			}
		},
	},
	Spec{
		Code: VaultTLSExpired, Component: ComponentVault, Title: "Vault's certificate has expired or is not yet valid",
		Means: "The certificate of Vault's listener has expired or is not yet valid. Go reports both with the same error; the dates show which it is.",
		Seen: "The TLS error: proven. `vault_k8s_auth_certificate_expiry_timestamp_seconds` and the warning " +
			"[`certificate_expiring`](#certificate_expiring) report it in advance.",
		Remedy:   "Renew the certificate. Vault reloads it on SIGHUP.",
		Reported: "python-discord/infra#574: a request for an alert on it.",
		advise: func(t evidence.Target, _ evidence.Evidence) Advice {
			return Advice{
				Notes: []string{"Renew the certificate of Vault's listener, then send SIGHUP to the vault process, which reloads it."},
				Check: []Check{{certificate(t.Vault.Addr, t.Vault.TLSServerName, "-dates"), outOfValidity}},
			}
		},
	},
	Spec{
		Code: VaultTLSName, Component: ComponentVault, Title: "Vault's certificate is for another name",
		Means:    "The certificate is trusted, but was not issued for the name that the exporter calls.",
		Seen:     "The TLS error lists the names: proven.",
		Remedy:   "Use a name that the certificate has, or set `EXPORTER_VAULT_TLS_SERVER_NAME` to one.",
		Reported: "Boostport/kubernetes-vault#62: `certificate is valid for kubernetes, kubernetes.default, kubernetes.default.svc, not vault.vault`.",
		advise: func(t evidence.Target, _ evidence.Evidence) Advice {
			return Advice{
				Notes: []string{"Reissue the certificate with this name, or set EXPORTER_VAULT_TLS_SERVER_NAME to a name that it has."},
				Check: []Check{certificateNames(t.Vault.Addr, t.Vault.TLSServerName)},
			}
		},
	},
	Spec{
		Code: VaultTLSFailed, Component: ComponentVault, Title: "the TLS handshake with Vault fails",
		Means: "The TLS handshake fails: plain HTTP at an https address or the reverse, no common TLS version, " +
			"or a client certificate that the listener requires and did not get.",
		Seen:     "The handshake's error, or Go's `Client sent an HTTP request to an HTTPS server`: proven.",
		Remedy:   "Check the scheme first, then whether the listener sets `tls_require_and_verify_client_cert`.",
		Reported: "hashicorp/vault-helm#1015: Vault requires client certificates, and the injected agents have none.",
		advise: func(t evidence.Target, _ evidence.Evidence) Advice {
			return Advice{
				Notes: []string{fmt.Sprintf("EXPORTER_VAULT_ADDR is %s: check the scheme, and whether the listener requires a client certificate.", t.Vault.Addr)},
				Check: []Check{askHealth(t, notVault)},
			}
		},
	},
	Spec{
		Code: VaultBadResponse, Component: ComponentVault, Title: "the server at Vault's address is not Vault",
		Means:    "Something other than Vault responds: a proxy, an ingress with a login page, a firewall. Its 403 or 503 says nothing about Vault.",
		Seen:     "The answer is not Vault's JSON, or is too large or cut off: proven.",
		Remedy:   "Point `EXPORTER_VAULT_ADDR` at Vault itself, or add its host to `NO_PROXY`.",
		Reported: "cert-manager/cert-manager#3691",
		advise:   adviseVaultAddress,
	},
	Spec{
		Code: VaultNoBackend, Component: ComponentVault, Title: "a load balancer or proxy does not reach Vault",
		Means: "The server at Vault's address is a load balancer, an ingress or a proxy that has no Vault to pass requests to: no pod is ready, " +
			"or its health check fails. Vault itself may work.",
		Seen: "502 or 504 that is not Vault's JSON, or the 500 `failed to get the response` of Vault Agent or Vault Proxy: proven. By elimination with 503, because a maintenance page returns the same, " +
			"and if `sys/health` responds, because the gateway may only have timed out during the login.",
		Remedy: "Check Vault's pods, their readiness and the Service's endpoints, then the health check of the load balancer.",
		advise: adviseVaultBackend,
	},
	Spec{
		Code: VaultForwardedForRejected, Component: ComponentVault, Title: "Vault's listener rejects the X-Forwarded-For header, or its absence",
		Means: "The listener of Vault has `x_forwarded_for_authorized_addrs`, and rejects a request that comes from another address with the header, " +
			"without the header, or through fewer proxies than it skips.",
		Seen:   "400 with a text that names `x-forwarded-for`, for every path: proven.",
		Remedy: "Correct the `x_forwarded_for_*` parameters of the listener, or let the exporter and the pods use a path that they allow.",
		advise: adviseForwardedFor,
	},
	Spec{
		Code: VaultUninitialized, Component: ComponentVault, Title: "Vault is not initialised",
		Means:    "This node is new: that of a new Vault, or one that has not joined the cluster of the others. Or it has lost its storage.",
		Seen:     "The login fails with `Vault is sealed` here too; `sys/health` says `initialized: false`: proven.",
		Remedy:   "If other nodes of this Vault are initialised, have this one join them. If this Vault is not new, find its storage before you initialise anything.",
		Reported: "devantler-tech/platform#1982: an OpenBao that had lost its storage was initialised over what was left.",
		advise: func(evidence.Target, evidence.Evidence) Advice {
			return Advice{
				Notes: []string{
					"If other nodes of this Vault are initialised, have this one join them: vault operator raft join, or retry_join in its configuration.",
					"If this Vault is not new, find its storage before you initialise anything: vault operator init makes a new, empty Vault.",
				},
				Check: []Check{{vault("status"), "Initialized false"}},
			}
		},
	},
	Spec{
		Code: VaultSealed, Component: ComponentVault, Title: "Vault is sealed",
		Means:    "Vault restarted and was not unsealed, or was sealed by an operator.",
		Seen:     "503 `Vault is sealed`, or `sealed: true` from `sys/health` if the login was not answered: proven. By elimination if `sys/health` does not answer: a Vault that is not initialised rejects logins with the same text.",
		Remedy:   "Unseal every node. With auto-unseal, check its key service.",
		Reported: "hashicorp/vault-csi-provider#168: volumes of pods do not mount, since the login fails with `Vault is sealed`.",
		advise: func(evidence.Target, evidence.Evidence) Advice {
			return Advice{Check: []Check{{vault("status"), "Sealed true"}}, Fix: []string{vault("operator", "unseal")}}
		},
	},
	Spec{
		Code: VaultNoLeader, Component: ComponentVault, Title: "Vault has no active node",
		Means: "The node answers, but it knows no active node that serves logins: the storage or Raft has no quorum, this node is cut off from the others, " +
			"or it is a disaster-recovery secondary.",
		Seen: "500 `local node not active`, 503 `no active Vault instance found`, 412, 472, 474 or 530, " +
			"400 `path disabled in replication DR secondary mode`: proven. OpenBao has none of the last five. " +
			"A standby that redirects the login to a node that is sealed, or whose login hangs or is redirected while `sys/health` says `ha_connection_healthy: false`: proven. " +
			"Vault says that 10 s after it lost the active node; before, a redirect to a node that does not respond is the only sign: by elimination.",
		Remedy:   "Start and unseal most of the nodes. On a secondary, point the exporter at the primary.",
		Reported: "hashicorp/vault#20336",
		advise:   adviseNoLeader,
	},
	Spec{
		Code: VaultRateLimited, Component: ComponentVault, Title: "a rate limit refuses logins", Backoff: true,
		Means: "A rate limit quota of Vault rejects requests from the exporter's address, or a proxy in front of Vault limits requests. " +
			"Either is checked before anything else, so this says nothing about the auth method.",
		Seen: "429 `rate limit quota exceeded`: proven. A 429 that is not Vault's, such as Envoy's `local_rate_limited`: by elimination. " +
			"The exporter makes no rechecks and no follow-ups until it passes.",
		Remedy: "Raise the quota, or exempt the address. " +
			"Pods behind the same address are rejected too.",
		Reported: "hashicorp/vault#10191: `rate limit quota exceeded`, from a quota that could be neither changed nor removed.",
		advise: func(_ evidence.Target, e evidence.Evidence) Advice {
			if e.Login.Failure.Class == evidence.ClassBadResponse {
				return Advice{Notes: []string{
					"The response is not Vault's own: raise the limit of the proxy, load balancer or mesh in front of Vault, or exempt the address that the exporter and the pods come from.",
				}}
			}
			return Advice{
				Notes: []string{"Raise the quota, or exempt the address that the exporter and the pods come from."},
				Check: []Check{{vault("list", "sys/quotas/rate-limit"), "the quota that refuses the logins"}},
			}
		},
	},
	Spec{
		Code: VaultLeaseQuota, Component: ComponentVault, Title: "a lease count quota of Vault refuses logins", Backoff: true,
		Means:    "A lease count quota (Enterprise) is used up. Vault checks it after the TokenReview, so Kubernetes works.",
		Seen:     "429 `lease count quota exceeded`: proven.",
		Remedy:   "Find the role that creates the leases; shorten its TTL, or let it issue batch tokens.",
		Reported: "hashicorp/terraform-provider-vault#1057",
		advise: func(evidence.Target, evidence.Evidence) Advice {
			return Advice{
				Notes: []string{"Revoke leases, shorten TTLs, or let roles issue batch tokens; then raise the quota if it is still too low."},
				Check: []Check{{vault("list", "sys/quotas/lease-count"), "the quota that refuses the logins"}},
			}
		},
	},
	Spec{
		Code: VaultOverloaded, Component: ComponentVault, Title: "Vault is overloaded", Backoff: true,
		Means:  "Vault's adaptive overload protection (Enterprise) rejects requests.",
		Seen:   "503 with `overloaded`: proven. The exporter makes no follow-ups and no rechecks.",
		Remedy: "Find the clients that cause the load.",
		advise: func(t evidence.Target, _ evidence.Evidence) Advice {
			return Advice{
				Notes: []string{"Find the clients that cause the load before you add capacity."},
				Check: []Check{askHealth(t, "an error with overloaded")},
			}
		},
	},
	Spec{
		Code: VaultRedirect, Component: ComponentVault, Title: "Vault redirects the login elsewhere",
		Means: "Vault, or a server in front of it, answers the login with a redirect that the exporter does not follow, because it would send a credential there. " +
			"It follows one: a 307 from a node whose `sys/health` says that it is a standby, to https and a node that the same CA verifies, " +
			"or from plain HTTP to plain HTTP.",
		Seen:     "A 3xx: proven.",
		Remedy:   "If a standby redirects, correct `api_addr` of the nodes, and let them reach each other at `cluster_addr` (port 8201). Otherwise point `EXPORTER_VAULT_ADDR` at Vault itself.",
		Reported: "hashicorp/vault#17495",
		advise:   adviseRedirect,
	},
	Spec{
		Code: VaultNamespaceMissing, Component: ComponentVault, Title: "the namespace does not exist in Vault",
		Means: "The namespace in `EXPORTER_VAULT_NAMESPACE` does not exist. Vault's community edition ignores the header, OpenBao and Enterprise do not.",
		Seen: "OpenBao's 404 `namespace not found`: proven. Enterprise responds as for a missing mount: " +
			"there the reason is [`mount_missing`](#mount_missing).",
		Remedy:   "Correct the variable, or create the namespace.",
		Reported: "external-secrets/external-secrets#314",
		advise: func(t evidence.Target, _ evidence.Evidence) Advice {
			return Advice{
				Notes: []string{fmt.Sprintf("EXPORTER_VAULT_NAMESPACE is %s: correct it, or create the namespace. "+
					"OpenBao reports the same for a namespace whose parent is sealed.", orNone(t.Vault.Namespace))},
				Check: []Check{listNamespace(t)},
			}
		},
	},
	Spec{
		Code: VaultNamespaceUnavailable, Component: ComponentVault, Title: "the namespace is locked or sealed",
		Means:  "An administrator locked the namespace's API, or the namespace is sealed (OpenBao 2.6 and later).",
		Seen:   "`API access to this namespace has been locked`, or OpenBao's `Namespace is sealed`, mostly with a 503: proven.",
		Remedy: "Ask who locked it before you unlock it.",
		Reported: "[HashiCorp's support](https://support.hashicorp.com/hc/en-us/articles/20701624098579-How-to-unlock-an-HCP-Vault-Namespace-without-having-access-to-the-unlock-key): " +
			"how to unlock a namespace whose unlock key is lost.",
		advise: adviseNamespace,
	},
	Spec{
		Code: VaultClockSkew, Component: ComponentVault, Title: "Vault's clock is wrong",
		Means:    "Vault's clock differs by more than the leeway of 60 s, so Vault rejects new tokens as expired or not yet valid.",
		Seen:     "Vault rejects the canary's token because of its times, while the API server accepts the same token in the same run: proven.",
		Remedy:   "Set the clock of Vault's hosts.",
		Reported: "kubernetes/kubernetes#124022",
		advise: func(evidence.Target, evidence.Evidence) Advice {
			return Advice{Notes: []string{"Set the clock of Vault's hosts."}, Check: []Check{clock}}
		},
	},
	Spec{
		Code: VaultInternalError, Component: ComponentVault, Title: "Vault has an internal error: audit device, storage or plugin",
		Means: "An audit device that cannot write, a storage error, or a plugin process that is down. `sys/health` does not show it.",
		Seen: "500 `internal error`, or another 5xx from Vault without a specific meaning: proven; so is 404 `backend is nil`, of a mount whose plugin could not be loaded. " +
			"The mount probe gets a bare 403 although Vault lists the mount with the type kubernetes: by elimination.",
		Remedy:   "Vault's server log names the cause. Most often the disk of the audit log is full.",
		Reported: `giantswarm/vault-exporter#52: "all good when actually vault is not working at all".`,
		advise: func(evidence.Target, evidence.Evidence) Advice {
			return Advice{
				Notes: []string{"Vault's server log names the cause; the usual ones are a full disk under an audit device, the storage, a dead plugin process."},
				Check: []Check{{vault("audit", "list"), "internal error, if no audit device can write"}},
			}
		},
	},
)

var vaultWarnings = []WarningSpec{
	{
		Code: CertificateExpiring, Component: ComponentVault, Title: "a certificate expires soon",
		Means: "A certificate has less than a tenth of its validity left, and less than `EXPORTER_EXPIRY_WARNING_CERTIFICATES`: one that Vault or the API server serves, " +
			"the CA in the mount's config or in a CA file of the exporter that verifies one of them, or the exporter's client certificate. " +
			"One that nothing needs, such as a root that another one replaces, is only listed on the page.",
		Seen:     "The chains that were served in this run, of which the one that stays valid the longest counts; the exporter's files; the readable config.",
		Remedy:   "Renew it, and reload it in the server. A CA: add the one that follows it to every client first. [Lead times](lead-times.md) says how early each warning comes.",
		Reported: "sethvargo/vault-kubernetes-workshop#22: a CA in the mount's config that was forgotten.",
		judge:    judgeCertificate,
	},
	{
		Code: ClockSkew, Component: ComponentVault, Title: "Vault's clock and the exporter's differ",
		Means:  "Vault's clock and the exporter's differ by more than 30 s, half of the leeway for a token's times.",
		Seen:   "`server_time_utc` of `sys/health`.",
		Remedy: "`chronyc tracking`, on both hosts.",
		judge:  judgeClock,
	},
}

func adviseVaultReach(t evidence.Target, e evidence.Evidence) Advice {
	if e.Health.Ok() {
		return Advice{
			Notes: []string{"Vault answers sys/health and hangs on logins: look at its storage, its audit devices, which it waits for, and its load."},
			Check: []Check{vaultPods(t)},
		}
	}
	return Advice{
		Notes: []string{"Make sure that Vault's pods are ready and that the network lets the exporter reach them."},
		Check: []Check{vaultPods(t), askHealth(t, notVault)},
	}
}

// vaultPods returns the check of a Vault that runs in Kubernetes.
func vaultPods(t evidence.Target) Check {
	namespace := "<vault-namespace>"
	if named := evidence.ServiceNamespace(t.Vault.Addr); named != "" {
		namespace = shell.Quote(named)
	}
	return Check{"kubectl -n " + namespace + " get pods,services,endpointslices", "a pod that is not ready, or a Service without endpoints"}
}

// clock is run on each host.
var clock = Check{"chronyc tracking", "a System time that is seconds or more off NTP time"}

// maxSkew is half of evidence.Leeway.
const maxSkew = 30 * time.Second

func judgeClock(_ evidence.Target, e evidence.Evidence) (finding, bool) {
	if !e.Health.Ok() {
		return unjudged()
	}
	skew := e.Health.Value.Skew
	if skew.Abs() <= maxSkew {
		return finding{}, true
	}
	return finding{
		holds:  true,
		detail: fmt.Sprintf("Vault's clock and the exporter's differ by about %s", skew.Abs().Round(5*time.Second)),
		advice: Advice{Check: []Check{clock}, Notes: []string{"Set the clock that is wrong."}},
	}, true
}
