package diagnose

// Verdict is the answer to a yes-or-no question. If it is no, Reason is the cause.
type Verdict struct {
	Reason Reason
	// Detail is one sentence about this target.
	Detail string
	// Because lists the facts that support the verdict, one sentence each.
	Because   []string
	Certainty Certainty
	Advice
}

// Component returns the component that has to be fixed.
func (v Verdict) Component() Component { return v.Reason.Component() }

// CandidateStatus returns whether pods could log in with a candidate. They could not if its token
// was read or judged, or its host responded. That nothing responds to the exporter is no proof
// for Vault.
func (v Verdict) CandidateStatus() LoginStatus {
	logins := v.Reason.LoginStatus()
	if logins == LoginsFail && v.Component() != ComponentReviewer && v.Certainty != Proven && !v.Reason.isOfHost() {
		return LoginsUnknown
	}
	return logins
}

// isOfHost reports whether a candidate's host responded, and not as an API server that Vault
// would accept.
func (r Reason) isOfHost() bool {
	return r == VaultToKubernetesTLS || r == VaultToKubernetesMisconfigured
}

// Diagnosis is the result of Diagnose for one run.
type Diagnosis struct {
	// Verdict answers whether pods can log in.
	Verdict
	// Reviewer answers whether the configured reviewer can create TokenReviews. Its reason
	// is empty if that is not known.
	Reviewer Verdict
}
