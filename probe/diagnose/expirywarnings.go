package diagnose

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/shell"
)

// judgeCertificate raises for each certificate and CA that something needs and that expires
// soon.
func judgeCertificate(t evidence.Target, e evidence.Evidence) (finding, bool) {
	certificates := slices.DeleteFunc(Expiries(t, e), func(x Expiry) bool { return x.What.isToken() })
	ending := slices.DeleteFunc(slices.Clone(certificates), func(x Expiry) bool {
		return !x.Soon(e.At) || x.Effect == NothingEnds || x.Effect == EffectUnknown
	})
	if len(ending) == 0 {
		return finding{}, len(certificates) > 0
	}
	var f finding
	f.holds = true
	var details []string
	for _, x := range ending {
		details = append(details, fmt.Sprintf("%s %s", describeCertificate(x), expiry(x.End, e.At)))
		f.advice = f.advice.with(adviseCertificate(t, e, x))
	}
	f.detail = strings.Join(details, "; ")
	return f, true
}

func describeCertificate(x Expiry) string {
	switch x.What {
	case VaultCertificateItem:
		return fmt.Sprintf("the certificate %s of Vault", x.Which)
	case KubernetesCertificateItem:
		return fmt.Sprintf("the certificate %s of the API server", x.Which)
	}
	return fmt.Sprintf("the certificate %s in %s", x.Which, x.Source)
}

func (i Item) isToken() bool {
	return i == ReviewerTokenItem || i == CanaryTokenItem || i == ExporterTokenItem
}

// adviseCertificate returns the advice to renew a certificate or a CA.
func adviseCertificate(t evidence.Target, e evidence.Evidence, x Expiry) Advice {
	shows := "Not After : " + x.End.UTC().Format("Jan _2 15:04:05 2006") + " GMT"
	switch x.What {
	case VaultCertificateItem:
		return Advice{
			Notes: []string{"Renew it, and reload it in the server."},
			Check: []Check{{datesIn(connect(t.Vault.Addr, t.Vault.TLSServerName, "-showcerts")), shows}},
		}
	case KubernetesCertificateItem:
		return Advice{
			Notes: append([]string{"Renew it, and reload it in the server."}, platformAt(t.Kubernetes.Host, e).renewal()...),
			Check: []Check{{datesIn(connect(t.Kubernetes.Host, t.Kubernetes.TLSServerName, "-showcerts")), shows}},
		}
	case MountCAItem:
		return adviseMountCAEnds(t, e, shows)
	case ClientCertificateItem:
		return Advice{Notes: []string{"Put a new client certificate with its key into " + t.Pod.Describe(t.Vault.ClientCert) + ". Every run reads both again."}}
	}
	file, server := t.Kubernetes.CACert, "the API server's"
	if x.What == VaultCAItem {
		file, server = t.Vault.CACert, "Vault's"
	}
	a := Advice{Notes: []string{fmt.Sprintf("Put the CA that follows it into %s, beside it, before %s certificate is issued by the new one; then into every client that has this CA.",
		bundleName(t, file), server)}}
	if file != "" {
		a.Check = []Check{{datesIn("cat " + shell.Quote(file)), shows}}
		if command, known := t.Pod.Read(file); known {
			a.Check = []Check{{datesIn(command), shows}}
		}
	}
	return a
}

func bundleName(t evidence.Target, file string) string {
	if file == "" {
		return "the system's roots"
	}
	return t.Pod.Describe(file)
}

// adviseMountCAEnds writes the exporter's CA into the config if that is valid for longer.
func adviseMountCAEnds(t evidence.Target, e evidence.Evidence, shows string) Advice {
	check := Check{datesIn(vault("read", "-field=kubernetes_ca_cert", configPath(t))), shows}
	longer := e.KubernetesChain.Verifying.NotAfter.After(e.MountAuthorities.Verifying.NotAfter)
	if !longer || caSetting(t, e).value == "" {
		return Advice{
			Check: []Check{check},
			Notes: []string{"Write the CA that follows it into kubernetes_ca_cert, together with this one, before the API server's certificate is issued by the new one."},
		}
	}
	a := reconnect(t, e, caSetting(t, e))
	a.Check = []Check{check}
	a.Notes = append(a.Notes, "The exporter's CA verifies the API server too, and is valid for longer: the fix writes it.")
	return a
}

// datesIn returns a command that shows when each of the certificates expires that a command
// prints; openssl x509 would read the first one only.
func datesIn(command string) string {
	return command + " | openssl crl2pkcs7 -nocrl -certfile /dev/stdin | openssl pkcs7 -print_certs -text -noout | grep -E 'Subject:|Not After'"
}

// with adds another advice; what both have is there once.
func (a Advice) with(other Advice) Advice {
	for _, c := range other.Check {
		if !slices.Contains(a.Check, c) {
			a.Check = append(a.Check, c)
		}
	}
	for _, line := range other.Fix {
		if !slices.Contains(a.Fix, line) {
			a.Fix = append(a.Fix, line)
		}
	}
	for _, note := range other.Notes {
		if !slices.Contains(a.Notes, note) {
			a.Notes = append(a.Notes, note)
		}
	}
	return a
}

// judgeReviewerExpiring raises if the reviewer's token expires soon.
func judgeReviewerExpiring(t evidence.Target, e evidence.Evidence) (finding, bool) {
	c, judged := e.ReviewerToken.Value, e.ReviewerToken.Ok() && !e.ReviewerToken.Value.Opaque
	if at := warnAt(noticeOf(t, ReviewerTokenItem), c.Issued(), c.Expires); c.Expires.IsZero() || !e.At.After(at) {
		return finding{}, judged
	}
	return finding{
		holds:  true,
		detail: fmt.Sprintf("the token of the reviewer %s %s", reviewerName(e), expiry(c.Expires, e.At)),
		advice: adviseReviewerRenew(t, e),
	}, judged
}

// expiry says when something expires, or that it has.
func expiry(at, now time.Time) string {
	if at.After(now) {
		return "expires at " + date(at)
	}
	return "expired at " + date(at)
}

// signedByOlderKey reports whether the API server signs tokens with another key than that of the
// reviewer's token, which it still accepts. Tokens in Secrets are not compared: the controller
// manager signs them, often with a key of its own.
func signedByOlderKey(t evidence.Target, e evidence.Evidence) (older, judged bool) {
	reviewer, canary := e.ReviewerToken.Value, e.CanaryToken.Value
	known := reviewer.KeyID != "" && canary.KeyID != "" && reviewer.Issuer == canary.Issuer
	if !t.Reviewer.Source.Spec().External || !known || !e.CanaryReviewed() {
		return false, false
	}
	return reviewer.KeyID != canary.KeyID && canary.Issued().After(reviewer.Issued()), true
}

// judgeSigningKey raises while a reviewer's token is accepted that an older key has signed.
func judgeSigningKey(t evidence.Target, e evidence.Evidence) (finding, bool) {
	older, judged := signedByOlderKey(t, e)
	if !older {
		return finding{}, judged
	}
	advice := adviseReviewerRenew(t, e)
	advice.Check = []Check{{"kubectl get --raw /openid/v1/jwks", "more than one kid"}}
	advice.Notes = append(advice.Notes, "Keep the old key in --service-account-key-file of every API server until Vault has the new token.")
	return finding{
		holds: true,
		detail: fmt.Sprintf("the token of the reviewer %s was signed with the key %s, and newer tokens are signed with %s: it becomes invalid when the API server no longer has its key",
			reviewerName(e), evidence.ShortKeyID(e.ReviewerToken.Value.KeyID), evidence.ShortKeyID(e.CanaryToken.Value.KeyID)),
		advice: advice,
	}, true
}
