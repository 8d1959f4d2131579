package diagnose

import (
	"fmt"
	"strconv"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
)

// field is one field of the mount's config in a command. What does not fit on a
// command line is fetched into a file first.
type field struct{ name, value, fetch string }

// writeConfig is the write that changes these fields of the mount's config. A write
// replaces the whole config, so every other field is repeated as it was read; where
// it was not read, the lines say so. A change to "" leaves a field out.
func writeConfig(t evidence.Target, e evidence.Evidence, changes map[string]string) []string {
	path := quoteTrusted(mountPath(t) + "/config")
	var lines []string
	fields := storedFields(t, e.Mount.Config.Value, path)
	if !e.Mount.Config.Ok() {
		fields = assumedFields(t)
		lines = []string{
			"# a write replaces the whole config, which no token at hand may read: repeat every field that this shows",
			vault("read", path),
		}
	}
	return append(lines, write(path, fields, changes)...)
}

func write(path string, fields []field, changes map[string]string) (lines []string) {
	words := []string{"write", path}
	for _, f := range fields {
		value, changed := changes[f.name]
		if !changed {
			value = f.value
		}
		if value == "" {
			continue
		}
		if !changed && f.fetch != "" {
			lines = append(lines, f.fetch)
		}
		words = append(words, f.name+"="+value)
	}
	return append(lines, vault(words...))
}

// assumedFields are those of a config that fits our own configuration.
func assumedFields(t evidence.Target) []field {
	fields := []field{{name: "kubernetes_host", value: quoteTrusted(t.Kubernetes.Host)}, {name: "kubernetes_ca_cert"}}
	if t.Kubernetes.CACert != "" {
		fields[1].value = "@" + quoteTrusted(t.Kubernetes.CACert)
	}
	return append(fields,
		reviewerField(t),
		field{name: "disable_iss_validation"}, field{name: "disable_local_ca_jwt", value: "true"})
}

// reviewerField is the reviewer's token as we have it, fetched into a file where it
// is in none.
func reviewerField(t evidence.Target) field {
	f, fetched := field{name: "token_reviewer_jwt"}, "@reviewer-token"
	switch s := t.Reviewer.Secret; t.Reviewer.Source {
	case evidence.SourceFile:
		f.value = "@" + quoteTrusted(t.Reviewer.TokenFile)
	case evidence.SourceSecret:
		f.value = fetched
		f.fetch = fmt.Sprintf(`kubectl -n %s get secret %s -o go-template='{{index .data "%s" | base64decode}}' > reviewer-token`, quoteTrusted(s.Namespace), quoteTrusted(s.Name), s.Key)
	case evidence.SourceServiceAccount, evidence.SourceAccessReview:
		f.value = fetched
		f.fetch = fmt.Sprintf("kubectl -n %s create token %s --duration=8760h > reviewer-token",
			quoteTrusted(t.Reviewer.ServiceAccount.Namespace), quoteTrusted(t.Reviewer.ServiceAccount.Name))
	}
	return f
}

// storedFields are those that were read. Vault never returns the reviewer's token:
// ours stands in for it.
func storedFields(t evidence.Target, c evidence.MountConfig, path string) []field {
	ca, reviewer, keys := field{name: "kubernetes_ca_cert"}, reviewerField(t), field{name: "pem_keys"}
	if c.CACert != "" {
		ca.value, ca.fetch = "@mount-ca.crt", vault("read", "-field=kubernetes_ca_cert", path, "> mount-ca.crt")
	}
	if c.ReviewerSetKnown && !c.ReviewerSet {
		reviewer = field{name: "token_reviewer_jwt"}
	}
	if len(c.PEMKeys) > 0 {
		keys.value = "@mount-keys.pem"
		keys.fetch = vault("read", "-format=json", path, `| jq -r '.data.pem_keys | join(",")' > mount-keys.pem`)
	}
	fields := []field{{name: "kubernetes_host", value: quoteUntrusted(c.Host, "kubernetes_host")}, ca, reviewer, keys}
	if c.Issuer != "" {
		fields = append(fields, field{name: "issuer", value: quoteUntrusted(c.Issuer, "issuer")})
	}
	fields = append(fields,
		field{name: "disable_iss_validation", value: strconv.FormatBool(c.DisableISSValidation)},
		field{name: "disable_local_ca_jwt", value: strconv.FormatBool(c.DisableLocalCAJWT)})
	if c.Annotations {
		fields = append(fields, field{name: "use_annotations_as_alias_metadata", value: "true"})
	}
	return fields
}
