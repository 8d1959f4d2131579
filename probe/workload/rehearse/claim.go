package rehearse

import (
	"strings"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/workload"
)

// tokens is what is known of the tokens of a cluster's pods.
type tokens struct {
	issuer    string   // empty if it is not known
	audiences []string // the default ones; empty if they are not known
}

// tokensOf returns what a run at the target shows: its tokens are of the same cluster. The canary's
// token has audiences of its own, so only its issuer counts. Tokens in Secrets have neither.
func tokensOf(t evidence.Target, e evidence.Evidence) tokens {
	var known tokens
	own := []evidence.Fact[evidence.Claims]{e.OwnToken, e.ReviewerToken}
	if t.Reviewer.Source.Spec().SelfReview {
		own = own[:1]
	}
	for _, token := range own {
		if isProjected(token) && len(token.Value.Audiences) > 0 {
			return tokens{token.Value.Issuer, token.Value.Audiences}
		}
	}
	if isProjected(e.CanaryToken) {
		known.issuer = e.CanaryToken.Value.Issuer
	}
	return known
}

func isProjected(token evidence.Fact[evidence.Claims]) bool {
	return token.Ok() && token.Value.Issuer != "" && token.Value.Issuer != evidence.LegacyIssuer
}

// usualIssuer is that of clusters whose API server was given no other.
const usualIssuer = "https://kubernetes.default.svc.cluster.local"

// Claim returns the login as a rehearsal at a target claims it, given the evidence of the canary's last run there.
func Claim(l workload.Login, t evidence.Target, e evidence.Evidence) evidence.WorkloadLogin {
	known := tokensOf(t, e)
	claimed := evidence.WorkloadLogin{
		Role: l.Role, ServiceAccount: l.ServiceAccount, Issuer: known.issuer, Audiences: known.audiences, OpenBao: e.Health.Value.OpenBao,
	}
	if claimed.Issuer == "" {
		claimed.Issuer, claimed.IssuerAssumed = usualIssuer, true
	}
	switch {
	case l.Audiences != "":
		claimed.Audiences = strings.Split(l.Audiences, ",")
	case len(claimed.Audiences) == 0:
		claimed.Audiences, claimed.AudiencesAssumed = []string{claimed.Issuer}, true
	}
	return claimed
}
