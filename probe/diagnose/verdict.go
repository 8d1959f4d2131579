package diagnose

// Verdict is the answer to one question, with the one reason where it is no.
type Verdict struct {
	Reason Reason
	// Detail is one sentence with the target's own names.
	Detail string
	// Because lists the facts that the verdict rests on, one sentence each.
	Because   []string
	Certainty Certainty
	Advice
}

// Component returns which component the verdict is about.
func (v Verdict) Component() Component { return v.Reason.Component() }

// Diagnosis is the judgement of one run.
type Diagnosis struct {
	// Verdict answers: can pods log in?
	Verdict
	// Reviewer answers: can the configured reviewer create TokenReviews? Its reason
	// is empty where that is not known.
	Reviewer Verdict
}
