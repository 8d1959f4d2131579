package setup

import (
	"fmt"
	"strings"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/shell"
)

const (
	release    = "vault-k8s-auth-exporter"
	valuesFile = release + "-values.yaml"
)

// Shell renders commands for a POSIX shell. They can be run again.
func (p Plan) Shell() string {
	return p.header("What vault-k8s-auth-exporter needs, printed by `exporter setup`, which changed nothing. "+
		"Paste it into a shell in which "+p.CLI+" may write policies and roles, and kubectl may create roles.") +
		p.shellVault() + p.shellKubernetes() + p.shellInstall()
}

func (p Plan) shellVault() string {
	var out strings.Builder
	v := p.Target.Vault
	audience := p.Audience()
	out.WriteString("# 1. Vault\n\n" + comment(roleWhy))
	if audience == "" {
		audience = `"$(` + p.apiServerAudience() + `)"`
		out.WriteString(comment(apiServerAudienceWhy))
	}
	fmt.Fprintf(&out, "%s %s - <<'POLICY'\n%sPOLICY\n", p.vault("policy write"), shell.Quote(p.Policy()), p.policy())
	fmt.Fprintf(&out, "%s %s \\\n  bound_service_account_names=%s bound_service_account_namespaces=%s audience=%s \\\n"+
		"  token_type=batch token_ttl=60s token_max_ttl=60s token_no_default_policy=true token_policies=%s\n\n",
		p.vault("write"), shell.Quote(p.rolePath(v.Role)), p.Account.Name, p.Account.Namespace, audience, shell.Quote(p.Policy()))
	switch {
	case v.DiagnosticRole != "":
		out.WriteString(comment(diagnosticWhy))
		fmt.Fprintf(&out, "%s %s \\\n  bound_service_account_names=%s audience=%s \\\n  bound_service_account_namespace_selector=%s \\\n  token_bound_cidrs=%s\n\n",
			p.vault("write"), shell.Quote(p.rolePath(v.DiagnosticRole)), p.Account.Name, audience, shell.Quote(neverSelector), shell.Quote(strings.Join(p.DiagnosticCIDRs, ",")))
	case p.Audience() != "":
		out.WriteString(comment(noDiagnosticWhy) + "\n")
	}
	return out.String()
}

// vault is a command, in the namespace if there is one.
func (p Plan) vault(command string) string {
	if p.Target.Vault.Namespace == "" {
		return p.CLI + " " + command
	}
	return p.CLI + " " + command + " -namespace=" + shell.Quote(p.Target.Vault.Namespace)
}

func (p Plan) kubectl() string {
	if p.Context == "" {
		return "kubectl"
	}
	return "kubectl --context=" + shell.Quote(p.Context)
}

// apiServerAudience is a command that prints the API server's own audience, which every token has that is requested without one.
func (p Plan) apiServerAudience() string {
	return p.kubectl() + " -n default create token default -o jsonpath='{.spec.audiences[0]}'"
}

func (p Plan) shellKubernetes() string {
	var out strings.Builder
	out.WriteString("# 2. Kubernetes\n\n")
	fmt.Fprintf(&out, "%s get namespace %s > /dev/null 2>&1 || %[1]s create namespace %[2]s\n\n", p.kubectl(), p.Account.Namespace)
	out.WriteString(comment(p.accountWhy()))
	fmt.Fprintf(&out, "%s apply -f - <<'MANIFEST'\n%sMANIFEST\n\n", p.kubectl(), p.manifest())
	return out.String()
}

// manifest has the objects that are not the chart's.
func (p Plan) manifest() string {
	metadata := func(name, namespace string) string {
		if namespace == "" {
			return fmt.Sprintf("metadata: {name: %s}\n", yamlString(name))
		}
		return fmt.Sprintf("metadata: {name: %s, namespace: %s}\n", yamlString(name), yamlString(namespace))
	}
	account := p.Account
	objects := []string{"apiVersion: v1\nkind: ServiceAccount\n" + metadata(account.Name, account.Namespace)}
	if p.CA != "" {
		objects = append(objects, comment(caWhy)+"apiVersion: v1\nkind: ConfigMap\n"+metadata(p.CAConfigMap(), account.Namespace)+
			"data:\n  ca.crt: |\n"+indent(p.CA, "    "))
	}
	if permission := p.Permission; permission != (evidence.Permission{}) {
		kind, name, rule := "Role", p.objectName(), ""
		resource, group, _ := strings.Cut(permission.Resource, ".")
		if permission.Namespace == "" {
			kind = "ClusterRole"
		}
		if permission.ResourceName != "" {
			rule = fmt.Sprintf(", resourceNames: [%s]", yamlString(permission.ResourceName))
		}
		objects = append(objects,
			fmt.Sprintf("apiVersion: rbac.authorization.k8s.io/v1\nkind: %s\n%srules:\n  - {apiGroups: [%q], resources: [%s], verbs: [%s]%s}\n",
				kind, metadata(name, permission.Namespace), group, resource, permission.Verb, rule),
			fmt.Sprintf("apiVersion: rbac.authorization.k8s.io/v1\nkind: %sBinding\n%sroleRef: {apiGroup: rbac.authorization.k8s.io, kind: %[1]s, name: %[3]s}\n"+
				"subjects:\n  - {kind: ServiceAccount, namespace: %[4]s, name: %[5]s}\n",
				kind, metadata(name, permission.Namespace), yamlString(name), yamlString(account.Namespace), yamlString(account.Name)))
	}
	return strings.Join(objects, "---\n")
}

const imageWhy = "The default image is that of a release. If yours is another (" + installationPage + "#an-image-of-your-own), " +
	"add all parts of its name to the values, such as:"

func (p Plan) shellInstall() string {
	helm := "helm"
	if p.Context != "" {
		helm += " --kube-context=" + shell.Quote(p.Context)
	}
	return fmt.Sprintf("# 3. The values of the chart\n\ncat > %s <<'VALUES'\n%sVALUES\n\n", valuesFile, p.values()) +
		"# 4. Install the chart, and see what it finds\n#\n" + comment(imageWhy) +
		"#\n#   image: {registry: registry.example.com, repository: team/vault-k8s-auth-exporter, tag: \"1.2.3\"}\n#\n" +
		fmt.Sprintf("#   %s install %s deploy/helm/vault-k8s-auth-exporter --namespace %s --values %s\n", helm, release, p.Account.Namespace, valuesFile) +
		fmt.Sprintf("#   %s -n %s exec deployment/%s -- /exporter check\n", p.kubectl(), p.Account.Namespace, release)
}
