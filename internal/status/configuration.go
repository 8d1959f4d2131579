package status

import (
	"cmp"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
)

// setting is one line of what is known of where a target looks. Note is a remark in a sentence.
type setting struct{ Name, Value, Note string }

// configurationOf returns where a target looks, and as whom.
func configurationOf(t probe.TargetState) []setting {
	vault, e := t.Target.Vault, latestEvidence(t)
	version := t.VaultVersion
	if version != "" {
		version = "version " + version
	}
	settings := []setting{{"Vault", vault.Addr, version}}
	if vault.Namespace != "" {
		settings = append(settings, setting{"Namespace", vault.Namespace, ""})
	}
	settings = append(settings, setting{"Mount", "auth/" + vault.Mount, ""}, setting{"Role", vault.Role, ""})
	if vault.DiagnosticRole != "" {
		settings = append(settings, setting{"Diagnostic role", vault.DiagnosticRole, ""})
	}
	return append(settings,
		setting{"API server", t.Target.Kubernetes.Host, ""},
		identity("Reviewer", t.Target.Reviewer, cmp.Or(e.Identity.Value.Username, e.ReviewerToken.Value.Subject)),
		identity("Canary", t.Target.Canary, e.CanaryToken.Value.Subject),
		setting{"Interval", "", "every " + approximate(t.Target.Interval) + ", for at most " + approximate(t.Target.LongestRun())},
	)
}

// identity says who it is, if a run has seen that, and where its token comes from.
func identity(name string, o evidence.Origin, account string) setting {
	where := o.Source.Spec().Describe(o)
	if where == account {
		where = ""
	}
	if account == "" {
		return setting{name, "", where}
	}
	return setting{name, account, where}
}

func latestEvidence(t probe.TargetState) evidence.Evidence {
	if t.Latest == nil {
		return evidence.Evidence{}
	}
	return t.Latest.Evidence
}
