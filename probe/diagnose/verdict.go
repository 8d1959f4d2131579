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

// Diagnosis is the result of Diagnose for one run.
type Diagnosis struct {
	// Verdict answers whether pods can log in.
	Verdict
	// Reviewer answers whether the configured reviewer can create TokenReviews. Its reason
	// is empty if that is not known.
	Reviewer Verdict
}
