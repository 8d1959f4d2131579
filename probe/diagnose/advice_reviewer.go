package diagnose

import (
	"fmt"
	"strings"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/shell"
)

func adviseReviewerToken(t evidence.Target, _ evidence.Evidence) Advice {
	origin := t.Reviewer
	if t.Candidate != nil && t.Candidate.Reviewer {
		if origin.TokenFile == evidence.StandardInput {
			return Advice{Notes: []string{"Standard input must hold a token, and nothing else." + hintExec}}
		}
		return Advice{Notes: []string{fmt.Sprintf("--reviewer-token-file is %s: it must be a regular file that holds a token, and nothing else; - is standard input.", origin.TokenFile)}}
	}
	source := origin.Source.Spec()
	return Advice{Notes: []string{fmt.Sprintf("EXPORTER_REVIEWER_%s is %s: it must hold the token that Vault has as token_reviewer_jwt, and nothing else.",
		source.Key, describeSetting(t.Pod, source, origin))}}
}

func adviseReviewerMissing(t evidence.Target, e evidence.Evidence) Advice {
	a := adviseReviewerToken(t, e)
	a.Check = inspect(t, t.Reviewer)
	return a
}

// inspect returns the check for a token that could not be obtained.
func inspect(t evidence.Target, o evidence.Origin) []Check {
	command, shows := o.Source.Spec().Inspect(o, t.Pod)
	if command == "" {
		return nil
	}
	return []Check{{command, shows}}
}

// adviseReviewerRenew returns the advice to store a new token of the same service account
// that is not bound to an object.
func adviseReviewerRenew(t evidence.Target, e evidence.Evidence) Advice {
	if isUsers(e.ReviewerToken) {
		use := "put it where the exporter reads it, and write it to " + mountPath(t) + "/config as token_reviewer_jwt"
		if t.Candidate != nil {
			use = "and try that: --reviewer-token-file"
		}
		return Advice{Notes: []string{fmt.Sprintf("The token of %s is that of no service account: get a new one from the issuer that its iss claim names, %s.", reviewerName(e), use)}}
	}
	c := claimsOf(e.ReviewerToken, t.Reviewer)
	value, commands := evidence.LastingToken(shell.QuoteUntrusted(c.Namespace, "namespace"), shell.QuoteUntrusted(c.ServiceAccount, "service-account"))
	if t.Candidate != nil {
		return Advice{Fix: commands, Notes: []string{"Then try the new token: --reviewer-token-file " + strings.TrimPrefix(value, "@")}}
	}
	a := reconnect(t, e, setting{name: reviewerJWT, value: value, fetch: commands})
	a.Notes = append(a.Notes, sentences(vaultsPlatform(t, e).tokens)...)
	origin := t.Reviewer
	if renewed := origin.Source.Spec().Renewed(origin, t.Pod); renewed != "" {
		a.Notes = append(a.Notes, renewed)
	}
	return a
}

// isUsers reports whether a token is a JWT, but no service account's: an identity provider's.
func isUsers(token evidence.Fact[evidence.Claims]) bool {
	return token.Ok() && !token.Value.Opaque && token.Value.ServiceAccount == ""
}

// adviseReviewerRecreate is adviseReviewerRenew for a service account that may be gone. Its
// ClusterRoleBinding still exists and names it.
func adviseReviewerRecreate(t evidence.Target, e evidence.Evidence) Advice {
	c := claimsOf(e.ReviewerToken, t.Reviewer)
	a := adviseReviewerRenew(t, e)
	if isUsers(e.ReviewerToken) {
		return a
	}
	a.Fix = append([]string{fmt.Sprintf("kubectl -n %[1]s get serviceaccount %[2]s > /dev/null || kubectl -n %[1]s create serviceaccount %[2]s",
		shell.QuoteUntrusted(c.Namespace, "namespace"), shell.QuoteUntrusted(c.ServiceAccount, "service-account"))}, a.Fix...)
	return a
}

// adviseReviewerRevoked is adviseReviewerRecreate, unless only a label makes the token invalid.
func adviseReviewerRevoked(t evidence.Target, e evidence.Evidence) Advice {
	c := claimsOf(e.ReviewerToken, t.Reviewer)
	a := adviseReviewerRecreate(t, e)
	if markedUnused(t, e) {
		a = Advice{
			Fix: []string{fmt.Sprintf("kubectl -n %s label secret %s %s-",
				shell.QuoteUntrusted(c.Namespace, "namespace"), shell.QuoteUntrusted(c.Secret, "secret"), invalidSince)},
			Notes: []string{"A token that is used is not marked again. The cluster deletes a Secret that stays marked."},
		}
	}
	a.Check = []Check{boundObject(c)}
	return a
}

// adviseReviewerUnauthorized is adviseReviewerRecreate for a token that Vault has and the
// exporter may not have: then it does not know whose token that is. A new token does not help
// if the API server could not verify this one, which only that of no service account depends on.
func adviseReviewerUnauthorized(t evidence.Target, e evidence.Evidence) Advice {
	review := e.FollowUps.ReviewerReview
	if e.ReviewerToken.Ok() && e.ReviewerToken.Value.ServiceAccount == "" && review.Ok() && isUnverified(review.Value.Error) {
		return Advice{Notes: []string{"The API server could not verify the token, which may be valid: look, from its hosts, for what keeps it from the identity provider or the authentication webhook of its users."}}
	}
	a := adviseReviewerRecreate(t, e)
	if isUsers(e.ReviewerToken) && !review.Ok() {
		note := "The API server also rejects a valid token if it cannot fetch the keys of its issuer: its log says so"
		if t.Kubernetes.TokenFile == "" && t.FollowUps {
			note += ", and with EXPORTER_KUBERNETES_TOKEN_FILE the exporter sees it too"
		}
		a.Notes = append(a.Notes, note+".")
	}
	if e.ReviewerToken.State == evidence.Failed {
		a.Notes = append(adviseReviewerToken(t, e).Notes, a.Notes...)
		a.Check = inspect(t, t.Reviewer)
	}
	return a
}

// adviseReviewerDrift returns the advice to store a token of the exporter's reviewer in Vault
// or, with the source accessreview, to store none.
func adviseReviewerDrift(t evidence.Target, e evidence.Evidence) Advice {
	if t.Reviewer.Source.Spec().AccessReview {
		a := reconnect(t, e, setting{name: reviewerJWT}, setting{name: "disable_local_ca_jwt", value: "false"})
		a.Notes = append(a.Notes, "The fix makes Vault use the token of its own pod again, as EXPORTER_REVIEWER=accessreview assumes. It needs a Vault that runs in this cluster.")
		a.Check = []Check{storesReviewer(t)}
		return a
	}
	a := reconnect(t, e, reviewerSetting(t, e))
	a.Notes = append(a.Notes, sentences(vaultsPlatform(t, e).tokens)...)
	a.Check = []Check{storesReviewer(t), watchLog()}
	return a
}

// storesReviewer returns the check for a Vault that has no reviewer token where it should have
// one, or the other way round.
func storesReviewer(t evidence.Target) Check {
	switch source := t.Reviewer.Source.Spec(); {
	case source.AccessReview:
		return readConfig(t, "token_reviewer_jwt_set true, or disable_local_ca_jwt true")
	case source.SelfReview:
		return readConfig(t, "token_reviewer_jwt_set true")
	}
	return readConfig(t, "token_reviewer_jwt_set false")
}

// inspectFile returns the check for a file of the exporter that is missing.
func inspectFile(pod evidence.Pod, file string) Check {
	command, shows := pod.Inspect(file)
	return Check{command, shows}
}

// bindingOf returns the name of a ClusterRoleBinding for a user, the flag for its subject,
// and the user for --as.
func bindingOf(user string) (binding, flag, impersonated string) {
	who := reviewerSubject(user)
	return shell.QuoteUntrusted(who.stem()+"-auth-delegator", "name"), who.flag, shell.QuoteUntrusted(user, "reviewer")
}

// identityOfProxy is the note on a reviewer that the API server sees as another user, who is quoted.
func identityOfProxy(user string) string {
	return "The API server sees " + user + ", and not the service account of the token: a proxy in between presents an identity of its own. " +
		"Point EXPORTER_KUBERNETES_HOST, and the mount's kubernetes_host, at the API server itself."
}

// reviewerUser returns the reviewer's username, empty if it is not known. Only the API server knows
// that of a token of an identity provider, or of one that is no JWT.
func reviewerUser(e evidence.Evidence) string {
	if e.Identity.Value.Username != "" {
		return e.Identity.Value.Username
	}
	if named := evidence.NamedUser(e.Review.Failure.Text); named != "" {
		return named
	}
	if subject := e.ReviewerToken.Value.Subject; e.ReviewerToken.Value.ServiceAccount != "" {
		return subject
	}
	return ""
}

// adviseSourcePermission returns the advice to grant the permission that the reviewer's
// source needs.
func adviseSourcePermission(t evidence.Target, e evidence.Evidence) Advice {
	origin := t.Reviewer
	source := origin.Source.Spec()
	if !source.Home {
		return grant(source.Permission(origin), accountSubject(account(e.OwnToken.Value, "exporter")))
	}
	switch f := e.ReviewerToken.Failure; {
	case f.Class == evidence.ClassForbidden:
		return Advice{
			Notes: []string{fmt.Sprintf("Mount the token of the exporter's own service account at %s.", t.Home.TokenFile)},
			Check: []Check{inspectFile(t.Pod, t.Home.TokenFile)},
		}
	case f.Class != evidence.ClassRefused:
		return Advice{
			Notes: []string{"The Secret is in the cluster that the exporter runs in, whose API server does not respond to the exporter."},
			Check: []Check{readyz(t.Home.Host)},
		}
	}
	who := "<namespace:exporter>"
	if t.Home.TokenFile == t.Kubernetes.TokenFile {
		who = account(e.OwnToken.Value, "exporter")
	}
	a := grant(source.Permission(origin), accountSubject(who))
	a.Notes = append(a.Notes, "Run the fix in the cluster that the exporter runs in, for its service account there.")
	return a
}
