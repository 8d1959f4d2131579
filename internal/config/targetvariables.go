package config

import (
	"time"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
)

// targetVariables are the variables of a target, in the order in which they are
// documented.
var targetVariables = []variable[evidence.Target]{
	define(spec{
		key: "TARGET_NAME", fileName: "name", builtIn: "default", chart: "$v.targetName",
		doc: "value of the label `target`; no two targets share one", example: "prod/eu-1",
	}, targetName, func(t *evidence.Target) *string { return &t.Name }),

	define(spec{
		key: "VAULT_ADDR", required: true, missing: vaultURL.allowed + " (VAULT_ADDR works too)", wellKnown: true, chart: "$v.vault.addr",
		doc: "URL of Vault, with the path prefix of a proxy if there is one", example: "https://vault.vault.svc:8200",
	}, vaultURL, func(t *evidence.Target) *string { return &t.Vault.Addr }),
	define(spec{
		key: "VAULT_ALIASES", unset: "none", chart: `(join "," $v.vault.aliases)`,
		doc:     "other URLs of the same Vault that [workloads](workloads.md) name, such as that of a load balancer; in the targets file also a list",
		example: "https://vault.example.com",
	}, vaultURLList, func(t *evidence.Target) *[]string { return &t.Vault.Aliases }),
	define(spec{
		key: "VAULT_CACERT", unset: "the system's roots", wellKnown: true,
		doc: "CA bundle that verifies Vault", example: "/etc/vault/ca.crt",
	}, certificateFile, func(t *evidence.Target) *string { return &t.Vault.CACert }),
	define(spec{
		key: "VAULT_TLS_SERVER_NAME", unset: "host of the URL", wellKnown: true, chart: "$v.vault.tlsServerName",
		doc: "name that Vault's certificate must carry", example: "vault.internal",
	}, serverName, func(t *evidence.Target) *string { return &t.Vault.TLSServerName }),
	define(spec{
		key: "VAULT_NAMESPACE", unset: "the root namespace", wellKnown: true, chart: "$v.vault.namespace",
		doc:     "Vault namespace (Enterprise, HCP, OpenBao), sent with every request but `sys/health`",
		example: "admin/team-a",
	}, vaultNamespace, func(t *evidence.Target) *string { return &t.Vault.Namespace }),
	define(spec{
		key: "VAULT_MOUNT", builtIn: "kubernetes", chart: "$v.vault.mount",
		doc: "auth mount of the Kubernetes auth method", example: "k8s/prod",
	}, authMount, func(t *evidence.Target) *string { return &t.Vault.Mount }),
	define(spec{
		key: "VAULT_ROLE", required: true, missing: "the name of the canary's role at the mount: " + role.allowed, chart: "$v.vault.role",
		doc: "the canary's role at the mount", example: "canary",
	}, role, func(t *evidence.Target) *string { return &t.Vault.Role }),
	define(spec{
		key: "VAULT_CLIENT_CERT", unset: "none",
		doc: "client certificate for Vault, with its key", example: "/etc/vault/tls.crt",
	}, certificateFile, func(t *evidence.Target) *string { return &t.Vault.ClientCert }),
	define(spec{
		key: "VAULT_CLIENT_KEY", unset: "none",
		doc: "key of the client certificate", example: "/etc/vault/tls.key",
	}, privateKeyFile, func(t *evidence.Target) *string { return &t.Vault.ClientKey }),
	define(spec{
		key: "VAULT_TOKEN_FILE", unset: "none",
		doc: "Vault token that may read the mount's config and role while logins fail", example: "/vault/token",
	}, credentialFile, func(t *evidence.Target) *string { return &t.Vault.TokenFile }),
	define(spec{
		key: "VAULT_DIAGNOSTIC_ROLE", unset: "none", chart: "$v.vault.diagnosticRole",
		doc:     "deny-all role with a namespace selector, through which Vault reports how its own calls to Kubernetes end",
		example: "k8s-auth-diagnostic",
	}, role, func(t *evidence.Target) *string { return &t.Vault.DiagnosticRole }),

	define(spec{
		key: "KUBERNETES_HOST", required: true, unset: "in a pod its own API server, else required", chart: "$v.kubernetes.host",
		missing: kubernetesURL.allowed + ", the API server that Vault's mount points at; only a pod knows one by itself",
		doc:     "URL of the API server that the mount points at", example: "https://10.0.0.1:6443",
	}, kubernetesURL, func(t *evidence.Target) *string { return &t.Kubernetes.Host }),
	define(spec{
		key: "KUBERNETES_CACERT", unset: "the pod's CA for its own API server, else the system's roots",
		doc: "CA bundle that verifies the API server", example: "/etc/kubernetes/ca.crt",
	}, certificateFile, func(t *evidence.Target) *string { return &t.Kubernetes.CACert }),
	define(spec{
		key: "KUBERNETES_TLS_SERVER_NAME", unset: "host of the URL", chart: "$v.kubernetes.tlsServerName",
		doc: "name that the API server's certificate must carry", example: "kubernetes",
	}, serverName, func(t *evidence.Target) *string { return &t.Kubernetes.TLSServerName }),
	define(spec{
		key: "KUBERNETES_TOKEN_FILE", unset: "the pod's token for its own API server, else none", chart: `(include "exporter.ownTokenFile" .)`,
		doc: "the exporter's own token for this API server; required by the sources that use it", example: "/var/run/own/token",
	}, credentialFile, func(t *evidence.Target) *string { return &t.Kubernetes.TokenFile }),

	define(spec{
		key: "REVIEWER", builtIn: string(evidence.SourceFile), chart: "$v.reviewer.mode",
		doc: "where the [reviewer's token](#the-reviewer) comes from", example: string(evidence.SourceAccessReview),
	}, reviewerSource, func(t *evidence.Target) *evidence.SourceName { return &t.Reviewer.Source }),
	define(spec{
		key: "REVIEWER_TOKEN_FILE", chart: `(include "exporter.reviewerTokenFile" .)`,
		missing: "the path of the file that also feeds Vault's token_reviewer_jwt",
		doc:     "token that also feeds Vault's `token_reviewer_jwt`", example: "/etc/reviewer/token",
	}, credentialFile, func(t *evidence.Target) *string { return &t.Reviewer.TokenFile }),
	define(spec{
		key: "REVIEWER_SECRET", chart: "$v.reviewer.secret",
		doc: "Secret that holds the reviewer's token", example: "vault/vault-auth-token",
	}, secretKey, func(t *evidence.Target) *evidence.SecretKey { return &t.Reviewer.Secret }),
	define(spec{
		key: "REVIEWER_SERVICE_ACCOUNT", chart: "$v.reviewer.serviceAccount",
		doc: "the reviewer's service account", example: "vault/vault",
	}, serviceAccount, func(t *evidence.Target) *evidence.ServiceAccount { return &t.Reviewer.ServiceAccount }),

	define(spec{
		key: "CANARY", builtIn: string(evidence.SourceFile), chart: "$v.canary.mode",
		doc: "where the [canary's token](#the-canary) comes from", example: string(evidence.SourceServiceAccount),
	}, canarySource, func(t *evidence.Target) *evidence.SourceName { return &t.Canary.Source }),
	define(spec{
		key: "CANARY_TOKEN_FILE", chart: `(include "exporter.canaryTokenFile" .)`,
		missing: "the path of the file with the canary's service account token",
		doc:     "the canary's service account token", example: "/var/run/canary/token",
	}, credentialFile, func(t *evidence.Target) *string { return &t.Canary.TokenFile }),
	define(spec{
		key: "CANARY_SERVICE_ACCOUNT", chart: "$v.canary.serviceAccount",
		doc: "the canary's service account", example: "monitoring/canary",
	}, serviceAccount, func(t *evidence.Target) *evidence.ServiceAccount { return &t.Canary.ServiceAccount }),
	define(spec{
		key: "CANARY_AUDIENCES", unset: "any", chart: `(include "exporter.canaryAudience" .)`,
		doc: "audiences that the canary's token must carry, or is minted for; in the targets file also a list", example: "vault",
	}, audienceList, func(t *evidence.Target) *[]string { return &t.Canary.Audiences }),

	define(spec{
		key: "INTERVAL", builtIn: "60s", chart: "$v.interval",
		doc: "time from one run to the next, at least the timeout and 7 s", example: "2m",
	}, duration, func(t *evidence.Target) *time.Duration { return &t.Interval }),
	define(spec{
		key: "TIMEOUT", builtIn: "15s", chart: "$v.timeout",
		doc: "how long a run gathers evidence", example: "10s",
	}, duration, func(t *evidence.Target) *time.Duration { return &t.Timeout }),
	define(spec{
		key: "RECHECK_INTERVAL", builtIn: "10s", chart: "$v.recheckInterval",
		doc: "pause before the run that confirms a change of verdict, at most the interval", example: "5s",
	}, duration, func(t *evidence.Target) *time.Duration { return &t.Recheck }),
	define(spec{
		key: "EXPIRY_WARNING_TOKENS", builtIn: "336h", chart: "$v.expiryWarning.tokens",
		doc:     "how long before a token expires the warning begins, or when a tenth of its validity is left, if that is later; the alerts keep their own times",
		example: "720h",
	}, notice, func(t *evidence.Target) *time.Duration { return &t.ExpiryWarning.Tokens }),
	define(spec{
		key: "EXPIRY_WARNING_CERTIFICATES", builtIn: "336h", chart: "$v.expiryWarning.certificates",
		doc:     "the same for certificates and CAs",
		example: "720h",
	}, notice, func(t *evidence.Target) *time.Duration { return &t.ExpiryWarning.Certificates }),
	define(spec{
		key: "FOLLOW_UPS", builtIn: "true", chart: "(toString $v.followUps)",
		doc: "whether extra requests tell the causes of a refused login apart", example: "false",
	}, boolean, func(t *evidence.Target) *bool { return &t.FollowUps }),
	define(spec{
		key: "NEGATIVE_CANARY", builtIn: "false", chart: "(toString $v.negativeCanary.enabled)",
		doc: "whether [logins that Vault must refuse](security.md#the-negative-canary) are made too", example: "true",
	}, boolean, func(t *evidence.Target) *bool { return &t.NegativeCanary.Enabled }),
	define(spec{
		key: "NEGATIVE_CANARY_INTERVAL", builtIn: "1h", chart: "$v.negativeCanary.interval",
		doc: "time from one round of these logins to the next", example: "6h",
	}, duration, func(t *evidence.Target) *time.Duration { return &t.NegativeCanary.Interval }),
}
