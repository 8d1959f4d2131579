package diagnose

import (
	"cmp"
	"maps"
	"slices"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
)

// entry is what is said of a reason to everybody; advise fills in the target's own
// names.
type entry struct {
	component Component
	title     string
	advise    func(evidence.Target, evidence.Evidence) []string
}

// Reasons lists every reason but None, in the order of the documentation: by
// component, then by name.
func Reasons() []Reason {
	reasons := slices.DeleteFunc(slices.Collect(maps.Keys(catalogue)), func(r Reason) bool { return r == None })
	slices.SortFunc(reasons, func(a, b Reason) int {
		if byComponent := slices.Index(Components, a.Component()) - slices.Index(Components, b.Component()); byComponent != 0 {
			return byComponent
		}
		return cmp.Compare(a, b)
	})
	return reasons
}

// Advice returns the lines that mend the reason at this target, as a run that saw
// this evidence would print them.
func (r Reason) Advice(t evidence.Target, e evidence.Evidence) []string { return r.advice(t, e) }

// catalogue has one row for each reason.
var catalogue = map[Reason]entry{
	None: {ComponentNone, "pods can log in", nil},

	VaultDNS:                  {ComponentVault, "Vault's name does not resolve", adviseVaultName},
	VaultUnreachable:          {ComponentVault, "Vault refuses or drops connections", adviseVaultReach},
	VaultTimeout:              {ComponentVault, "Vault does not answer in time", adviseVaultReach},
	VaultTLSUntrusted:         {ComponentVault, "Vault's certificate is signed by an authority that the exporter does not trust", adviseVaultCA},
	VaultTLSExpired:           {ComponentVault, "Vault's certificate has expired or is not yet valid", adviseVaultCertificate},
	VaultTLSName:              {ComponentVault, "Vault's certificate is for another name", adviseVaultTLSName},
	VaultTLSFailed:            {ComponentVault, "no TLS connection to Vault comes about", adviseVaultTLS},
	VaultBadResponse:          {ComponentVault, "what answers at Vault's address is not Vault", adviseVaultAddress},
	VaultUninitialized:        {ComponentVault, "Vault is not initialised", adviseInitialize},
	VaultSealed:               {ComponentVault, "Vault is sealed", adviseUnseal},
	VaultNoLeader:             {ComponentVault, "Vault has no active node", adviseLeader},
	VaultRateLimited:          {ComponentVault, "a rate limit quota of Vault refuses logins", adviseRateQuota},
	VaultLeaseQuota:           {ComponentVault, "a lease count quota of Vault refuses logins", adviseLeaseQuota},
	VaultOverloaded:           {ComponentVault, "Vault is overloaded", adviseOverload},
	VaultRedirect:             {ComponentVault, "Vault redirects the login elsewhere", adviseVaultAddress},
	VaultNamespaceMissing:     {ComponentVault, "the namespace does not exist in Vault", adviseNamespace},
	VaultNamespaceUnavailable: {ComponentVault, "the namespace is locked or sealed", adviseNamespaceLock},
	VaultClockSkew:            {ComponentVault, "Vault's clock is off", adviseVaultClock},
	VaultInternalError:        {ComponentVault, "Vault fails inside: audit device, storage or plugin", adviseVaultInternal},

	MountMissing:              {ComponentMount, "the auth mount does not exist", adviseMountEnable},
	MountWrongType:            {ComponentMount, "the auth mount is of another type", adviseMountList},
	MountConfigMissing:        {ComponentMount, "the auth mount has no config", adviseFirstConfig},
	MountIssuerMismatch:       {ComponentMount, "the auth mount demands another issuer", adviseMountIssuer},
	MountPEMKeysMismatch:      {ComponentMount, "the auth mount's pem_keys do not verify the canary's token", advisePEMKeys},
	MountLocalCAUnreadable:    {ComponentMount, "the auth mount relies on a CA file that Vault cannot read", adviseLocalCA},
	MountAnnotationsForbidden: {ComponentMount, "the reviewer may not read the service accounts that the auth mount wants annotations of", adviseAnnotations},

	RoleMissing:                 {ComponentRole, "the role does not exist", adviseRoleWrite},
	RoleServiceAccountMismatch:  {ComponentRole, "the role is not bound to the canary's service account", adviseRoleAccounts},
	RoleNamespaceMismatch:       {ComponentRole, "the role is not bound to the canary's namespace", adviseRoleAccounts},
	RoleNamespaceSelectorFailed: {ComponentRole, "Vault cannot evaluate the role's namespace selector", adviseNamespaceReader},
	RoleAudienceMismatch:        {ComponentRole, "the role demands another audience than the canary's token has", adviseRoleAudience},
	RoleCIDRMismatch:            {ComponentRole, "the role admits other addresses than the exporter's", adviseCIDR},
	CanaryEntityDisabled:        {ComponentRole, "the canary's identity entity is disabled", adviseEntity},
	RolePolicyInvalid:           {ComponentRole, "the role has a policy that logins may not have", adviseRolePolicies},
	RoleMFARequired:             {ComponentRole, "the login demands a second factor", adviseMFA},

	ReviewerTokenMissing:   {ComponentReviewer, "the reviewer token is missing", adviseReviewerFile},
	ReviewerTokenMalformed: {ComponentReviewer, "the reviewer token is malformed", adviseReviewerFile},
	ReviewerExpired:        {ComponentReviewer, "the reviewer token has expired", adviseReviewerRenew},
	ReviewerNotYetValid:    {ComponentReviewer, "the reviewer token is not yet valid", adviseReviewerClock},
	ReviewerRevoked:        {ComponentReviewer, "the reviewer token's service account, pod or Secret is gone", adviseReviewerRenew},
	ReviewerWrongCluster:   {ComponentReviewer, "the reviewer token is not signed by this cluster's keys", adviseReviewerRenew},
	ReviewerWrongAudience:  {ComponentReviewer, "the reviewer token is for another audience than the API server", adviseReviewerRenew},
	ReviewerDrift:          {ComponentReviewer, "Vault holds another reviewer token than the exporter, and that one is no good", adviseReviewerDrift},
	ReviewerUnauthorized:   {ComponentReviewer, "the API server does not take the reviewer token", adviseReviewerRenew},
	ReviewerForbidden:      {ComponentReviewer, "the reviewer may not create TokenReviews", adviseReviewerBind},

	VaultToKubernetesUnreachable:   {ComponentVaultToKubernetes, "Vault does not reach its API server", adviseMountReach},
	VaultToKubernetesTimeout:       {ComponentVaultToKubernetes, "Vault gets no answer from its API server", adviseMountReach},
	VaultToKubernetesTLS:           {ComponentVaultToKubernetes, "Vault does not trust the API server's certificate", adviseMountCA},
	VaultToKubernetesMisconfigured: {ComponentVaultToKubernetes, "the mount's kubernetes_host is not the URL of an API server", adviseMountHost},
	VaultToKubernetesFailed:        {ComponentVaultToKubernetes, "Vault cannot have tokens reviewed: its token, CA or host is wrong", adviseVaultToKubernetes},

	KubernetesDNS:          {ComponentKubernetes, "the API server's name does not resolve", adviseKubernetesReach},
	KubernetesUnreachable:  {ComponentKubernetes, "the API server refuses or drops connections", adviseKubernetesReach},
	KubernetesTimeout:      {ComponentKubernetes, "the API server does not answer in time", adviseKubernetesReach},
	KubernetesTLSUntrusted: {ComponentKubernetes, "the API server's certificate is signed by an authority that the exporter does not trust", adviseKubernetesCA},
	KubernetesTLSExpired:   {ComponentKubernetes, "the API server's certificate has expired or is not yet valid", adviseKubernetesCertificate},
	KubernetesTLSName:      {ComponentKubernetes, "the API server's certificate is for another name", adviseKubernetesTLSName},
	KubernetesTLSFailed:    {ComponentKubernetes, "no TLS connection to the API server comes about", adviseKubernetesHost},
	KubernetesBadResponse:  {ComponentKubernetes, "what answers at the API server's address is not an API server", adviseKubernetesHost},
	KubernetesThrottled:    {ComponentKubernetes, "the API server throttles the reviewer", adviseThrottle},
	KubernetesUnavailable:  {ComponentKubernetes, "the API server cannot review tokens now", adviseKubernetesReach},

	CanaryTokenMissing:   {ComponentCanary, "the canary token is missing", adviseCanaryFile},
	CanaryTokenMalformed: {ComponentCanary, "the canary token is malformed", adviseCanaryFile},
	CanaryExpired:        {ComponentCanary, "the canary token has expired", adviseCanaryFile},
	CanaryNotYetValid:    {ComponentCanary, "the canary token is not yet valid", adviseCanaryFile},
	CanaryRevoked:        {ComponentCanary, "the canary's service account, pod or Secret is gone", adviseCanaryAccount},
	CanaryWrongCluster:   {ComponentCanary, "the canary token was not issued by this cluster", adviseCanaryFile},
	CanaryWrongAudience:  {ComponentCanary, "the canary token is for another audience", adviseCanaryAudience},
	CanaryRejected:       {ComponentCanary, "the API server does not take the canary for a service account", adviseCanaryFile},

	ExporterForbidden:     {ComponentExporter, "the exporter lacks the permission without which it can ask nothing", adviseMintRole},
	ExporterInternalError: {ComponentExporter, "the exporter itself went wrong", adviseReport},

	Unexplained: {ComponentUnknown, "the login fails for a reason that was not found", adviseUnexplained},
}
