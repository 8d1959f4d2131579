package config

import "errors"

// mistake is a problem and the key that has it.
type mistake struct {
	key, name string
	err       error
}

func (m *mistake) Error() string { return m.name + ": " + m.err.Error() }

func (m *mistake) Unwrap() error { return m.err }

// problem is what is wrong, and what is allowed instead.
type problem struct {
	what, allowed string
	// combined: see [inconsistent].
	combined bool
}

func (p *problem) Error() string { return p.what + "; allowed: " + p.allowed }

// invalid is a problem of a value by itself.
func invalid(what, allowed string) error { return &problem{what: what, allowed: allowed} }

// malformed is a problem for which the shape of the kind says what is allowed.
func malformed(what string) error { return &problem{what: what} }

// inconsistent is a problem between several values, or of a missing one. In the
// defaults for a targets file it is no mistake: the targets may complete them.
func inconsistent(what, allowed string) error {
	return &problem{what: what, allowed: allowed, combined: true}
}

// isInconsistent reports whether an error is from [inconsistent].
func isInconsistent(err error) bool {
	p, ok := errors.AsType[*problem](err)
	return ok && p.combined
}

// allowing completes a problem that does not say what is allowed.
func allowing(err error, allowed string) error {
	if p, ok := errors.AsType[*problem](err); ok && p.allowed == "" {
		return &problem{what: p.what, allowed: allowed, combined: p.combined}
	}
	return err
}
