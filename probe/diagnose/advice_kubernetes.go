package diagnose

import (
	"fmt"
	"strings"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
)

func adviseReviewerFile(t evidence.Target, _ evidence.Evidence) []string {
	if t.Reviewer.Source == evidence.SourceSecret {
		s := t.Reviewer.Secret
		return []string{
			fmt.Sprintf("# EXPORTER_REVIEWER_SECRET is %s: it must hold the token that feeds Vault's token_reviewer_jwt, and nothing else", s),
			fmt.Sprintf("kubectl -n %s describe secret %s", quoteTrusted(s.Namespace), quoteTrusted(s.Name)),
		}
	}
	return []string{
		fmt.Sprintf("# EXPORTER_REVIEWER_TOKEN_FILE is %s: it must hold the token that feeds Vault's token_reviewer_jwt, and nothing else", t.Reviewer.TokenFile),
		"ls -l " + quoteTrusted(t.Reviewer.TokenFile),
	}
}

func adviseReviewerClock(evidence.Target, evidence.Evidence) []string {
	return []string{"# the token was minted by a host whose clock is ahead: set it, or mint the token anew", "chronyc tracking"}
}

func adviseReviewerRenew(t evidence.Target, e evidence.Evidence) []string {
	c := e.ReviewerToken.Value
	mint := fmt.Sprintf("kubectl -n %s create token %s --duration=8760h > reviewer-token",
		quoteUntrusted(c.Namespace, "namespace"), quoteUntrusted(c.ServiceAccount, "service-account"))
	lines := append([]string{mint}, writeConfig(t, e, map[string]string{"token_reviewer_jwt": "@reviewer-token"})...)
	switch t.Reviewer.Source {
	case evidence.SourceFile:
		lines = append(lines, fmt.Sprintf("# then put the same token where %s comes from", t.Reviewer.TokenFile))
	case evidence.SourceSecret:
		lines = append(lines, fmt.Sprintf("# then put the same token into the Secret %s", t.Reviewer.Secret))
	}
	return lines
}

// adviseReviewerBind names the binding after its subject: one of the usual name may
// exist already and bind another.
func adviseReviewerBind(_ evidence.Target, e evidence.Evidence) []string {
	name, subject := bindingOf(reviewerUser(e))
	return []string{"kubectl create clusterrolebinding " + name + " --clusterrole=system:auth-delegator " + subject}
}

// bindingOf names a ClusterRoleBinding for a user, and its subject as a flag.
func bindingOf(user string) (name, flag string) {
	account, isAccount := strings.CutPrefix(user, "system:serviceaccount:")
	if !isAccount {
		return "vault-auth-delegator", "--user=" + quoteUntrusted(user, "reviewer")
	}
	return quoteUntrusted(strings.ReplaceAll(account, ":", "-")+"-auth-delegator", "name"), "--serviceaccount=" + quoteUntrusted(account, "namespace:reviewer")
}

// reviewerUser is whom the API server takes the reviewer for, from its own answers
// where it gave any: a token that is no JWT does not say.
func reviewerUser(e evidence.Evidence) string {
	if e.Identity.Value.Username != "" {
		return e.Identity.Value.Username
	}
	if named := evidence.NamedUser(e.Review.Failure.Text); named != "" {
		return named
	}
	return e.ReviewerToken.Value.Subject
}

func adviseKubernetesReach(t evidence.Target, _ evidence.Evidence) []string {
	return []string{
		"kubectl get --raw /readyz?verbose",
		fmt.Sprintf("curl -sSk --max-time 5 %s", quoteTrusted(t.Kubernetes.Host+"/readyz")),
	}
}

func adviseKubernetesCA(t evidence.Target, _ evidence.Evidence) []string {
	return []string{
		fmt.Sprintf("# put the CA that signed the API server's certificate into EXPORTER_KUBERNETES_CACERT (now: %s), and into the config of %s:", orNone(t.Kubernetes.CACert), mountPath(t)),
		showChain(t.Kubernetes.Host, t.Kubernetes.TLSServerName),
	}
}

func adviseKubernetesCertificate(t evidence.Target, _ evidence.Evidence) []string {
	return []string{"kubeadm certs renew apiserver", showChain(t.Kubernetes.Host, t.Kubernetes.TLSServerName)}
}

func adviseKubernetesTLSName(t evidence.Target, _ evidence.Evidence) []string {
	return []string{
		"# use a host that the certificate names, here and in the config of " + mountPath(t) + ", or reissue the certificate",
		showChain(t.Kubernetes.Host, t.Kubernetes.TLSServerName),
	}
}

func adviseKubernetesHost(t evidence.Target, _ evidence.Evidence) []string {
	return []string{
		fmt.Sprintf("# EXPORTER_KUBERNETES_HOST is %s: it must be the https URL of the API server; this should print ok:", t.Kubernetes.Host),
		fmt.Sprintf("curl -sSk --max-time 5 %s", quoteTrusted(t.Kubernetes.Host+"/readyz")),
	}
}

func adviseThrottle(evidence.Target, evidence.Evidence) []string {
	return []string{
		"kubectl get --raw /debug/api_priority_and_fairness/dump_priority_levels",
		"# give the reviewer a FlowSchema of its own",
	}
}

func adviseCanaryFile(t evidence.Target, _ evidence.Evidence) []string {
	return []string{
		fmt.Sprintf("# EXPORTER_CANARY_TOKEN_FILE is %s: project a service account token of this cluster there", t.Canary.TokenFile),
		"ls -l " + quoteTrusted(t.Canary.TokenFile),
	}
}

func adviseCanaryAccount(_ evidence.Target, e evidence.Evidence) []string {
	c := e.CanaryToken.Value
	return []string{
		fmt.Sprintf("kubectl -n %s get serviceaccount %s", quoteUntrusted(c.Namespace, "namespace"), quoteUntrusted(c.ServiceAccount, "service account")),
		"# then restart the exporter's pod, so that it is given a new token",
	}
}

func adviseCanaryAudience(t evidence.Target, _ evidence.Evidence) []string {
	return []string{fmt.Sprintf("# project the token in %s with the audience %s", t.Canary.TokenFile, strings.Join(t.Canary.Audiences, " or "))}
}

// adviseMintRole grants the one permission that minting the canary's token takes.
func adviseMintRole(t evidence.Target, e evidence.Evidence) []string {
	c := t.Canary.ServiceAccount
	name := quoteTrusted(c.Name + "-token")
	return []string{
		fmt.Sprintf("kubectl -n %s create role %s --verb=create --resource=serviceaccounts/token --resource-name=%s", quoteTrusted(c.Namespace), name, quoteTrusted(c.Name)),
		fmt.Sprintf("kubectl -n %s create rolebinding %s --role=%s --serviceaccount=%s", quoteTrusted(c.Namespace), name, name,
			account(e.OwnToken.Value, "exporter")),
	}
}

func adviseReport(evidence.Target, evidence.Evidence) []string {
	return []string{"# this is a defect of the exporter: its log has the details; restart it, and report it"}
}

// adviseUnexplained grants the reading of what would tell the candidates apart. The
// canary's own token cannot: there is none while it does not log in.
func adviseUnexplained(t evidence.Target, e evidence.Evidence) []string {
	if !e.BareRefusal() || e.Mount.Config.Ok() {
		return []string{vault("monitor", "-log-level=debug")}
	}
	const policy = "vault-k8s-auth-exporter"
	readable := func(path string) string { return quoteTrusted(`path "` + path + `" { capabilities = ["read"] }`) }
	return []string{
		"# let the exporter read the mount's config and role, which tell the candidates apart:",
		"printf '%s\\n' " + readable(mountPath(t)+"/config") + " " + readable(rolePath(t)) + " | " + vault("policy", "write", policy, "-"),
		vault("token", "create", "-orphan", "-policy="+policy, "-period=24h", "-field=token", "> vault-token"),
		"# put that file where EXPORTER_VAULT_TOKEN_FILE points, renew its token daily, and check again",
	}
}
