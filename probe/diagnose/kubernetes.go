package diagnose

import (
	"fmt"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/shell"
)

// The reasons about the API server, as the exporter reaches it.
const (
	KubernetesDNS          Reason = "kubernetes_dns"
	KubernetesUnreachable  Reason = "kubernetes_unreachable"
	KubernetesTimeout      Reason = "kubernetes_timeout"
	KubernetesTLSUntrusted Reason = "kubernetes_tls_untrusted"
	KubernetesTLSExpired   Reason = "kubernetes_tls_expired"
	KubernetesTLSName      Reason = "kubernetes_tls_name"
	KubernetesTLSFailed    Reason = "kubernetes_tls_failed"
	KubernetesBadResponse  Reason = "kubernetes_bad_response"
	KubernetesThrottled    Reason = "kubernetes_throttled"
	KubernetesUnavailable  Reason = "kubernetes_unavailable"

	KubernetesUnreachableFromExporter WarningCode = "kubernetes_unreachable_from_exporter"
)

// bothFailed is the text Seen of reasons that depend on who asks: DNS, routes, CA files and
// proxies may differ for Vault.
const bothFailed = "The TokenReview failed this way, and the login got a bare 403 or no answer: by elimination. " +
	"Vault reports the same through the diagnostic role: proven. " +
	"While logins work it is the warning [`kubernetes_unreachable_from_exporter`](#kubernetes_unreachable_from_exporter)."

// passesTheRest is part of the text Seen of reasons that are the same for every client.
const passesTheRest = "the login passes all that Vault checks before it calls the API server, as the probes of mount and role show"

var kubernetesReasons = sorted(
	Spec{
		Code: KubernetesDNS, Component: ComponentKubernetes, Title: "the API server's name does not resolve",
		Means:    "The name of the API server does not resolve for the exporter, and so probably not for Vault.",
		Seen:     bothFailed,
		Remedy:   "Check DNS, and the name in `EXPORTER_KUBERNETES_HOST`.",
		Reported: "bank-vaults/bank-vaults#1748: a Vault outside the cluster asks for `kubernetes.default.svc`.",
		advise:   adviseKubernetesReach,
	},
	Spec{
		Code: KubernetesUnreachable, Component: ComponentKubernetes, Title: "the API server refuses or drops connections",
		Means:    "The API server refuses or drops connections from the exporter, and probably from Vault.",
		Seen:     bothFailed,
		Remedy:   "Check the control plane, its load balancer, and the network.",
		Reported: "hashicorp/vault#20165",
		advise:   adviseKubernetesReach,
	},
	Spec{
		Code: KubernetesTimeout, Component: ComponentKubernetes, Title: "the API server does not answer in time",
		Means: "The API server responds neither to the exporter nor to Vault.",
		Seen: "The TokenReview timed out, and the login hangs or took 9.5 s or more, although Vault answers logins at once that it refuses by itself: proven. " +
			"Otherwise by elimination.",
		Remedy:   "Check the control plane, private endpoints and authorized networks.",
		Reported: "hashicorp/vault-k8s#263",
		advise:   adviseKubernetesReach,
	},
	Spec{
		Code: KubernetesTLSUntrusted, Component: ComponentKubernetes,
		Title: "the API server's certificate is signed by an authority that the exporter does not trust",
		Means: "The API server's certificate is signed by a CA that the exporter does not have. After a rotation of the CA " +
			"both the exporter's file and the mount's config need the new one.",
		Seen:     bothFailed,
		Remedy:   "Compare the served certificate first; then replace both.",
		Reported: "aws/containers-roadmap#2638",
		advise: func(t evidence.Target, _ evidence.Evidence) Advice {
			return Advice{
				Notes: []string{fmt.Sprintf("Put the CA that signed the API server's certificate into EXPORTER_KUBERNETES_CACERT (now %s) and into the config of %s.",
					t.Pod.Describe(t.Kubernetes.CACert), mountPath(t))},
				Check: []Check{{
					certificate(t.Kubernetes.Host, t.Kubernetes.TLSServerName, "-issuer"),
					"the subject of a CA that is not in EXPORTER_KUBERNETES_CACERT",
				}},
			}
		},
	},
	Spec{
		Code: KubernetesTLSExpired, Component: ComponentKubernetes, Title: "the API server's certificate has expired or is not yet valid",
		Means: "The API server's certificate has expired or is not yet valid.",
		Seen: "It has by the exporter's clock, from which Vault's differs by 60 s at most, and " + passesTheRest + ": proven, " +
			"unless the config, if it can be read, names another host. Otherwise as for [`kubernetes_dns`](#kubernetes_dns).",
		Remedy:   "Renew it.",
		Reported: `rancher/k3os#657: a cluster of exactly one year, and "all of a sudden" ` + "`x509: certificate has expired or is not yet valid`.",
		advise: func(t evidence.Target, e evidence.Evidence) Advice {
			return Advice{
				Check: []Check{{certificate(t.Kubernetes.Host, t.Kubernetes.TLSServerName, "-dates"), outOfValidity}},
				Notes: platformAt(t.Kubernetes.Host, e).renewal(),
			}
		},
	},
	Spec{
		Code: KubernetesTLSName, Component: ComponentKubernetes, Title: "the API server's certificate is for another name",
		Means:    "The API server's certificate lacks the name that the exporter calls.",
		Seen:     bothFailed,
		Remedy:   "Use a name that the certificate has, here and in the mount's config.",
		Reported: "hashicorp/vault-plugin-auth-kubernetes#233",
		advise: func(t evidence.Target, _ evidence.Evidence) Advice {
			return Advice{
				Notes: []string{"Use a host that the certificate names, here and in the config of " + mountPath(t) + ", or reissue the certificate."},
				Check: []Check{certificateNames(t.Kubernetes.Host, t.Kubernetes.TLSServerName)},
			}
		},
	},
	Spec{
		Code: KubernetesTLSFailed, Component: ComponentKubernetes, Title: "the TLS handshake with the API server fails",
		Means:    "The TLS handshake fails: the server speaks plain HTTP, or there is no common TLS version.",
		Seen:     bothFailed,
		Remedy:   "Check `EXPORTER_KUBERNETES_HOST`.",
		Reported: "projectcalico/kube-controllers#291, of another client: `https` at the API server's plain port 8080.",
		advise:   adviseKubernetesHost,
	},
	Spec{
		Code: KubernetesBadResponse, Component: ComponentKubernetes, Title: "the server at the API server's address is not an API server",
		Means:    "Something other than the API server answers: a proxy, a portal, a wrong path.",
		Seen:     bothFailed,
		Remedy:   "Point the exporter and the mount at the API server itself.",
		Reported: "hashicorp/vault-plugin-auth-kubernetes#20",
		advise:   adviseKubernetesHost,
	},
	Spec{
		Code: KubernetesThrottled, Component: ComponentKubernetes, Title: "the API server throttles the reviewer", Backoff: true,
		Means: "API priority and fairness rejects the reviewer's requests. Vault does not retry, so some logins of pods fail.",
		Seen: "The API server's own 429 on the reviewer's TokenReview, and " + passesTheRest + ": proven. " +
			"A 429 that another server may have sent, or to another account than the reviewer: by elimination. The exporter makes no rechecks until the pause is over.",
		Remedy:   "Give the reviewer's service account a FlowSchema of its own.",
		Reported: "kubernetes/kubernetes#71811",
		advise: func(evidence.Target, evidence.Evidence) Advice {
			return Advice{
				Notes: []string{"Give the reviewer's service account a FlowSchema of its own."},
				Check: []Check{{"kubectl get --raw /debug/api_priority_and_fairness/dump_priority_levels", "RejectedRequests above 0"}},
			}
		},
	},
	Spec{
		Code: KubernetesUnavailable, Component: ComponentKubernetes, Title: "the API server cannot review tokens now",
		Means: "The API server answers 5xx, or cannot authenticate: etcd, an authentication webhook that is down, " +
			"an authenticator that does not support audiences, or an admission webhook that denies TokenReviews.",
		Seen: "The API server's own 5xx on the TokenReview, or its 403 with the text of an admission webhook, and " + passesTheRest + ": proven; so is a TokenReview that was created and reports a deadline or no audience. " +
			"Vault reports a 5xx too, through the diagnostic role: proven. A 5xx of another server (a load balancer has no Status) or the text of a webhook: by elimination.",
		Remedy:   "Check `/readyz`, then the authentication webhook. If an admission webhook denies the request, leave the API group `authentication.k8s.io` out of its rules.",
		Reported: "kubernetes/kubernetes#83745",
		advise: func(t evidence.Target, e evidence.Evidence) Advice {
			if evidence.Contains(e.Review.Failure.Text, evidence.TextAdmission) {
				return Advice{Notes: []string{"An admission webhook denies TokenReviews, Vault's too: leave the API group authentication.k8s.io out of its rules."}}
			}
			if e.Review.Ok() { // then /readyz is ok
				return Advice{Notes: []string{"The API server created the TokenReview and could not authenticate: check its authentication webhook, and whether that supports audiences."}}
			}
			return adviseKubernetesReach(t, e)
		},
	},
)

var kubernetesWarnings = []WarningSpec{{
	Code: KubernetesUnreachableFromExporter, Component: ComponentExporter, Title: "the exporter itself cannot query the API server",
	Means: "The exporter's TokenReview fails: logins work, so Vault reaches the API server and the exporter does not; " +
		"or its own CA file, proxy or host fails, whether or not logins work. The reviewer is not judged then.",
	Seen: "A transport error, 429 or 5xx on the TokenReview, while the login succeeded; or a failure as in " +
		"[`exporter_ca_unreadable`](#exporter_ca_unreadable), [`exporter_proxy`](#exporter_proxy) or [`exporter_resources`](#exporter_resources).",
	Remedy: "Check the exporter's NetworkPolicy, DNS, CA and proxy.",
	judge:  judgeKubernetesUnreachable,
}}

func adviseKubernetesReach(t evidence.Target, e evidence.Evidence) Advice {
	return Advice{
		Notes: sentences("Check the control plane, its load balancer, and the network from the exporter and from Vault to it.",
			platformAt(t.Kubernetes.Host, e).network),
		Check: []Check{readyz(t.Kubernetes.Host)},
	}
}

func adviseKubernetesHost(t evidence.Target, e evidence.Evidence) Advice {
	return Advice{
		Notes: sentences(fmt.Sprintf("EXPORTER_KUBERNETES_HOST is %s: it must be the https URL of the API server.", t.Kubernetes.Host),
			platformAt(t.Kubernetes.Host, e).tokens),
		Check: []Check{readyz(t.Kubernetes.Host)},
	}
}

// readyz returns the check for an API server that does not serve requests at an address.
func readyz(host string) Check {
	return Check{"curl -sSk --max-time 5 " + shell.Quote(host+"/readyz"), anythingButOK}
}

// anythingButOK is what readyz shows of a server that is no API server, is not ready, or is not
// reached. Some clusters refuse it to users without a token.
const anythingButOK = "anything but ok, Unauthorized or Forbidden"

// outOfValidity is what the dates of a certificate show that has expired or is not yet valid.
const outOfValidity = "notAfter in the past, or notBefore in the future"

func judgeKubernetesUnreachable(t evidence.Target, e evidence.Evidence) (finding, bool) {
	if f, failed := exporterFailureAtKubernetes(t, e); failed {
		if _, asked := exporterFailure(e); asked != noServer {
			return unjudged() // the verdict reports it
		}
		return finding{
			holds:  true,
			detail: "the exporter cannot query the API server: " + f.Error(),
			advice: adviseAt(t, exporterReasonOf[f.Class], serverKubernetes),
		}, true
	}
	f := e.Review.Failure
	if t.Reviewer.Source.Spec().AccessReview {
		f = e.Access.Failure
	}
	v, failed := unreachedForToken(t, e)
	if !e.Login.Ok() || !failed && e.Review.State == evidence.NotAsked && e.Access.State == evidence.NotAsked {
		return unjudged()
	}
	if !failed {
		v, failed = kubernetesFailed(t, f)
	}
	if !failed {
		return finding{}, true
	}
	return finding{
		holds:  true,
		detail: "logins work, but the exporter's TokenReview fails: " + v.Detail,
		advice: adviseKubernetesReach(t, e).checkOwnSide(v.Reason, e),
	}, true
}
