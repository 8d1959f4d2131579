package evidence

import (
	"fmt"
	"strings"
	"time"
)

// StepState is the outcome of a step.
type StepState string

// The states of a step. A request that was not made is skipped, which is not a failure.
const (
	StepOK      StepState = "ok"
	StepFailed  StepState = "failed"
	StepSkipped StepState = "skipped"
)

// Step is one fact as a row of a report.
type Step struct {
	Name    string
	State   StepState
	Detail  string
	Elapsed time.Duration
}

// StepNames lists the steps of every run in causal order.
var StepNames = []string{
	"canary_token", "reviewer_token", "review", "access", "health", "login", "config",
	"mount_probe", "mount_help", "role_probe", "call_probe", "diagnostic_role", "diagnostic_access", "reviewer_review", "entity", "revoke",
}

// FollowUpKinds lists the follow-ups, in the order of the report.
var FollowUpKinds = []string{"mount_probe", "mount_help", "role_probe", "call_probe", "diagnostic_role", "diagnostic_access", "reviewer_review", "entity"}

// Steps returns the facts in causal order, including skipped ones. The negative canary follows
// them where it is used.
func (e Evidence) Steps() []Step {
	steps := []Step{
		step("canary_token", e.CanaryToken, "not loaded", describeClaims),
		step("reviewer_token", e.ReviewerToken, "not loaded", describeClaims),
		reviewStep(e),
		accessStep(e),
		healthStep(e),
		step("login", e.Login, skippedForToken("canary", e.CanaryToken), describeLogin),
		configStep(e),
		followUpStep(e, "mount_probe", e.FollowUps.MountProbe, describeRefusal),
		followUpStep(e, "mount_help", e.FollowUps.MountHelp, describeRefusal),
		followUpStep(e, "role_probe", e.FollowUps.RoleProbe, describeRefusal),
		followUpStep(e, "call_probe", e.FollowUps.CallProbe, describeRefusal),
		followUpStep(e, "diagnostic_role", e.FollowUps.DiagnosticRole, describeRefusal),
		followUpStep(e, "diagnostic_access", e.FollowUps.DiagnosticAccess, func(a Access) string { return describeAccess(Identity{}, a) }),
		followUpStep(e, "reviewer_review", e.FollowUps.ReviewerReview, describeReviewerReview),
		followUpStep(e, "entity", e.FollowUps.Entity, describeEntity),
		revokeStep(e),
	}
	if negative, made := e.NegativeCanary.step(); made {
		steps = append(steps, negative)
	}
	return steps
}

func step[T any](name string, f Fact[T], skipped string, describe func(T) string) Step {
	switch f.State {
	case Answered:
		return Step{name, StepOK, describe(f.Value), f.Elapsed}
	case Failed:
		return Step{name, StepFailed, f.Failure.Error(), f.Elapsed}
	}
	return Step{name, StepSkipped, skipped, 0}
}

func reviewStep(e Evidence) Step {
	s := step("review", e.Review, skippedForToken("reviewer", e.ReviewerToken), describeReview)
	if e.Review.Ok() && !e.Review.Value.Placeholder && !e.Review.Value.Authenticated {
		s.State = StepFailed
	}
	return s
}

// accessStep reports the facts Identity and Access as one step.
func accessStep(e Evidence) Step {
	s := step("access", e.Access, skippedForToken("reviewer", e.ReviewerToken), func(a Access) string {
		return describeAccess(e.Identity.Value, a)
	})
	if e.Access.Ok() && !e.Access.Value.Allowed {
		s.State = StepFailed
	}
	s.Elapsed += e.Identity.Elapsed
	return s
}

func healthStep(e Evidence) Step {
	s := step("health", e.Health, "not asked", DescribeHealth)
	if h := e.Health.Value; e.Health.Ok() && (!h.Initialized || h.Sealed || h.DRSecondary || h.Removed) {
		s.State = StepFailed
	}
	return s
}

// configStep reports the config as ok only if this run read it; what an earlier run read
// is skipped.
func configStep(e Evidence) Step {
	const name = "config"
	switch {
	case e.Mount.At.IsZero():
		return Step{name, StepSkipped, "no token to read it with", 0}
	case !e.Mount.At.Equal(e.At):
		return Step{name, StepSkipped, "last read at " + e.Mount.At.UTC().Format(time.RFC3339), 0}
	}
	s := step(name, e.Mount.Config, "", func(c MountConfig) string { return describeConfig(c, e.Mount.Accessor) })
	s.Elapsed += e.Mount.Role.Elapsed
	if e.Mount.Config.RefusedWith(403) {
		s.State, s.Detail = StepSkipped, "no available token may read it"
	}
	return s
}

// followUpStep reports a follow-up of this run; an answer that was carried over is
// skipped.
func followUpStep[T any](e Evidence, name string, f Fact[T], describe func(T) string) Step {
	switch {
	case f.State != NotAsked && f.Carried:
		return Step{name, StepSkipped, "as answered at " + f.At.UTC().Format(time.RFC3339) + ": " + describe(f.Value), 0}
	case f.State == NotAsked && !e.FollowUps.Postponed.IsZero():
		return Step{name, StepSkipped, "postponed to " + e.FollowUps.Postponed.UTC().Format(time.RFC3339) + ": many targets of this Vault fail at once", 0}
	}
	return step(name, f, "not needed", describe)
}

func revokeStep(e Evidence) Step {
	skipped := "no token to revoke"
	if e.Login.Ok() && e.Login.Value.Type == BatchToken {
		skipped = "batch tokens need none"
	}
	return step("revoke", e.Revoke, skipped, func(struct{}) string { return "revoked" })
}

func skippedForToken(whose string, token Fact[Claims]) string {
	if token.Failed() {
		return "there is no " + whose + " token to use"
	}
	return "not asked"
}

func describeClaims(c Claims) string {
	if c.Opaque {
		return "not a JWT, its claims are unknown"
	}
	parts := []string{c.Subject}
	if len(c.Audiences) > 0 {
		parts = append(parts, "audience "+Clean(strings.Join(c.Audiences, ", ")))
	}
	for _, bound := range []struct{ kind, name string }{{"pod", c.Pod}, {"Secret", c.Secret}, {"node", c.Node}} {
		if bound.name != "" {
			parts = append(parts, "bound to "+bound.kind+" "+bound.name)
		}
	}
	if c.Expires.IsZero() {
		parts = append(parts, "does not expire")
	} else {
		parts = append(parts, "expires "+c.Expires.UTC().Format(time.RFC3339))
	}
	return strings.Join(parts, ", ")
}

func describeReview(r Review) string {
	switch {
	case r.Placeholder:
		return "created for a placeholder, since there is no canary token"
	case !r.Authenticated:
		return "created, but the canary is not authenticated: " + r.Error
	}
	return "created, the canary is " + r.Username
}

func describeAccess(who Identity, a Access) string {
	verdict := "may create TokenReviews"
	if !a.Allowed {
		verdict = "may not create TokenReviews"
	}
	if a.Why != "" {
		verdict += " (" + a.Why + ")"
	}
	if who.Username == "" {
		return "the reviewer " + verdict
	}
	return who.Username + " " + verdict
}

func DescribeHealth(h Health) string {
	state := "active"
	switch {
	case h.Removed:
		state = "removed from its cluster"
	case !h.Initialized:
		state = "not initialised"
	case h.Sealed:
		state = "sealed"
	case h.DRSecondary:
		state = "disaster-recovery secondary"
	case h.Disconnected:
		state = "standby without a connection to the active node"
	case h.Standby:
		state = "standby"
	}
	if h.OpenBao {
		return fmt.Sprintf("%s, OpenBao %s", state, h.Version)
	}
	return fmt.Sprintf("%s, version %s", state, h.Version)
}

func describeLogin(l Login) string {
	text := fmt.Sprintf("a %s token for %s", l.Type, l.TTL)
	if l.From != "" {
		text += ", from the active node at " + l.From
	}
	return text
}

func describeRefusal(r Refusal) string { return fmt.Sprintf("%d %s", r.Status, r.Text) }

func describeConfig(c MountConfig, accessor string) string {
	parts := []string{"kubernetes_host " + c.Host}
	if len(c.PEMKeys) > 0 {
		parts = append(parts, "with pem_keys")
	}
	if c.ReviewerSetKnown && !c.ReviewerSet {
		parts = append(parts, "without a reviewer token")
	}
	if accessor != "" {
		parts = append(parts, "in Vault's log auth.kubernetes."+accessor)
	}
	return strings.Join(parts, ", ")
}

func describeEntity(n Entity) string {
	switch {
	case !n.Exists:
		return "the canary has no identity entity yet"
	case n.Disabled:
		return "the canary's identity entity is disabled"
	}
	return "the canary's identity entity is not disabled"
}

func describeReviewerReview(r Review) string {
	if r.Authenticated {
		return "the API server authenticates the reviewer as " + r.Username
	}
	return "the API server does not authenticate the reviewer: " + r.Error
}
