package probe

// loadTokens reads the files anew. What is missing there is a fact like any other.
func (r *run) loadTokens() {
	e := &r.evidence
	e.CanaryToken = observe(r.loadCanary)
	e.ReviewerToken = observe(r.loadReviewer)
	if r.target.Kubernetes.TokenFile != "" {
		e.OwnToken = observe(func() (claims Claims, err error) {
			r.own, claims, err = loadToken(r.target.Kubernetes.TokenFile)
			return claims, err
		})
	}
}

// loadCanary demands a JWT: nothing else can belong to a service account.
func (r *run) loadCanary() (Claims, error) {
	path := r.target.Canary.TokenFile
	token, claims, err := loadToken(path)
	if err == nil && claims.Opaque {
		err = Failure{Class: ClassMalformed, Text: "the token in " + path + " is not a JWT"}
	}
	if err != nil {
		return Claims{}, err
	}
	r.canary = token
	return claims, nil
}

func (r *run) loadReviewer() (claims Claims, err error) {
	r.reviewer, claims, err = loadToken(r.target.Reviewer.TokenFile)
	return claims, err
}
