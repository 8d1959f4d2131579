package diagnose

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
)

// platform is what differs from a cluster of one's own on a managed cluster or another
// distribution. The zero platform is a cluster that was not recognised.
type platform struct {
	name string
	// pattern matches the clues of a cluster; see [clues].
	pattern *regexp.Regexp
	// longestToken is the longest validity that the API server grants to a TokenRequest,
	// whatever was requested; 0 if it is not known.
	longestToken time.Duration
	// certificate says how the API server's certificate is renewed, network what limits who
	// reaches the API server, tokens why it does not accept valid ones. All are sentences,
	// empty if there is nothing to say.
	certificate, network, tokens string
}

// platforms are in order: the first one whose pattern matches counts. Validities are those
// that DataDog/stratus-red-team#163 and MicrosoftDocs/azure-docs#102161 measured.
var platforms = []platform{
	{
		name:    "Rancher",
		pattern: regexp.MustCompile(`(?m)^https://[^/\n]+/k8s/clusters/`),
		tokens: "The URL is that of Rancher's proxy, which by default does not accept tokens of service accounts (rancher/rancher#14997): " +
			"use the address of the API server itself, or of the cluster's authorized cluster endpoint.",
		certificate: "The certificate is that of Rancher's server, whose proxy the URL names: renew it there.",
	},
	{
		name:         "EKS",
		pattern:      regexp.MustCompile(`(?m)\.eks\.amazonaws\.com(?:\.cn)?(?::443)?/?$|\beks-cluster\.[a-z0-9-]+\.api\.|^https://oidc[.-]eks\.[a-z0-9-]+\.`),
		longestToken: 24 * time.Hour,
		certificate:  renewsItself("EKS"),
		network: "On EKS, the public endpoint admits the addresses in the cluster's publicAccessCidrs. " +
			"The private endpoint is in the VPC, and needs a rule for port 443 in the cluster's security group.",
	},
	{
		name:         "GKE",
		pattern:      regexp.MustCompile(`(?m)\.gke\.goog(?::443)?/?$`),
		longestToken: 48 * time.Hour,
		certificate:  renewsItself("GKE"),
		tokens:       "GKE's DNS-based endpoint accepts tokens of service accounts only if the cluster has --enable-k8s-tokens-via-dns.",
	},
	{
		name:         "GKE",
		pattern:      regexp.MustCompile(`(?m)^https://container\.googleapis\.com/v1/projects/`),
		longestToken: 48 * time.Hour,
		certificate:  renewsItself("GKE"),
		network: "On GKE, the endpoint admits the cluster's authorized networks, if they are enabled. " +
			"The private endpoint is in the VPC, and needs global access for other regions.",
	},
	{
		name:         "AKS",
		pattern:      regexp.MustCompile(`(?m)\.azmk8s\.io\b|\.azk8s\.cn\b|\.aks\.containerservice\.azure\.us\b|\.oic\.[a-z-]*aks\.azure\.`),
		longestToken: 24 * time.Hour,
		certificate: "AKS renews the API server's certificate itself, or az aks rotate-certs does, which replaces the cluster's CA too: write the new one to the mount's config. " +
			"If the certificate is new, look for a proxy in between that shows another one.",
		network: "On AKS, the public endpoint admits the cluster's authorized IP ranges, if there are any. " +
			"The name of a private cluster resolves only in networks that are linked to its private DNS zone.",
	},
	{
		name: "OpenShift",
		pattern: regexp.MustCompile(`(?m)\.openshiftapps\.com\b|\.aroapp\.io\b|^https://api-int\.` +
			`|(?s:^https://(?:api\.[^\n]+:6443|172\.30\.0\.1(?::443)?)/?$.*^https://kubernetes\.default\.svc$)`),
		certificate: "OpenShift's operator kube-apiserver renews the API server's certificate: oc get clusteroperator kube-apiserver. " +
			"A certificate of your own, in servingCerts of apiserver/cluster, it does not renew.",
	},
	{
		name:        "k3s",
		pattern:     regexp.MustCompile(`(?m)^CN=k3s,O=k3s$`),
		certificate: "k3s renews its certificates when it restarts, if they expire within 90 days.",
	},
	{name: "DigitalOcean Kubernetes", pattern: regexp.MustCompile(`(?m)\.k8s\.ondigitalocean\.com\b`), certificate: renewsItself("DigitalOcean")},
	{name: "Linode Kubernetes Engine", pattern: regexp.MustCompile(`(?m)\.linodelke\.net\b`), certificate: renewsItself("Linode")},
	{name: "Scaleway Kapsule", pattern: regexp.MustCompile(`(?m)\.k8s\.[a-z0-9-]+\.scw\.cloud\b`), certificate: renewsItself("Scaleway")},
}

// Platforms lists the names of the platforms that are recognised.
func Platforms() []string {
	var names []string
	for _, p := range platforms {
		names = append(names, p.name)
	}
	return slices.Compact(names)
}

func renewsItself(name string) string {
	return name + " renews the API server's certificate itself: if it has expired, look for a proxy in between that shows another one."
}

// platformAt recognises the cluster whose API server is at this URL by what a run has seen
// of it.
func platformAt(host string, e evidence.Evidence) platform {
	seen := clues(host, e)
	for _, p := range platforms {
		if p.pattern.MatchString(seen) {
			return p
		}
	}
	return platform{}
}

// vaultsPlatform recognises the cluster whose API server Vault asks.
func vaultsPlatform(t evidence.Target, e evidence.Evidence) platform {
	return platformAt(cmp.Or(e.Mount.Config.Value.Host, t.Kubernetes.Host), e)
}

// clues lists what identifies a cluster, one a line: the URL of the API server, then the
// issuers of its tokens, then the subject of its certificate.
func clues(host string, e evidence.Evidence) string {
	lines := []string{host}
	for _, issuer := range []string{e.OwnToken.Value.Issuer, e.CanaryToken.Value.Issuer} {
		lines = append(lines, strings.Trim(issuer, `"`)) // AKS quotes it
	}
	return strings.Join(append(lines, e.KubernetesCertificate.Subject), "\n")
}

// renewal returns sentences that say how the API server's certificate is renewed.
func (p platform) renewal() []string {
	if p.certificate != "" {
		return []string{p.certificate}
	}
	return []string{
		"If kubeadm manages the cluster, run kubeadm certs renew apiserver on each control plane node, and restart kube-apiserver.",
		"k3s and RKE2 renew it when their server restarts; managed clusters renew it themselves, so look for a proxy in between there.",
	}
}

// mintedTokens returns a sentence on the validity of tokens that kubectl create token makes.
func (p platform) mintedTokens() string {
	if p.longestToken == 0 {
		return "A token of kubectl create token expires, on many clusters sooner than its --duration says: if you store one instead, check its exp."
	}
	return fmt.Sprintf("A token of kubectl create token is valid for at most %.0f h on %s, whatever its --duration says.", p.longestToken.Hours(), p.name)
}

// sentences returns those that are not empty.
func sentences(texts ...string) []string {
	var said []string
	for _, text := range texts {
		if text != "" {
			said = append(said, text)
		}
	}
	return said
}
