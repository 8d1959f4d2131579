package setup

import (
	"fmt"
	"strings"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
)

// HCL renders resources of the Terraform providers hashicorp/vault and hashicorp/kubernetes.
func (p Plan) HCL() string {
	return p.header("What vault-k8s-auth-exporter needs, for Terraform or OpenTofu, printed by `exporter setup --output hcl`, which changed nothing. "+
		"It uses the providers hashicorp/vault and hashicorp/kubernetes as your configuration sets them up; the namespace "+p.Account.Namespace+" must exist.") +
		align(p.hclVault()+p.hclKubernetes()) + p.hclValues()
}

// align puts the equals signs of neighbouring arguments below each other, as terraform fmt
// does.
func align(text string) string {
	var out strings.Builder
	var group [][2]string
	flush := func() {
		longest := 0
		for _, pair := range group {
			longest = max(longest, len(pair[0]))
		}
		for _, pair := range group {
			fmt.Fprintf(&out, "%-*s = %s", longest, pair[0], pair[1])
		}
		group = nil
	}
	for line := range strings.Lines(text) {
		name, value, found := strings.Cut(line, " = ")
		if !found || value == "{\n" || strings.Contains(name, "{") {
			flush()
			out.WriteString(line)
			continue
		}
		group = append(group, [2]string{name, value})
		if value == "<<-EOT\n" {
			flush()
		}
	}
	flush()
	return out.String()
}

// label is that of every resource.
const label = "vault_k8s_auth_exporter"

// hclString is a string as HCL, without interpolation.
func hclString(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`, "${", "$${", "%{", "%%{").Replace(s) + `"`
}

func hclHeredoc(text, by string) string {
	return "<<-EOT\n" + indent(strings.NewReplacer("${", "$${", "%{", "%%{").Replace(text), by+"  ") + by + "EOT"
}

func resourceBlock(kind, label string, arguments ...string) string {
	return block(fmt.Sprintf("resource %q %q", kind, label), arguments...)
}

// block is one of the file; each argument is a line, and an empty one is left out.
func block(head string, arguments ...string) string {
	out := head + " {\n"
	for _, argument := range arguments {
		if argument != "" {
			out += indent(argument, "  ") + "\n"
		}
	}
	return out + "}\n\n"
}

func argument(name, value string) string { return name + " = " + value }

func (p Plan) hclVault() string {
	v := p.Target.Vault
	namespace := ""
	if v.Namespace != "" {
		namespace = argument("namespace", hclString(v.Namespace))
	}
	bound := argument("bound_service_account_names", "["+hclString(p.Account.Name)+"]")
	audience, out := argument("audience", hclString(p.Audience())), ""
	if p.Audience() == "" {
		audience = argument("audience", "var."+label+"_audience")
		out = comment(apiServerAudienceWhy) + block(`variable "`+label+`_audience"`,
			"type = string", argument("description", hclString("the output of: "+p.apiServerAudience())))
	}
	out += comment(roleWhy) +
		resourceBlock("vault_policy", label, namespace, argument("name", hclString(p.Policy())), "policy = "+hclHeredoc(p.policy(), "")) +
		resourceBlock("vault_kubernetes_auth_backend_role", label, namespace,
			argument("backend", hclString(v.Mount)), argument("role_name", hclString(v.Role)),
			bound, argument("bound_service_account_namespaces", "["+hclString(p.Account.Namespace)+"]"), audience,
			"token_type = \"batch\"\ntoken_ttl = 60\ntoken_max_ttl = 60\ntoken_no_default_policy = true",
			argument("token_policies", "[vault_policy."+label+".name]"))
	switch {
	case v.DiagnosticRole != "":
		var cidrs []string
		for _, cidr := range p.DiagnosticCIDRs {
			cidrs = append(cidrs, hclString(cidr))
		}
		out += comment(diagnosticWhy+" Needs version 4.6 of the provider.") +
			resourceBlock("vault_kubernetes_auth_backend_role", label+"_diagnostic", namespace,
				argument("backend", hclString(v.Mount)), argument("role_name", hclString(v.DiagnosticRole)), bound, audience,
				argument("bound_service_account_namespace_selector", hclString(neverSelector)),
				argument("token_bound_cidrs", "["+strings.Join(cidrs, ", ")+"]"))
	case p.Audience() != "":
		out += comment(noDiagnosticWhy) + "\n"
	}
	return out
}

func (p Plan) hclKubernetes() string {
	metadata := func(name, namespace string) string {
		out := "metadata {\n  name = " + hclString(name) + "\n"
		if namespace != "" {
			out += "  namespace = " + hclString(namespace) + "\n"
		}
		return out + "}"
	}
	account := p.Account
	out := comment(p.accountWhy()) + resourceBlock("kubernetes_service_account_v1", label, metadata(account.Name, account.Namespace))
	if p.CA != "" {
		out += comment(caWhy) + resourceBlock("kubernetes_config_map_v1", label+"_vault_ca", metadata(p.CAConfigMap(), account.Namespace),
			"data = {\n  \"ca.crt\" = "+hclHeredoc(p.CA, "  ")+"\n}")
	}
	permission := p.Permission
	if permission == (evidence.Permission{}) {
		return out
	}
	kind, resourceNames := "Role", ""
	if permission.Namespace == "" {
		kind = "ClusterRole"
	}
	resource, group, _ := strings.Cut(permission.Resource, ".")
	if permission.ResourceName != "" {
		resourceNames = "  resource_names = [" + hclString(permission.ResourceName) + "]\n"
	}
	role := map[string]string{"Role": "kubernetes_role", "ClusterRole": "kubernetes_cluster_role"}[kind]
	return out +
		resourceBlock(role+"_v1", label, metadata(p.objectName(), permission.Namespace),
			fmt.Sprintf("rule {\n  api_groups = [%s]\n  resources = [%s]\n  verbs = [%s]\n%s}", hclString(group), hclString(resource), hclString(permission.Verb), resourceNames)) +
		resourceBlock(role+"_binding_v1", label, metadata(p.objectName(), permission.Namespace),
			fmt.Sprintf("role_ref {\n  api_group = \"rbac.authorization.k8s.io\"\n  kind = %q\n  name = %s_v1.%s.metadata[0].name\n}", kind, role, label),
			fmt.Sprintf("subject {\n  kind = \"ServiceAccount\"\n  namespace = %s\n  name = kubernetes_service_account_v1.%s.metadata[0].name\n}", hclString(account.Namespace), label))
}

func (p Plan) hclValues() string {
	return comment("The values of the chart, for a helm_release: values = [local."+label+"_values]") +
		"locals {\n  " + label + "_values = " + hclHeredoc(p.values(), "  ") + "\n}\n"
}
