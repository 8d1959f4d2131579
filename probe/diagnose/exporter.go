package diagnose

import (
	"fmt"
	"strings"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/shell"
)

// The reasons about the exporter itself, and the one where no rule holds.
const (
	ExporterCAUnreadable  Reason = "exporter_ca_unreadable"
	ExporterForbidden     Reason = "exporter_forbidden"
	ExporterInternalError Reason = "exporter_internal_error"
	ExporterProxy         Reason = "exporter_proxy"
	ExporterResources     Reason = "exporter_resources"

	Unexplained Reason = "unexplained"
)

// atKubernetesOnly explains what happens if only requests to the API server fail this way.
const atKubernetesOnly = "If only requests to the API server fail this way, logins are judged without them, the reviewer is not judged, " +
	"and the warning [`kubernetes_unreachable_from_exporter`](#kubernetes_unreachable_from_exporter) says why."

var exporterReasons = sorted(
	Spec{
		Code: ExporterCAUnreadable, Component: ComponentExporter, Title: "the exporter cannot use the file of a CA or of its client certificate",
		Means: "A file in `EXPORTER_VAULT_CACERT`, `EXPORTER_VAULT_CLIENT_CERT`, `EXPORTER_VAULT_CLIENT_KEY` or `EXPORTER_KUBERNETES_CACERT` is missing, " +
			"unreadable, empty, too large or not a regular file, or the key does not match the certificate, or Vault rejects the client certificate. " +
			"Nothing was sent; pods may be able to log in.",
		Seen:   "The file itself, or Vault's TLS alert about the client certificate: proven. " + atKubernetesOnly,
		Remedy: "Restore the file. Every run reads it again.",
		advise: adviseOwn(ExporterCAUnreadable),
	},
	Spec{
		Code: ExporterResources, Component: ComponentExporter, Title: "the exporter has no file descriptors, memory or ports left",
		Means: "The exporter's process or its host has used up its file descriptors, memory or ports, so it cannot open files or connections. " +
			"It says nothing about Vault.",
		Seen:   "The system's error (`EMFILE`, `ENFILE`, `ENOMEM`, `ENOBUFS`, `EADDRNOTAVAIL`): proven. " + atKubernetesOnly,
		Remedy: "Find what uses them: compare `process_open_fds` with `process_max_fds`, and check the connections to the exporter's listeners. Raise the limit.",
		advise: adviseOwn(ExporterResources),
	},
	Spec{
		Code: ExporterProxy, Component: ComponentExporter, Title: "the exporter's HTTP proxy does not let it through",
		Means: "The proxy in `HTTPS_PROXY` or `HTTP_PROXY` cannot be resolved or reached, or refuses to connect the exporter to the server. " +
			"Pods that use no proxy are not affected.",
		Seen: "The error of the connection to the proxy, or its 4xx to CONNECT: proven. A proxy that answers CONNECT with a 5xx, or not in time, " +
			"may itself be unable to reach the server: by elimination. " + atKubernetesOnly,
		Remedy: "Correct the variable, allow the exporter in the proxy, or add the server's host to `NO_PROXY`.",
		advise: adviseOwn(ExporterProxy),
	},
	Spec{
		Code: ExporterForbidden, Component: ComponentExporter, Title: "the exporter lacks the permission to create the canary's token",
		Means:    "The exporter is configured to create the canary's token, but lacks the permission or the identity to do so. No login was attempted.",
		Seen:     "403 on the TokenRequest, or no `EXPORTER_KUBERNETES_TOKEN_FILE`: proven.",
		Remedy:   "Grant that one permission, on that one service account.",
		Reported: "cert-manager/cert-manager#6673: cert-manager may not create the token that it is configured to log in with.",
		advise: func(t evidence.Target, e evidence.Evidence) Advice {
			origin := t.Canary
			return grant(evidence.SourceServiceAccount.Spec().Permission(origin), accountSubject(account(e.OwnToken.Value, "exporter")))
		},
	},
	Spec{
		Code: ExporterInternalError, Component: ComponentExporter, Title: "the exporter has an internal error",
		Means:  "The exporter has a bug. It says nothing about Vault.",
		Seen:   "A panic was recovered: proven.",
		Remedy: "Report it with the log.",
		advise: func(evidence.Target, evidence.Evidence) Advice {
			return Advice{Notes: []string{"This is a bug in the exporter; its log has the details. Restart it, and report the bug."}}
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

// adviseOwn returns the adviser for a verdict about the exporter itself.
func adviseOwn(reason Reason) adviser {
	return func(t evidence.Target, e evidence.Evidence) Advice {
		_, asked := exporterFailure(e)
		if t.Candidate != nil {
			asked = serverKubernetes
		}
		return adviseAt(t, reason, asked)
	}
}

// adviseAt returns the advice on a failure of the exporter itself when it connects to this
// server.
func adviseAt(t evidence.Target, reason Reason, asked server) Advice {
	address, files := t.Vault.Addr, []pemFile{
		{"EXPORTER_VAULT_CACERT", t.Vault.CACert}, {"EXPORTER_VAULT_CLIENT_CERT", t.Vault.ClientCert}, {"EXPORTER_VAULT_CLIENT_KEY", t.Vault.ClientKey},
	}
	if asked == serverKubernetes {
		address, files = t.Kubernetes.Host, []pemFile{{"EXPORTER_KUBERNETES_CACERT", t.Kubernetes.CACert}}
		if t.Home.CACert != t.Kubernetes.CACert {
			files = append(files, pemFile{"The CA of the pod's own API server", t.Home.CACert})
		}
	}
	switch reason {
	case ExporterCAUnreadable:
		if t.Candidate != nil && t.Candidate.CACert {
			return adviseCandidateCA(t.Kubernetes.CACert)
		}
		return adviseFiles(t.Pod, files)
	case ExporterProxy:
		return adviseProxy(address)
	}
	return Advice{Notes: []string{
		"Compare process_open_fds with process_max_fds in the exporter's metrics, and check what is connected to its listeners.",
		"Raise the limit of the process or the host. Restart the exporter if it does not recover by itself.",
	}}
}

// pemFile is a file of certificates and the variable that names it.
type pemFile struct{ variable, path string }

// hintExec is for standard input.
const hintExec = " kubectl exec passes it on with -i."

func adviseFiles(pod evidence.Pod, files []pemFile) Advice {
	var a Advice
	for _, f := range files {
		if f.path != "" {
			a.Notes = append(a.Notes, fmt.Sprintf("%s is %s: it must be a regular file in PEM that the exporter's user may read.", f.variable, pod.Describe(f.path)))
			a.Check = append(a.Check, inspectFile(pod, f.path))
		}
	}
	if len(a.Notes) == 0 {
		a.Notes = []string{fmt.Sprintf("%s is not set, and the system's CA certificates cannot be read: put a CA bundle into a file and set the variable to its path.", files[0].variable)}
	}
	a.Notes = append(a.Notes, "Restore the file in the source of its volume. Every run reads it again.")
	return a
}

// adviseCandidateCA is for a file that is where the command runs.
func adviseCandidateCA(file string) Advice {
	if file == evidence.StandardInput {
		return Advice{Notes: []string{"Standard input must hold certificates in PEM." + hintExec}}
	}
	return Advice{Notes: []string{fmt.Sprintf("--kubernetes-cacert is %s: it must be a regular file in PEM that you may read; - is standard input.", file)}}
}

func adviseProxy(address string) Advice {
	variable, host := "HTTPS_PROXY", strings.TrimPrefix(address, "https://")
	if plain, isPlain := strings.CutPrefix(address, "http://"); isPlain {
		variable, host = "HTTP_PROXY", plain
	}
	host, _, _ = strings.Cut(host, "/")
	return Advice{
		Notes: []string{fmt.Sprintf("The exporter connects to %s through the proxy in %s: correct the variable, allow the exporter in the proxy, or add %s to NO_PROXY.",
			address, variable, host)},
		Check: []Check{{fmt.Sprintf("curl -sSk --max-time 5 -o /dev/null -w '%%{http_code}\\n' --proxy <%s> %s", variable, shell.Quote(address)), "000, or the 4xx of the proxy"}},
	}
}

// adviseUnexplained grants access to the config and role, which distinguish the candidates.
// The token of the canary's login cannot read them: there is none while logins fail.
func adviseUnexplained(t evidence.Target, e evidence.Evidence) Advice {
	if !e.BareRefusal() || e.Mount.Config.Ok() {
		return Advice{Check: []Check{watchLog()}}
	}
	const policy = "vault-k8s-auth-exporter"
	readable := func(path string) string { return shell.Quote(`path "` + path + `" { capabilities = ["read"] }`) }
	return Advice{
		Notes: []string{
			"The fix lets the exporter read the mount's config and role, which distinguish the candidates. " +
				"Put the file vault-token where EXPORTER_VAULT_TOKEN_FILE points, renew its token daily, and check again.",
		},
		Fix: []string{
			"printf '%s\\n' " + readable(mountPath(t)+"/config") + " " + readable(rolePath(t)) + " | " + vault("policy", "write", policy, "-"),
			vault("token", "create", "-orphan", "-policy="+policy, "-period=24h", "-field=token", "> vault-token"),
		},
	}
}
