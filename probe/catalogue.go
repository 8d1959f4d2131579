package probe

import (
	"cmp"
	"maps"
	"slices"
)

// entry is what is said of a reason to everybody; advise fills in the target's own
// names.
type entry struct {
	party  Party
	title  string
	advise func(Target, Evidence) []string
}

// Reasons lists every reason but None, in the order of the documentation: by
// party, then by name.
func Reasons() []Reason {
	reasons := slices.DeleteFunc(slices.Collect(maps.Keys(catalogue)), func(r Reason) bool { return r == None })
	slices.SortFunc(reasons, func(a, b Reason) int {
		if byParty := slices.Index(Parties, a.Party()) - slices.Index(Parties, b.Party()); byParty != 0 {
			return byParty
		}
		return cmp.Compare(a, b)
	})
	return reasons
}

// Advice returns the lines that mend the reason at this target, as a run that saw
// this evidence would print them.
func (r Reason) Advice(t Target, e Evidence) []string { return r.advice(t, e) }

// catalogue has one row for each reason.
var catalogue = map[Reason]entry{
	None: {PartyNone, "pods can log in", nil},

	VaultDNS:                  {PartyVault, "Vault's name does not resolve", adviseVaultName},
	VaultUnreachable:          {PartyVault, "Vault refuses or drops connections", adviseVaultReach},
	VaultTimeout:              {PartyVault, "Vault does not answer in time", adviseVaultReach},
	VaultTLSUntrusted:         {PartyVault, "Vault's certificate is signed by an authority that the exporter does not trust", adviseVaultCA},
	VaultTLSExpired:           {PartyVault, "Vault's certificate has expired or is not yet valid", adviseVaultCertificate},
	VaultTLSName:              {PartyVault, "Vault's certificate is for another name", adviseVaultTLSName},
	VaultTLSFailed:            {PartyVault, "no TLS connection to Vault comes about", adviseVaultTLS},
	VaultBadResponse:          {PartyVault, "what answers at Vault's address is not Vault", adviseVaultAddress},
	VaultUninitialized:        {PartyVault, "Vault is not initialised", adviseInitialize},
	VaultSealed:               {PartyVault, "Vault is sealed", adviseUnseal},
	VaultNoLeader:             {PartyVault, "Vault has no active node", adviseLeader},
	VaultRateLimited:          {PartyVault, "a rate limit quota of Vault refuses logins", adviseRateQuota},
	VaultLeaseQuota:           {PartyVault, "a lease count quota of Vault refuses logins", adviseLeaseQuota},
	VaultOverloaded:           {PartyVault, "Vault is overloaded", adviseOverload},
	VaultRedirect:             {PartyVault, "Vault redirects the login elsewhere", adviseVaultAddress},
	VaultNamespaceMissing:     {PartyVault, "the namespace does not exist in Vault", adviseNamespace},
	VaultNamespaceUnavailable: {PartyVault, "the namespace is locked or sealed", adviseNamespaceLock},
	VaultClockSkew:            {PartyVault, "Vault's clock is off", adviseVaultClock},
	VaultInternalError:        {PartyVault, "Vault fails inside: audit device, storage or plugin", adviseVaultInternal},

	MountMissing:              {PartyMount, "the auth mount does not exist", adviseMountEnable},
	MountWrongType:            {PartyMount, "the auth mount is of another type", adviseMountList},
	MountConfigMissing:        {PartyMount, "the auth mount has no config", adviseFirstConfig},
	MountIssuerMismatch:       {PartyMount, "the auth mount demands another issuer", adviseMountIssuer},
	MountPEMKeysMismatch:      {PartyMount, "the auth mount's pem_keys do not verify the canary's token", advisePEMKeys},
	MountLocalCAUnreadable:    {PartyMount, "the auth mount relies on a CA file that Vault cannot read", adviseLocalCA},
	MountAnnotationsForbidden: {PartyMount, "the reviewer may not read the service accounts that the auth mount wants annotations of", adviseAnnotations},

	RoleMissing:                 {PartyRole, "the role does not exist", adviseRoleWrite},
	RoleServiceAccountMismatch:  {PartyRole, "the role is not bound to the canary's service account", adviseRoleAccounts},
	RoleNamespaceMismatch:       {PartyRole, "the role is not bound to the canary's namespace", adviseRoleAccounts},
	RoleNamespaceSelectorFailed: {PartyRole, "Vault cannot evaluate the role's namespace selector", adviseNamespaceReader},
	RoleAudienceMismatch:        {PartyRole, "the role demands another audience than the canary's token has", adviseRoleAudience},
	RoleCIDRMismatch:            {PartyRole, "the role admits other addresses than the exporter's", adviseCIDR},
	CanaryEntityDisabled:        {PartyRole, "the canary's identity entity is disabled", adviseEntity},
	RolePolicyInvalid:           {PartyRole, "the role has a policy that logins may not have", adviseRolePolicies},
	RoleMFARequired:             {PartyRole, "the login demands a second factor", adviseMFA},

	ReviewerTokenMissing:   {PartyReviewer, "the reviewer token is missing", adviseReviewerFile},
	ReviewerTokenMalformed: {PartyReviewer, "the reviewer token is malformed", adviseReviewerFile},
	ReviewerExpired:        {PartyReviewer, "the reviewer token has expired", adviseReviewerRenew},
	ReviewerNotYetValid:    {PartyReviewer, "the reviewer token is not yet valid", adviseReviewerClock},
	ReviewerRevoked:        {PartyReviewer, "the reviewer token's service account, pod or Secret is gone", adviseReviewerRenew},
	ReviewerWrongCluster:   {PartyReviewer, "the reviewer token is not signed by this cluster's keys", adviseReviewerRenew},
	ReviewerWrongAudience:  {PartyReviewer, "the reviewer token is for another audience than the API server", adviseReviewerRenew},
	ReviewerDrift:          {PartyReviewer, "Vault holds another reviewer token than the exporter, and that one is no good", adviseReviewerDrift},
	ReviewerUnauthorized:   {PartyReviewer, "the API server does not take the reviewer token", adviseReviewerRenew},
	ReviewerForbidden:      {PartyReviewer, "the reviewer may not create TokenReviews", adviseReviewerBind},

	VaultToKubernetesUnreachable:   {PartyVaultToKubernetes, "Vault does not reach its API server", adviseMountReach},
	VaultToKubernetesTimeout:       {PartyVaultToKubernetes, "Vault gets no answer from its API server", adviseMountReach},
	VaultToKubernetesTLS:           {PartyVaultToKubernetes, "Vault does not trust the API server's certificate", adviseMountCA},
	VaultToKubernetesMisconfigured: {PartyVaultToKubernetes, "the mount's kubernetes_host is not the URL of an API server", adviseMountHost},
	VaultToKubernetesFailed:        {PartyVaultToKubernetes, "Vault cannot have tokens reviewed: its token, CA or host is wrong", adviseVaultToKubernetes},

	KubernetesDNS:          {PartyKubernetes, "the API server's name does not resolve", adviseKubernetesReach},
	KubernetesUnreachable:  {PartyKubernetes, "the API server refuses or drops connections", adviseKubernetesReach},
	KubernetesTimeout:      {PartyKubernetes, "the API server does not answer in time", adviseKubernetesReach},
	KubernetesTLSUntrusted: {PartyKubernetes, "the API server's certificate is signed by an authority that the exporter does not trust", adviseKubernetesCA},
	KubernetesTLSExpired:   {PartyKubernetes, "the API server's certificate has expired or is not yet valid", adviseKubernetesCertificate},
	KubernetesTLSName:      {PartyKubernetes, "the API server's certificate is for another name", adviseKubernetesTLSName},
	KubernetesTLSFailed:    {PartyKubernetes, "no TLS connection to the API server comes about", adviseKubernetesHost},
	KubernetesBadResponse:  {PartyKubernetes, "what answers at the API server's address is not an API server", adviseKubernetesHost},
	KubernetesThrottled:    {PartyKubernetes, "the API server throttles the reviewer", adviseThrottle},
	KubernetesUnavailable:  {PartyKubernetes, "the API server cannot review tokens now", adviseKubernetesReach},

	CanaryTokenMissing:   {PartyCanary, "the canary token is missing", adviseCanaryFile},
	CanaryTokenMalformed: {PartyCanary, "the canary token is malformed", adviseCanaryFile},
	CanaryExpired:        {PartyCanary, "the canary token has expired", adviseCanaryFile},
	CanaryNotYetValid:    {PartyCanary, "the canary token is not yet valid", adviseCanaryFile},
	CanaryRevoked:        {PartyCanary, "the canary's service account, pod or Secret is gone", adviseCanaryAccount},
	CanaryWrongCluster:   {PartyCanary, "the canary token was not issued by this cluster", adviseCanaryFile},
	CanaryWrongAudience:  {PartyCanary, "the canary token is for another audience", adviseCanaryAudience},
	CanaryRejected:       {PartyCanary, "the API server does not take the canary for a service account", adviseCanaryFile},

	ExporterForbidden:     {PartyExporter, "the exporter lacks the permission without which it can ask nothing", adviseMintRole},
	ExporterInternalError: {PartyExporter, "the exporter itself went wrong", adviseReport},

	Unexplained: {PartyUnknown, "the login fails for a reason that was not found", adviseUnexplained},
}
