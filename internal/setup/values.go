package setup

import (
	"fmt"
	"strings"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
)

// Values renders the values of the chart. The service account and its permissions are not
// the chart's: the other formats create them.
func (p Plan) Values() string {
	return p.header("Values of the chart vault-k8s-auth-exporter, printed by `exporter setup --output values`. "+
		"First apply what `exporter setup --output sh` (or hcl) prints: it creates the policy and the role in Vault, the service account and its permissions.") + p.values()
}

func (p Plan) values() string {
	var out strings.Builder
	t := p.Target
	field := func(indentation, name, value string) {
		if value != "" {
			fmt.Fprintf(&out, "%s%s: %s\n", indentation, name, yamlString(value))
		}
	}
	out.WriteString("vault:\n")
	field("  ", "addr", t.Vault.Addr)
	field("  ", "namespace", t.Vault.Namespace)
	field("  ", "mount", t.Vault.Mount)
	field("  ", "role", t.Vault.Role)
	field("  ", "tlsServerName", t.Vault.TLSServerName)
	field("  ", "diagnosticRole", t.Vault.DiagnosticRole)
	if p.CA != "" {
		fmt.Fprintf(&out, "  ca: {existingConfigMap: %s}\n", yamlString(p.CAConfigMap()))
	}
	if t.Kubernetes.Host != "" {
		out.WriteString("\n# The API server as Vault reaches it, so that both see the same certificate. If pods cannot reach it, remove this.\nkubernetes:\n")
		field("  ", "host", t.Kubernetes.Host)
		if p.ThisCluster {
			out.WriteString("  thisCluster: true\n")
		}
		fmt.Fprintf(&out, "  ca: {existingConfigMap: %s}\n", clusterCA)
	}
	out.WriteString("\nreviewer:\n")
	field("  ", "mode", string(t.Reviewer.Source))
	switch t.Reviewer.Source {
	case evidence.SourceFile:
		field("  ", "existingSecret", t.Reviewer.Secret.Name)
		field("  ", "key", t.Reviewer.Secret.Key)
	case evidence.SourceSecret:
		field("  ", "secret", t.Reviewer.Secret.String())
	default:
		field("  ", "serviceAccount", t.Reviewer.ServiceAccount.String())
	}
	if p.VaultNamespace != "" {
		out.WriteString("\nnetworkPolicy:\n  egress:\n    vault:\n")
		fmt.Fprintf(&out, "      to: [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: %s}}}]\n", yamlString(p.VaultNamespace))
		if p.VaultPort != 0 {
			fmt.Fprintf(&out, "      ports: [%d] # of Vault's pods, to which the Service translates its own\n", p.VaultPort)
		}
	}
	out.WriteString("\n# Created by what `exporter setup` prints; set both to true if the chart should create them instead.\n")
	fmt.Fprintf(&out, "serviceAccount: {create: false, name: %s}\nrbac: {create: false}\n", yamlString(p.Account.Name))
	return out.String()
}
