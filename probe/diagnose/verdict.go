package diagnose

// Verdict is the answer to one question, with the one reason where it is no.
type Verdict struct {
	Reason Reason
	// Detail is one sentence with the target's own names.
	Detail string
	// Because lists the facts that the verdict rests on, one sentence each.
	Because   []string
	Certainty Certainty
	// Fix lists the lines to run, or to read, that mend it: commands with the
	// target's own names filled in, comments with a leading #.
	Fix []string
}

// Component returns which component owns the verdict.
func (v Verdict) Component() Component { return v.Reason.Component() }

// Diagnosis is the judgement of one run.
type Diagnosis struct {
	// Verdict answers: can pods log in?
	Verdict
	// Reviewer answers: can the configured reviewer create TokenReviews? Its reason
	// is empty where that is not known.
	Reviewer Verdict
}

// LoginStatus is whether pods can log in, as far as one run can tell.
type LoginStatus string

// The zero LoginStatus is none of these, so that nothing is healthy by default.
const (
	LoginsWork LoginStatus = "work"
	LoginsFail LoginStatus = "fail"
	// LoginsUnknown: the exporter or its canary is at fault, which says nothing about
	// pods.
	LoginsUnknown LoginStatus = "unknown"
)

// LoginStatus returns what the reason says about whether pods can log in.
func (r Reason) LoginStatus() LoginStatus {
	switch r.Component() {
	case ComponentNone:
		return LoginsWork
	case ComponentCanary, ComponentExporter:
		return LoginsUnknown
	}
	return LoginsFail
}
