package diagnose

import (
	"fmt"
	"net/url"
	"slices"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/shell"
)

// setting is one field of the mount's config that a fix writes: its value on the command
// line, and the commands that first write it to a file. An empty value omits the field.
type setting struct {
	name, value string
	fetch       []string
}

// changeConfig returns the commands that change these fields of the mount's config. A
// write replaces the whole config, so every other field is written again as Vault returns
// it. Vault never returns the reviewer's token, which is obtained from its source again. If
// the exporter knows no source, and not that there is no token, the commands write nothing
// unless Vault says that it stores none.
func changeConfig(t evidence.Target, e evidence.Evidence, changes ...setting) []string {
	path, guard := configPath(t), ""
	if !slices.ContainsFunc(changes, func(s setting) bool { return s.name == reviewerJWT }) && mayStoreReviewer(e) {
		reviewer := reviewerSetting(t, e)
		if reviewer.value == "" {
			guard = `if .token_reviewer_jwt_set == false then . else error("this write would delete token_reviewer_jwt, which Vault may store and never returns: add it") end | `
		}
		changes = append(changes, reviewer)
	}
	without := ".token_reviewer_jwt_set"
	for _, s := range changes {
		without += ", ." + s.name
	}
	return slices.Concat(
		[]string{vault("read", "-format=json", path, "| jq '.data | "+guard+"del("+without+")' > mount-config.json")},
		write(path, []string{"@mount-config.json"}, changes))
}

// mountHost returns the kubernetes_host of the config or, if nobody may read that, of the call that
// failed, which Vault names to the diagnostic role.
func mountHost(e evidence.Evidence) (host string, known bool) {
	if e.Mount.Config.Ok() {
		return e.Mount.Config.Value.Host, true
	}
	called, err := url.Parse(calledURL(e.FollowUps.DiagnosticRole.Value.Text))
	if err != nil || called.Host == "" {
		return "", false
	}
	return called.Scheme + "://" + called.Host, true
}

// reconnect is changeConfig for a Vault whose TokenReviews fail. If the mount has another host than
// the exporter, whose host works, the fix writes the exporter's.
func reconnect(t evidence.Target, e evidence.Evidence, changes ...setting) Advice {
	host, known := mountHost(e)
	if !known || t.Kubernetes.IsServedAt(host) {
		return Advice{Fix: changeConfig(t, e, changes...)}
	}
	if !slices.ContainsFunc(changes, func(s setting) bool { return s.name == kubernetesCA }) {
		changes = append([]setting{caSetting(t, e)}, changes...) // the stored CA is that of the stored host
	}
	return Advice{
		Notes: []string{fmt.Sprintf("The mount has kubernetes_host=%s; the fix writes %s, which works for the exporter. If Vault is meant to use another API server, "+
			"correct EXPORTER_KUBERNETES_HOST instead, and do not run the fix.", shell.QuoteUntrusted(host, "kubernetes_host"), t.Kubernetes.Host)},
		Fix: changeConfig(t, e, append([]setting{hostSetting(t)}, changes...)...),
	}
}

// firstConfig returns the commands that write a config that matches the exporter's
// configuration to a mount that has none.
func firstConfig(t evidence.Target, e evidence.Evidence) []string {
	settings := []setting{hostSetting(t)}
	if !t.Reviewer.Source.Spec().AccessReview { // else Vault uses the token and the CA of its own pod
		settings = append(settings, caSetting(t, e), reviewerSetting(t, e), setting{name: "disable_local_ca_jwt", value: "true"})
	}
	return write(configPath(t), nil, settings)
}

func write(path string, words []string, settings []setting) (commands []string) {
	for _, s := range settings {
		if s.value == "" {
			continue
		}
		commands = append(commands, s.fetch...)
		words = append(words, s.name+"="+s.value)
	}
	return append(commands, vault(append([]string{"write", path}, words...)...))
}

func configPath(t evidence.Target) string { return shell.Quote(mountPath(t) + "/config") }

func hostSetting(t evidence.Target) setting {
	return setting{name: "kubernetes_host", value: shell.Quote(t.Kubernetes.Host)}
}

// caSetting returns the API server's CA in the exporter's configuration; empty if it has
// none, or if the config lets Vault use its own pod's.
func caSetting(t evidence.Target, e evidence.Evidence) setting {
	s, file := setting{name: kubernetesCA}, t.Kubernetes.CACert
	if c := e.Mount.Config; file == "" || t.Reviewer.Source.Spec().AccessReview && c.Ok() && !c.Value.DisableLocalCAJWT {
		return s
	}
	if command, known := t.Pod.Read(file); known {
		s.value, s.fetch = "@kubernetes-ca.crt", []string{command + " > kubernetes-ca.crt"}
	} else {
		s.value = "@" + shell.Quote(file)
	}
	return s
}

const (
	kubernetesCA = "kubernetes_ca_cert"
	reviewerJWT  = "token_reviewer_jwt"
)

// reviewerSetting returns a token of the reviewer.
func reviewerSetting(t evidence.Target, e evidence.Evidence) setting {
	origin := t.Reviewer
	value, commands := origin.Source.Spec().Export(origin, e.ReviewerToken.Value, t.Pod)
	return setting{name: reviewerJWT, value: value, fetch: commands}
}

// mayStoreReviewer reports whether the config may contain a reviewer token.
func mayStoreReviewer(e evidence.Evidence) bool {
	c := e.Mount.Config
	return !c.Ok() || !c.Value.ReviewerSetKnown || c.Value.ReviewerSet
}
