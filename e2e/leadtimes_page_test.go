package e2e

import (
	"fmt"
	"strings"
	"time"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/lab"
)

// The rendering of docs/lead-times.md.

const leadTimesIntroduction = `# Lead times: how early a warning comes

What ends logins, which warning says so while they still work, and for how long. The lab's real servers measured each of them:
an exporter with all [evidence](evidence.md) and an interval of 8 s, and a pod that logs in all the time. With another interval, a
warning or verdict comes up to that much later.

This page is written by ` + "`go test ./e2e -run LeadTimes -update`" + `.

| what happens | warning | how long before logins fail | measured |
|---|---|---|---|
`

const leadTimesNotes = `
## What the times depend on

- **Expiry.** A warning begins when less than a tenth of the validity is left, and less than 14 days; ` + "`EXPORTER_EXPIRY_WARNING_TOKENS`" + `
  and ` + "`EXPORTER_EXPIRY_WARNING_CERTIFICATES`" + ` replace the 14 days. So a token of a year is reported 14 days before its end, one of a day 2 h 24 min
  before. The API server accepts a token for 60 s after its ` + "`exp`" + `, and for up to 10 s more from its cache.
- **Chains.** Of several chains that verify a server, such as with cross-signed roots, the one counts that stays valid the longest. A
  certificate that nothing needs raises no warning. The table on the page of each target and ` + "`exporter check --verbose`" + ` list everything that
  ends, when, what happens then, and who has to renew it.
- **A new CA.** Vault verifies the API server when it connects. It keeps the connection for 90 s after its last use, so that with a login a
  minute a wrong CA takes effect at Vault's next restart, or when a load balancer closes the connection. ` + "`mount_ca_mismatch`" + ` needs the
  readable config; the end of the CA's validity itself is reported as for any other certificate.
- **The signing key.** ` + "`token_signing_key_rotated`" + ` compares the keys of the reviewer's and a newer canary token. It cannot say it of a token from a
  Secret, which the controller manager signs, nor if the old key is removed in the step that adds the new one.
- **A Secret that nobody uses.** The cluster marks a Secret after a year without use, and the exporter's own TokenReviews are a use. A mark
  is a verdict at once: the API server rejects the token from then on.
- **A change by hand** takes effect with the next login; nothing precedes it. ` + "`mount_drift`" + ` reports one that keeps logins working, within ten
  intervals.
- **A role that admits more** keeps no pod from logging in. ` + "`role_drift`" + ` reports it within ten intervals.
`

// leadTimeRows are the rows, in their order. The texts are Markdown.
var leadTimeRows = []struct{ ending, happens, said, before string }{
	{"reviewer_expiring", "the reviewer token is about to expire", "`reviewer_token_expiring`", "14 days, or a tenth of its validity"},
	{"reviewer_bound_to_pod", "the reviewer token is bound to a pod, which is deleted", "`reviewer_token_bound_to_pod`", "from the first run with the token until the deletion, of which nothing is known in advance"},
	{"ca_rotated", "the API server gets a certificate of a CA that the mount does not have", "`mount_ca_mismatch`", "from the next reading of the config, which is every tenth run, until Vault's connection ends"},
	{"certificate_expiring", "a certificate is about to expire", "`certificate_expiring`", "14 days, or a tenth of its validity"},
	{"mount_changed", "the mount's config is changed by hand, wrongly", "nothing", "cannot be said in advance"},
	{"", "a role is widened", "`role_drift`; `role_binding_too_wide` for `*`", "logins do not fail"},
	{"signing_key_rotated", "the cluster's signing key is rotated", "`token_signing_key_rotated`", "from the first newer canary token until the old key is removed"},
	{"legacy_secret_unused", "the Secret of the reviewer token is marked as unused", "nothing", "cannot be said in advance; a token in use is not marked"},
}

func leadTimesPageOf(measured map[string]*leadTime) string {
	var page strings.Builder
	page.WriteString(leadTimesIntroduction)
	endings := map[string]lab.Ending{}
	for _, ending := range lab.Endings() {
		endings[ending.Name] = ending
	}
	for _, row := range leadTimeRows {
		cell := "–"
		if m := measured[row.ending]; m != nil {
			cell = m.cell(endings[row.ending])
		}
		fmt.Fprintf(&page, "| %s | %s | %s | %s |\n", row.happens, row.said, row.before, cell)
	}
	page.WriteString(leadTimesNotes)
	return page.String()
}

func (m leadTime) cell(ending lab.Ending) string {
	named := fmt.Sprintf("the verdict was `%s` %s later", ending.Reason, inSeconds(m.named))
	switch {
	case ending.Announced == "":
		return fmt.Sprintf("logins failed %s after; %s", inSeconds(m.failing), named)
	case ending.End == nil:
		return fmt.Sprintf("valid for %s: said %s before logins failed; %s", inSeconds(lab.EndingValidity), inSeconds(m.lead), named)
	}
	return fmt.Sprintf("said %s after it began, while logins worked; they failed %s after the last step; %s", inSeconds(m.announced), inSeconds(m.failing), named)
}

func inSeconds(d time.Duration) string {
	return fmt.Sprintf("%d s", int(d.Round(time.Second).Seconds()))
}
