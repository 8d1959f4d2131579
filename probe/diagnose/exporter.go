package diagnose

import (
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/shell"
)

// The reasons about the exporter itself, and the one where no rule holds.
const (
	ExporterForbidden     Reason = "exporter_forbidden"
	ExporterInternalError Reason = "exporter_internal_error"

	Unexplained Reason = "unexplained"
)

var exporterReasons = sorted(
	Spec{
		Code: ExporterForbidden, Component: ComponentExporter, Title: "the exporter lacks the permission to create the canary's token",
		Means:    "The exporter is configured to create the canary's token, and lacks the permission or the identity to do so. Vault was not asked.",
		Seen:     "403 on the TokenRequest, or no `EXPORTER_KUBERNETES_TOKEN_FILE`: proven.",
		Remedy:   "Grant that one permission, on that one service account.",
		Reported: "cert-manager/cert-manager#6673: cert-manager may not create the token that it is configured to log in with.",
		advise: func(t evidence.Target, e evidence.Evidence) Advice {
			origin := t.Canary.Origin()
			return grant(evidence.SourceServiceAccount.Spec().Permission(origin), account(e.OwnToken.Value, "exporter"))
		},
	},
	Spec{
		Code: ExporterInternalError, Component: ComponentExporter, Title: "the exporter has an internal error",
		Means:  "A defect of the exporter. It says nothing about Vault.",
		Seen:   "A panic was recovered: proven.",
		Remedy: "Report it, with the log.",
		advise: func(evidence.Target, evidence.Evidence) Advice {
			return Advice{Notes: []string{"This is a defect of the exporter: its log has the details. Restart it, and report it."}}
		},
	},
)

var unknownReasons = sorted(
	Spec{
		Code: Unexplained, Component: ComponentUnknown, Title: "the login fails for a reason that was not found",
		Means: "The login fails and no rule holds. The verdict names the candidates that remain: often `token_bound_cidrs` or `pem_keys` " +
			"in a config that the exporter may not read, or follow-ups that are switched off.",
		Seen:     "By elimination.",
		Remedy:   "Let the exporter [read the config](evidence.md). Vault's debug log has the cause.",
		Reported: "hashicorp/vault-plugin-auth-kubernetes#168",
		advise:   adviseUnexplained,
	},
)

// adviseUnexplained grants the reading of what would tell the candidates apart. The
// canary's own token cannot read it: there is none while logins fail.
func adviseUnexplained(t evidence.Target, e evidence.Evidence) Advice {
	if !e.BareRefusal() || e.Mount.Config.Ok() {
		return Advice{Check: []string{vault("monitor", "-log-level=debug")}}
	}
	const policy = "vault-k8s-auth-exporter"
	readable := func(path string) string { return shell.Quote(`path "` + path + `" { capabilities = ["read"] }`) }
	return Advice{
		Notes: []string{
			"The fix lets the exporter read the mount's config and role, which tell the candidates apart. " +
				"Put the file vault-token where EXPORTER_VAULT_TOKEN_FILE points, renew its token daily, and check again.",
		},
		Fix: []string{
			"printf '%s\\n' " + readable(mountPath(t)+"/config") + " " + readable(rolePath(t)) + " | " + vault("policy", "write", policy, "-"),
			vault("token", "create", "-orphan", "-policy="+policy, "-period=24h", "-field=token", "> vault-token"),
		},
	}
}
