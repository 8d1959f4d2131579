package diagnose

import (
	"fmt"
	"strings"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
)

// The warnings on the servers and on the mount between them.

func warnCertificate(_ evidence.Target, e evidence.Evidence) (Warning, bool) {
	var detail string
	judged := false
	for _, end := range []struct {
		name  string
		chain evidence.Certificate
	}{{"the API server", e.KubernetesCertificate}, {"Vault", e.VaultCertificate}, {"the mount's config", e.MountCA.Value.Certificate}} {
		if end.chain.NotAfter.IsZero() {
			continue
		}
		judged = true
		if expiring(e.At, end.chain.NotBefore, end.chain.NotAfter) {
			detail = fmt.Sprintf("the certificate %s of %s expires at %s", end.chain.Subject, end.name, date(end.chain.NotAfter))
		}
	}
	if !judged {
		return unjudged()
	}
	return raise(CertificateExpiring, detail != "", detail, "# renew it, and have the server load it")
}

// warnMountCA sees at once what Vault will see only when its pooled connection to
// the API server ends.
func warnMountCA(t evidence.Target, e evidence.Evidence) (Warning, bool) {
	if !e.MountCA.Ok() {
		return unjudged()
	}
	c := e.MountCA.Value
	return raise(MountCAMismatch, !c.Verified,
		fmt.Sprintf("the CA in the config of %s does not verify the certificate that the API server serves: %s", mountPath(t), c.Why),
		adviseMountCA(t, e)...)
}

func warnMountHost(t evidence.Target, e evidence.Evidence) (Warning, bool) {
	if !e.Mount.Config.Ok() {
		return unjudged()
	}
	host := e.Mount.Config.Value.Host
	return raise(MountHostDiffers, !evidence.SameHost(host, t.Kubernetes.Host),
		fmt.Sprintf("the config of %s points at %s, the exporter at %s: what one reaches says little of the other", mountPath(t), host, t.Kubernetes.Host),
		"# set EXPORTER_KUBERNETES_HOST to the host that Vault asks, or accept that the CA of the config is not checked")
}

func warnMountDrift(t evidence.Target, e evidence.Evidence) (Warning, bool) {
	if !e.Mount.Config.Ok() || e.Mount.Baseline == nil {
		return unjudged()
	}
	changed := e.Mount.Config.Value.Differs(*e.Mount.Baseline)
	return raise(MountDrift, len(changed) > 0,
		fmt.Sprintf("the config of %s was changed: %s", mountPath(t), strings.Join(changed, ", ")),
		"# if the change was meant, wait: after 24 h it is the new baseline; if not:",
		vault("read", quoteTrusted(mountPath(t)+"/config")))
}

func warnKubernetesUnreachable(t evidence.Target, e evidence.Evidence) (Warning, bool) {
	f := e.Review.Failure
	if t.Reviewer.Source == evidence.SourceAccessReview {
		f = e.Access.Failure
	}
	v, failed := unreachedForToken(t, e)
	if !e.Login.Ok() || !failed && e.Review.State == evidence.NotAsked && e.Access.State == evidence.NotAsked {
		return unjudged()
	}
	if !failed {
		v, failed = kubernetesFailed(t, f)
	}
	return raise(KubernetesUnreachableFromExporter, failed, "logins work, but the exporter gets no TokenReview: "+v.Detail,
		adviseKubernetesReach(t, e)...)
}

func warnClock(_ evidence.Target, e evidence.Evidence) (Warning, bool) {
	if !e.Health.Ok() {
		return unjudged()
	}
	skew := e.Health.Value.Skew
	return raise(ClockSkew, skew.Abs() > muchSkew,
		fmt.Sprintf("Vault's clock and the exporter's differ by %s", skew.Abs()), "chronyc tracking")
}
