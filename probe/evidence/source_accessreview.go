package evidence

// SourceAccessReview has no reviewer token: the exporter checks the reviewer's
// permissions with its own identity.
const SourceAccessReview SourceName = "accessreview"

var accessReviewSource = Source{
	Name: SourceAccessReview, Key: "SERVICE_ACCOUNT", OwnIdentity: true, AccessReview: true,
	Value:    func(o Origin) string { return o.ServiceAccount.String() },
	Describe: func(o Origin) string { return o.ServiceAccount.Username() },
	Inspect:  inspectAccount,
	Export:   noToken,
	Renewed:  nothing,
	Permission: func(Origin) Permission {
		return Permission{Verb: "create", Resource: "subjectaccessreviews.authorization.k8s.io"}
	},
}
