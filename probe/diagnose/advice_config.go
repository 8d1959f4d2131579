package diagnose

import (
	"fmt"
	"strconv"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/shell"
)

// field is one field of the mount's config as an argument of vault write. If fetch is not
// empty, it is a command that first writes the value to a file.
type field struct{ name, value, fetch string }

// writeConfig returns the advice to change these fields of the mount's config. A write
// replaces the whole config, so it repeats every other field as read; if the config could
// not be read, a note says so. A change to "" omits the field.
func writeConfig(t evidence.Target, e evidence.Evidence, changes map[string]string) Advice {
	path := shell.Quote(mountPath(t) + "/config")
	if e.Mount.Config.Ok() {
		return Advice{Fix: write(path, storedFields(t, e.Mount.Config.Value, path), changes)}
	}
	return Advice{
		Check: []string{vault("read", path)},
		Notes: []string{"A write replaces the whole config, which the exporter may not read: run the check first, and repeat every field that it shows."},
		Fix:   write(path, assumedFields(t), changes),
	}
}

// reconnect returns the advice to change these fields for a Vault whose TokenReviews fail.
// If the config has another host than the exporter, whose host works, the write sets the
// exporter's.
func reconnect(t evidence.Target, e evidence.Evidence, changes map[string]string) Advice {
	host := e.Mount.Config.Value.Host
	if !e.Mount.Config.Ok() || t.Kubernetes.IsServedAt(host) {
		return writeConfig(t, e, changes)
	}
	changes["kubernetes_host"] = shell.Quote(t.Kubernetes.Host)
	a := writeConfig(t, e, changes)
	a.Notes = append([]string{fmt.Sprintf("The config has kubernetes_host=%s; the fix writes %s, which works for the exporter. If Vault is meant to use another API server, "+
		"correct EXPORTER_KUBERNETES_HOST instead, and do not run the fix.", shell.QuoteUntrusted(host, "kubernetes_host"), t.Kubernetes.Host)}, a.Notes...)
	return a
}

// firstConfig returns the commands that write a config to a mount that has none.
func firstConfig(t evidence.Target) []string {
	return write(shell.Quote(mountPath(t)+"/config"), assumedFields(t), nil)
}

func write(path string, fields []field, changes map[string]string) (commands []string) {
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
			commands = append(commands, f.fetch)
		}
		words = append(words, f.name+"="+value)
	}
	return append(commands, vault(words...))
}

// assumedFields returns the fields of a config that matches the exporter's configuration.
func assumedFields(t evidence.Target) []field {
	return []field{
		{name: "kubernetes_host", value: shell.Quote(t.Kubernetes.Host)},
		{name: "kubernetes_ca_cert", value: caOf(t)},
		reviewerField(t),
		{name: "disable_iss_validation"},
		{name: "disable_local_ca_jwt", value: disableLocal(t)},
	}
}

// disableLocal returns the value of disable_local_ca_jwt: empty with the source
// accessreview, which assumes that Vault uses its own pod's token and CA.
func disableLocal(t evidence.Target) string {
	if t.Reviewer.Source.Spec().AccessReview {
		return ""
	}
	return "true"
}

// caOf returns the API server's CA in the exporter's configuration; empty if it has none, or
// if Vault uses its own pod's.
func caOf(t evidence.Target) string {
	if t.Kubernetes.CACert == "" || t.Reviewer.Source.Spec().AccessReview {
		return ""
	}
	return "@" + shell.Quote(t.Kubernetes.CACert)
}

// reviewerField returns the field with the exporter's copy of the reviewer's token.
func reviewerField(t evidence.Target) field {
	origin := t.Reviewer.Origin()
	value, command := origin.Source.Spec().Export(origin)
	return field{name: "token_reviewer_jwt", value: value, fetch: command}
}

// storedFields returns the fields of a config that was read. Vault never returns the
// reviewer's token, so the exporter's copy is used.
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
	fields := []field{{name: "kubernetes_host", value: shell.QuoteUntrusted(c.Host, "kubernetes_host")}, ca, reviewer, keys}
	if c.Issuer != "" {
		fields = append(fields, field{name: "issuer", value: shell.QuoteUntrusted(c.Issuer, "issuer")})
	}
	fields = append(fields,
		field{name: "disable_iss_validation", value: strconv.FormatBool(c.DisableISSValidation)},
		field{name: "disable_local_ca_jwt", value: strconv.FormatBool(c.DisableLocalCAJWT)})
	if c.Annotations {
		fields = append(fields, field{name: "use_annotations_as_alias_metadata", value: "true"})
	}
	return fields
}
