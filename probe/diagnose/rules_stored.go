package diagnose

import (
	"fmt"
	"strings"
	"time"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
)

// The rules on what Vault has stored: PEM keys, CIDRs, and the reviewer token, CA
// and host with which it calls Kubernetes.

// roleProbe holds where a login with an expired forgery met a bare 403 too, so that
// Vault refuses before it looks at the token's times, and the config tells why.
func roleProbe(t evidence.Target, e evidence.Evidence) (Verdict, bool) {
	p, m := e.FollowUps.RoleProbe, e.Mount
	if !e.BareRefusal() || !p.Ok() || p.Value.Text != evidence.TextBare403 || !e.MountIsThere() || !m.Config.Ok() {
		return Verdict{}, false
	}
	conclude := proven
	if !m.At.Equal(e.At) {
		conclude = byElimination // the config may have changed since it was read
	}
	early := "a login with an expired forgery met a bare 403 as well"
	switch {
	case len(m.Config.Value.PEMKeys) == 0:
		return conclude(RoleCIDRMismatch, fmt.Sprintf("the role %s admits other addresses than the exporter's%s", t.Vault.Role, cidrs(m)),
			early, "the mount's config has no pem_keys")
	case m.KeysRefuseCanary:
		return conclude(MountPEMKeysMismatch, fmt.Sprintf("the pem_keys in the config of %s do not verify the canary's token", mountPath(t)),
			early, "none of the pem_keys verifies the canary's token")
	case len(m.Role.Value.CIDRs) > 0:
		return byElimination(RoleCIDRMismatch, fmt.Sprintf("the role %s admits other addresses than the exporter's%s", t.Vault.Role, cidrs(m)),
			early, "the pem_keys verify the canary's token", "the role has token_bound_cidrs")
	}
	return Verdict{}, false
}

func cidrs(m evidence.Mount) string {
	if len(m.Role.Value.CIDRs) == 0 {
		return ""
	}
	return ": " + evidence.Clean(strings.Join(m.Role.Value.CIDRs, ", "))
}

// diagnosticRole holds where Vault itself told what becomes of its calls to Kubernetes, and
// ours are fine.
func diagnosticRole(t evidence.Target, e evidence.Evidence) (Verdict, bool) {
	o := e.FollowUps.DiagnosticRole
	if !e.BareRefusal() || !e.ReviewerIsFine(t) || !o.Ok() {
		return Verdict{}, false
	}
	says := readDiagnosticAnswer(o.Value.Text)
	told := "the diagnostic role answered: " + o.Value.Text
	switch says.finding {
	case saysNothing:
		return Verdict{}, false
	case reachedKubernetes:
		return diagnosticReviewer(t, e, says.identity, told)
	case ReviewerDrift:
		return proven(ReviewerDrift, fmt.Sprintf("the reviewer that Vault has stored for %s is no good, though %s", mountPath(t), oursIsFine(t, e)), told)
	}
	return proven(says.finding, fmt.Sprintf("Vault cannot have tokens reviewed: %s", afterErr(o.Value.Text)), told)
}

// oursIsFine says what makes our reviewer beyond doubt.
func oursIsFine(t evidence.Target, e evidence.Evidence) string {
	if t.Reviewer.Source == evidence.SourceAccessReview {
		return reviewerName(e) + " may create TokenReviews"
	}
	return "ours is"
}

// diagnosticReviewer judges by what the identity that Vault uses may do.
func diagnosticReviewer(t evidence.Target, e evidence.Evidence, identity, told string) (Verdict, bool) {
	access := e.FollowUps.DiagnosticAccess
	switch {
	case !access.Ok():
		return Verdict{}, false
	case !access.Value.Allowed:
		return proven(ReviewerDrift, fmt.Sprintf("Vault reviews as %s, which may not create TokenReviews", identity), told,
			"a SubjectAccessReview says that it may not")
	case e.RoleIsFine() && e.ReviewIsFine():
		return byElimination(CanaryEntityDisabled,
			fmt.Sprintf("Vault can have tokens reviewed, and refuses the canary all the same: the identity entity of %s is disabled", canaryName(e)), told,
			"Vault's reviewer "+identity+" may create TokenReviews", "a login with an expired forgery came as far as the token's expiry")
	}
	return Verdict{}, false
}

// Findings of the diagnostic role beside the reasons that its text may prove.
const (
	saysNothing       Reason = "" // it said nothing of Kubernetes
	reachedKubernetes Reason = "reached"
)

// diagnosticAnswer is what the text of a namespace selector's refusal means.
type diagnosticAnswer struct {
	finding  Reason
	identity string // whom the API server took Vault for, where that was said
}

// readDiagnosticAnswer reads the 403 of a role with a namespace selector, in which Vault
// repeats what the API server, or its own transport, told it.
func readDiagnosticAnswer(text string) diagnosticAnswer {
	if !evidence.Contains(text, evidence.TextNamespace) {
		return diagnosticAnswer{}
	}
	if !evidence.Contains(text, "err=") {
		return diagnosticAnswer{finding: reachedKubernetes}
	}
	for _, s := range diagnosticTexts {
		if evidence.Contains(text, s.text) {
			says := diagnosticAnswer{finding: s.reason}
			says.identity = evidence.NamedUser(text)
			return says
		}
	}
	return diagnosticAnswer{finding: VaultToKubernetesFailed}
}

func afterErr(text string) string {
	_, cause, _ := strings.Cut(text, "err=")
	return cause
}

// vaultToKubernetes holds where everything that we can ask is well, and Vault
// still cannot have the token reviewed: its own reviewer token, CA or host.
func vaultToKubernetes(t evidence.Target, e evidence.Evidence) (Verdict, bool) {
	silent := e.LoginSilent()
	if !silent && !(e.BareRefusal() && e.MountIsThere() && e.RoleIsFine()) || !e.ReviewIsFine() {
		return Verdict{}, false
	}
	because := []string{"our own TokenReview of the same token succeeded", "the login answered: " + e.Login.Failure.Error()}
	if silent || e.Login.Elapsed >= slowRefusal {
		return byElimination(VaultToKubernetesTimeout,
			fmt.Sprintf("Vault gets no answer from its API server: the login hung for %s while sys/health was fast", e.Login.Elapsed.Round(100*time.Millisecond)),
			append(because, "sys/health answered in "+e.Health.Elapsed.Round(time.Millisecond).String())...)
	}
	because = append(because, "the auth mount is there, and a login with an expired forgery came as far as the token's expiry")
	return storedConfig(t, e, because)
}

// storedConfig narrows down what is wrong with Vault's way to Kubernetes by what
// the mount's config shows.
func storedConfig(t evidence.Target, e evidence.Evidence, because []string) (Verdict, bool) {
	host := e.Mount.Config.Value.Host
	switch {
	case !e.Mount.Config.Ok():
	case !strings.HasPrefix(host, "https://") && !strings.HasPrefix(host, "http://"):
		return byElimination(VaultToKubernetesMisconfigured, fmt.Sprintf("kubernetes_host in the config of %s is no URL: %s", mountPath(t), host),
			append(because, "the config says kubernetes_host="+host)...)
	case e.MountCA.Ok() && !e.MountCA.Value.Verified:
		return byElimination(VaultToKubernetesTLS,
			fmt.Sprintf("the CA in the config of %s does not verify the API server's certificate: %s", mountPath(t), e.MountCA.Value.Why),
			append(because, "the certificate that the API server serves does not verify with the config's CA")...)
	case e.MountCA.Ok():
		return byElimination(ReviewerDrift,
			fmt.Sprintf("the host and the CA in the config of %s are right, so its reviewer token is not the one that we have; "+
				"if it is, the canary's identity entity is disabled", mountPath(t)),
			append(because, "the config's host is ours, and its CA verifies the API server's certificate")...)
	}
	return byElimination(VaultToKubernetesFailed,
		fmt.Sprintf("Vault cannot have tokens reviewed, though we can: the reviewer token, the CA or the host in the config of %s is wrong, "+
			"or the canary's identity entity is disabled", mountPath(t)),
		because...)
}
