package probetest

import (
	"os"
	"time"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/diagnose"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
)

// Mode is one value of EXPORTER_REVIEWER.
type Mode struct {
	Source evidence.SourceName
	// before is how such an installation differs, and after how its exporter sees the
	// world that a scenario has broken. An exporter has only the permissions that the mode
	// requires.
	before, after func(*World)
}

// Modes lists them all.
var Modes = []Mode{
	{Source: evidence.SourceFile},
	{Source: evidence.SourceSecret, after: func(w *World) {
		content, err := os.ReadFile(w.Target.Reviewer.TokenFile)
		w.ReviewerInSecret("token", string(content))
		if err != nil {
			w.OnSecret(Status(404, "NotFound", `secrets "vault-auth-token" not found`))
		}
		w.Kubernetes.Change(func(k *Kubernetes) { delete(k.Grants, exporterUser) })
	}},
	{Source: evidence.SourceServiceAccount, after: func(w *World) {
		w.powerlessIdentity()
		w.Kubernetes.Change(func(k *Kubernetes) { k.Grants[exporterUser] = []string{"create serviceaccounts/token"} })
		w.Target.Reviewer = evidence.Origin{Source: evidence.SourceServiceAccount, ServiceAccount: w.Reviewer.account()}
	}},
	{Source: evidence.SourceAccessReview, before: func(w *World) {
		w.Config(func(c *Config) {
			c.LocalJWT, c.LocalCA, c.DisableLocalCA = c.ReviewerJWT, c.CACert, false
			c.ReviewerJWT, c.CACert = "", ""
		})
	}, after: accessReview},
	{Source: evidence.SourceCanary, before: func(w *World) {
		w.Kubernetes.Change(func(k *Kubernetes) { k.Grants[w.Canary.username()] = authDelegator })
		selfReview(w)
	}},
}

// Extra is the optional evidence that an exporter is given.
type Extra struct {
	Config   bool // a Vault token that may read the mount's config and role, and look up entities
	Role     bool // a diagnostic role
	Identity bool // an identity of the exporter's own that may create TokenReviews
}

// Everything is all the optional evidence that there is.
var Everything = Extra{Config: true, Role: true, Identity: true}

func (w *World) give(extra Extra) {
	if extra.Config {
		w.Readable()
	}
	if extra.Role {
		w.Diagnosable()
	}
	if extra.Identity {
		w.Identity()
	}
}

// PlayIn plays a scenario for an exporter in this mode. It reports false where the scenario
// is about a mode itself, or about the stored reviewer of a mount that has none.
func (w *World) PlayIn(m Mode, s Scenario, extra Extra) (v Verdict, ok bool) {
	if m.before != nil {
		m.before(w)
	}
	w.give(extra)
	usual, timeout := w.Target.Reviewer.Source, w.Target.Timeout
	s.Arrange(w)
	if w.Target.Timeout != timeout { // many plays at once: what does not hang has time
		w.Target.Timeout = 4 * time.Second
	}
	isReviewers := s.Bare.Reason.Component() == diagnose.ComponentReviewer || s.Full.Reason.Component() == diagnose.ComponentReviewer
	if s.Before != nil || w.Target.Reviewer.Source != usual || m.Source == evidence.SourceCanary && isReviewers {
		return Verdict{}, false
	}
	if m.after != nil {
		m.after(w)
	}
	if extra.Identity {
		w.Kubernetes.Change(func(k *Kubernetes) { k.Grants[exporterUser] = append(k.Grants[exporterUser], authDelegator...) })
	}
	result, _ := w.Probe(probe.Memory{})
	return Verdict{Reason: result.Diagnosis.Reason, Certainty: result.Diagnosis.Certainty}, true
}
