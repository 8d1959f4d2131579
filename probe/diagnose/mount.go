package diagnose

import (
	"fmt"
	"strings"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/shell"
)

// The reasons and warnings about the auth mount and its config.
const (
	MountMissing              Reason = "mount_missing"
	MountWrongType            Reason = "mount_wrong_type"
	MountConfigMissing        Reason = "mount_config_missing"
	MountIssuerMismatch       Reason = "mount_issuer_mismatch"
	MountPEMKeysMismatch      Reason = "mount_pem_keys_mismatch"
	MountLocalCAUnreadable    Reason = "mount_local_ca_unreadable"
	MountAnnotationsForbidden Reason = "mount_annotations_forbidden"

	MountCAMismatch  WarningCode = "mount_ca_mismatch"
	MountHostDiffers WarningCode = "mount_host_differs"
	MountDrift       WarningCode = "mount_drift"
	// MountPEMKeysStale is raised while logins work, MountPEMKeysMismatch when they do not.
	MountPEMKeysStale WarningCode = "mount_pem_keys_stale"
	// MountAcceptsInvalidToken is also the reason of a workload's rehearsal.
	MountAcceptsInvalidToken WarningCode = "mount_accepts_invalid_token"
)

var mountReasons = sorted(
	Spec{
		Code: MountMissing, Component: ComponentMount, Title: "the auth mount does not exist",
		Means: "Nothing is mounted at this path: it was never enabled, was disabled or moved, is mistyped, or is in another namespace. " +
			"To a request without a token, Vault responds as if a permission were missing.",
		Seen: "A login with a role that does not exist gets a bare 403 too, where a Kubernetes mount would say `invalid role name`. " +
			"A token that may read the config is told `no handler for route`: proven. So it is at Vault Community, from a version on whose `sys/health` says so, " +
			"if Vault has no help for `login/<name>` there either, where userpass and ldap log in. " +
			"Otherwise by elimination: Vault Enterprise and OpenBao may answer the same where the namespace is missing or sealed. Vault 1.9 and older said 400 `missing client token`.",
		Remedy:   "Find out what happened to the mount before you enable it again: a new mount has no config, no roles and another accessor.",
		Reported: "hashicorp/vault#12038",
		advise: func(t evidence.Target, e evidence.Evidence) Advice {
			a := Advice{
				Check: []Check{{vault("auth", "list"), "no " + shell.Quote(t.Vault.Mount+"/")}},
				Notes: []string{fmt.Sprintf("EXPORTER_VAULT_MOUNT is %s, EXPORTER_VAULT_NAMESPACE is %s: if the check lists the mount under another path, correct the variable.",
					t.Vault.Mount, orNone(t.Vault.Namespace))},
			}
			switch {
			case t.Vault.Namespace != "":
				a.Check = append(a.Check, listNamespace(t))
				a.Notes = append(a.Notes, fmt.Sprintf("Make sure that the namespace %s exists.", t.Vault.Namespace))
			case strings.Contains(e.Health.Value.Version, "+ent"):
				a.Check = append(a.Check, Check{vault("namespace", "list"), "namespaces, one of which may have the mount"})
				a.Notes = append(a.Notes, "This is Vault Enterprise: the mount may be in a namespace, which EXPORTER_VAULT_NAMESPACE has to name.")
			}
			a.Notes = append(a.Notes, "Enable the mount only if it is gone: a new mount has no config, no roles and another accessor.")
			enable := vault("auth", "enable", "-path="+shell.Quote(t.Vault.Mount), "kubernetes")
			a.Fix = append(append([]string{enable}, firstConfig(t, e)...), writeRole(t, e))
			return a
		},
	},
	Spec{
		Code: MountWrongType, Component: ComponentMount, Title: "the auth mount is of another type",
		Means: "Another auth method is mounted there, such as jwt or approle.",
		Seen: "A text that only another method uses, help for `login/<name>`, or its type in Vault's list of mounts, read in this run: proven. " +
			"400 or 405 with a text that is not known here: by elimination.",
		Remedy:   "Set `EXPORTER_VAULT_MOUNT` to the right mount.",
		Reported: "hashicorp/vault-csi-provider#217",
		advise: func(t evidence.Target, _ evidence.Evidence) Advice {
			return Advice{
				Check: []Check{{vault("auth", "list"), shell.Quote(t.Vault.Mount+"/") + " with a type other than kubernetes"}},
				Notes: []string{fmt.Sprintf("EXPORTER_VAULT_MOUNT is %s: set it to the mount of type kubernetes.", t.Vault.Mount)},
			}
		},
	},
	Spec{
		Code: MountConfigMissing, Component: ComponentMount, Title: "the auth mount has no config",
		Means:    "The mount was enabled, but its config was never written. This is usual after `vault auth disable` and `enable`.",
		Seen:     "500 `could not load backend configuration`: proven.",
		Remedy:   "Write the config. The roles went with the old mount too.",
		Reported: "external-secrets/kubernetes-external-secrets#649",
		advise: func(t evidence.Target, e evidence.Evidence) Advice {
			return Advice{Check: []Check{readConfig(t, "No value found")}, Fix: firstConfig(t, e)}
		},
	},
	Spec{
		Code: MountIssuerMismatch, Component: ComponentMount, Title: "the auth mount requires another issuer",
		Means:    "The mount verifies `iss` and expects another value. Mounts written before Vault 1.9 keep `disable_iss_validation=false`.",
		Seen:     "403 `invalid issuer (iss) claim` (500 in old plugins): proven.",
		Remedy:   "Disable the check: the API server verifies the issuer anyway.",
		Reported: "external-secrets/kubernetes-external-secrets#721",
		advise: func(t evidence.Target, e evidence.Evidence) Advice {
			return Advice{
				Notes: []string{fmt.Sprintf("The canary's token has iss=%s; the config requires another issuer.",
					shell.QuoteUntrusted(e.CanaryToken.Value.Issuer, "issuer"))},
				Check: []Check{readConfig(t, "disable_iss_validation false")},
				Fix:   changeConfig(t, e, setting{name: "disable_iss_validation", value: "true"}),
			}
		},
	},
	Spec{
		Code: MountPEMKeysMismatch, Component: ComponentMount, Title: "the auth mount's pem_keys do not verify the canary's token",
		Means: "The config has `pem_keys`, and none of them verifies the canary's token: the cluster's signing key was rotated. " +
			"Vault rejects the login before it calls Kubernetes, without saying why.",
		Seen: "A login with a forged, expired token gets a bare 403 too, and none of the readable `pem_keys` verifies the canary's token: " +
			"proven if the config was read in this run, otherwise by elimination. Without a readable config the reason is [`unexplained`](#unexplained).",
		Remedy:   "Replace the keys, or remove them.",
		Reported: "hashicorp/vault-plugin-auth-kubernetes#30: logins fail with `pem_keys` in the config and succeed without.",
		advise: func(t evidence.Target, e evidence.Evidence) Advice {
			return Advice{
				Notes: []string{"Without pem_keys Vault leaves signatures to the API server, which knows its keys."},
				Check: []Check{readConfig(t, "pem_keys that are not empty")},
				Fix:   changeConfig(t, e, setting{name: "pem_keys"}),
			}
		},
	},
	Spec{
		Code: MountLocalCAUnreadable, Component: ComponentMount, Title: "the auth mount relies on a CA file that Vault cannot read",
		Means: "The mount relies on the CA file of Vault's own pod, and Vault does not run in one: " +
			"it was moved out of the cluster, or `automountServiceAccountToken` is off.",
		Seen:     "500 `open /var/run/secrets/kubernetes.io/serviceaccount/ca.crt:` with any error: proven.",
		Remedy:   "Write the CA into the config.",
		Reported: "hashicorp/vault#15891",
		advise: func(t evidence.Target, e evidence.Evidence) Advice {
			if t.Reviewer.Source.Spec().AccessReview {
				return Advice{Notes: []string{"EXPORTER_REVIEWER is accessreview, which assumes a Vault in a pod of this cluster: set automountServiceAccountToken of Vault's pod to true, and restart it."}}
			}
			return Advice{
				Check: []Check{readConfig(t, "kubernetes_ca_cert n/a, and disable_local_ca_jwt false")},
				Fix:   changeConfig(t, e, caSetting(t, e), setting{name: "disable_local_ca_jwt", value: "true"}),
			}
		},
	},
	Spec{
		Code: MountAnnotationsForbidden, Component: ComponentMount,
		Title: "the reviewer may not read the service accounts whose annotations the auth mount uses",
		Means: "`use_annotations_as_alias_metadata` is on, and the reviewer may not read service accounts. The TokenReview itself succeeded. " +
			"OpenBao has no such option.",
		Seen: "500 `failed to get service account` with the API server's refusal behind it (`forbidden: User`): proven. " +
			"With another error behind it, the reason is that of Vault's call, by elimination.",
		Remedy: "Allow the reviewer to read them, or set the option to false.",
		advise: func(_ evidence.Target, e evidence.Evidence) Advice {
			return grantToReviewer(e, "serviceaccounts")
		},
	},
)

var mountWarnings = []WarningSpec{
	{
		Code: MountCAMismatch, Component: ComponentMount, Title: "the CA in the mount's config does not verify the API server",
		Means: "The CA in the mount's config does not verify the API server. Logins work until Vault's open connection ends, " +
			"which takes hours if logins are frequent.",
		Seen:   "The readable CA against the certificate that the API server serves to the exporter, where both use the same host.",
		Remedy: "As for [`vault_to_kubernetes_tls`](#vault_to_kubernetes_tls), before Vault's next restart.",
		judge: func(t evidence.Target, e evidence.Evidence) (finding, bool) {
			c := e.MountCA.Value
			if judged := e.MountCA.Ok() && !(t.Candidate != nil && t.Candidate.Host); !judged || c.Verified {
				return finding{}, judged
			}
			return finding{
				holds:  true,
				detail: fmt.Sprintf("the CA in the config of %s does not verify the certificate that the API server serves: %s", mountPath(t), c.Why),
				advice: adviseMountCA(t, e),
			}, true
		},
	},
	{
		Code: MountHostDiffers, Component: ComponentMount, Title: "the mount and the exporter use different API servers",
		Means:  "The mount uses another host than the exporter: the exporter's checks may not apply to Vault, and the mount's CA is not checked.",
		Seen:   "The readable config.",
		Remedy: "Set `EXPORTER_KUBERNETES_HOST` to the mount's host, if the exporter can reach it.",
		judge: func(t evidence.Target, e evidence.Evidence) (finding, bool) {
			host := e.Mount.Config.Value.Host
			judged := e.Mount.Config.Ok() && host != "" && !(t.Candidate != nil && t.Candidate.Host)
			if !judged || t.Kubernetes.IsServedAt(host) {
				return finding{}, judged
			}
			return finding{
				holds: true,
				detail: fmt.Sprintf("the config of %s points at %s, the exporter at %s: the exporter's checks may not apply to Vault",
					mountPath(t), host, t.Kubernetes.Host),
				advice: Advice{Notes: []string{"Set EXPORTER_KUBERNETES_HOST to the host that Vault uses, or accept that the CA of the config is not checked."}},
			}, true
		},
	},
	{
		Code: MountDrift, Component: ComponentMount, Title: "the mount's config was changed",
		Means: "A field of the mount's config is no longer as this process first read it. The warning says which, from what to what, and between which two readings; " +
			"certificates and keys are named by their fingerprints. Another reviewer token is not seen: Vault never returns it.",
		Seen:   "The readable config against the baseline, which is the first reading; after 24 h a changed config becomes the new baseline.",
		Remedy: "Nothing if the change was intended. Otherwise the commands of the warning write the changed fields as they were; the audit log has who changed them.",
		judge:  judgeMountDrift,
	},
	{
		Code: MountPEMKeysStale, Component: ComponentMount, Title: "the auth mount's pem_keys are not the cluster's signing keys",
		Means: "The config has `pem_keys`, and they are not the keys with which the API server verifies tokens. Logins with tokens that a missing key signs fail. " +
			"A key that the cluster does not have is left from a rotation, or somebody else's: such a key alone lets nobody in, because Vault has every token reviewed too.",
		Seen: "The readable config against the API server's `/openid/v1/jwks`, where the mount and the exporter use the same host. " +
			"Every service account may read that by default. Keys are compared by their contents and shown by the beginning of their `kid`.",
		Remedy: "Remove `pem_keys`, or replace them by the cluster's keys before the next rotation. If nobody of yours wrote the key that the cluster lacks, treat it as an incident.",
		judge:  judgePEMKeys,
	},
	{
		Code: MountAcceptsInvalidToken, Component: ComponentMount, Title: "the auth mount issues tokens to logins that it must refuse",
		Means: "A login that must be refused got a token, which was revoked at once. With a forged JWT, whoever reaches Vault can log in at this mount as any service account. " +
			"Treat it as an incident. The warning says which login it was.",
		Seen: "A token in the answer to the role probe, the call probe, the rehearsal of a [workload's login](workloads.md), or a login of the negative canary, " +
			"`EXPORTER_NEGATIVE_CANARY`: signed by a foreign key, expired, for another audience than the role's, or at the diagnostic role.",
		Remedy: "Find out what answers Vault's TokenReviews, and write the right host. Then revoke the tokens that the mount issued.",
		judge:  judgeAcceptsInvalid,
	},
}

// readConfig returns a check that reads the mount's config.
func readConfig(t evidence.Target, shows string) Check {
	return Check{vault("read", configPath(t)), shows}
}

func adviseMountCA(t evidence.Target, e evidence.Evidence) Advice {
	if t.Candidate != nil {
		return Advice{Notes: []string{"Logins fail once Vault connects again: try a CA too, with --kubernetes-cacert."}}
	}
	a := reconnect(t, e, caSetting(t, e))
	a.Check = []Check{connectAsVault(t, e)}
	if e.MountCA.Ok() && e.MountCA.Value.Verified {
		a.Notes = append(a.Notes, "The CA in the config verifies the certificate that the exporter is shown: look for a proxy that shows Vault another one (HTTPS_PROXY in Vault's environment).")
	}
	return a
}
