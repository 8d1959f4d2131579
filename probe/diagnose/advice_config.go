package diagnose

import (
	"fmt"
	"strconv"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/shell"
)

// field is one field of the mount's config in a command. What does not fit on a
// command line is first fetched into a file.
type field struct{ name, value, fetch string }

// writeConfig is the write that changes these fields of the mount's config. A write
// replaces the whole config, so every other field is repeated as it was read; where
// the config could not be read, the advice says so. A change to "" leaves a field out.
func writeConfig(t evidence.Target, e evidence.Evidence, changes map[string]string) Advice {
	path := shell.Quote(mountPath(t) + "/config")
	if e.Mount.Config.Ok() {
		a := Advice{Fix: write(path, storedFields(t, e.Mount.Config.Value, path), changes)}
		if !e.Mount.At.Equal(e.At) {
			a.Check = []string{vault("read", path)}
			a.Notes = []string{"A write replaces the whole config. The fix repeats the fields as they were read at " + date(e.Mount.At) + ": compare them with what the check shows."}
		}
		return a
	}
	return Advice{
		Check: []string{vault("read", path)},
		Notes: []string{"A write replaces the whole config, which the exporter may not read: run the check first, and repeat every field that it shows."},
		Fix:   write(path, assumedFields(t), changes),
	}
}

// reconnect is the write that changes these fields for a Vault that cannot have tokens
// reviewed. A host that differs from ours, which works, is not written back.
func reconnect(t evidence.Target, e evidence.Evidence, changes map[string]string) Advice {
	host := e.Mount.Config.Value.Host
	if !e.Mount.Config.Ok() || t.Kubernetes.IsServedAt(host) {
		return writeConfig(t, e, changes)
	}
	changes["kubernetes_host"], changes["kubernetes_ca_cert"] = shell.Quote(t.Kubernetes.Host), caOf(t) // the stored CA is that of the stored host
	a := writeConfig(t, e, changes)
	a.Notes = append([]string{fmt.Sprintf("The config has kubernetes_host=%s; the fix writes %s, which works for the exporter. If Vault is meant to use another API server, "+
		"correct EXPORTER_KUBERNETES_HOST instead, and do not run the fix.", shell.QuoteUntrusted(host, "kubernetes_host"), t.Kubernetes.Host)}, a.Notes...)
	return a
}

// firstConfig writes a config where there is none.
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

// assumedFields are those of a config that fits our own configuration.
func assumedFields(t evidence.Target) []field {
	return []field{
		{name: "kubernetes_host", value: shell.Quote(t.Kubernetes.Host)},
		{name: "kubernetes_ca_cert", value: caOf(t)},
		reviewerField(t),
		{name: "disable_iss_validation"},
		{name: "disable_local_ca_jwt", value: disableLocal(t)},
	}
}

// disableLocal is whether Vault is to leave its own pod's token and CA alone, empty for
// no: with EXPORTER_REVIEWER=accessreview it is they that Vault uses.
func disableLocal(t evidence.Target) string {
	if t.Reviewer.Source.Spec().AccessReview {
		return ""
	}
	return "true"
}

// caOf is the API server's CA as our configuration has it, empty where it has none, or
// where Vault uses its own pod's.
func caOf(t evidence.Target) string {
	if t.Kubernetes.CACert == "" || t.Reviewer.Source.Spec().AccessReview {
		return ""
	}
	return "@" + shell.Quote(t.Kubernetes.CACert)
}

// reviewerField is the reviewer's token as we have it.
func reviewerField(t evidence.Target) field {
	origin := t.Reviewer.Origin()
	value, command := origin.Source.Spec().Export(origin)
	return field{name: "token_reviewer_jwt", value: value, fetch: command}
}

// storedFields are those that were read. Vault never returns the reviewer's token:
// ours takes its place.
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
