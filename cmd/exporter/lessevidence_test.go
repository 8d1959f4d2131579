package main

import (
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/diagnose"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
)

// optionalFacts returns the facts of a run that it could have lacked: all but the tokens, without which
// nothing is asked, the login, and sys/health if the login was redirected because of it.
func optionalFacts(e *evidence.Evidence) []reflect.Value {
	facts := []reflect.Value{reflect.ValueOf(&e.Mount).Elem()}
	for _, of := range []any{e, &e.FollowUps, &e.Mount} {
		for field, value := range reflect.ValueOf(of).Elem().Fields() {
			needed := field.Name == "Login" || strings.HasSuffix(field.Name, "Token") || field.Name == "Health" && e.Login.Failure.Active != ""
			if strings.HasPrefix(field.Type.Name(), "Fact[") && !needed {
				facts = append(facts, value)
			}
		}
	}
	return facts
}

// mayDiffer reports whether less evidence may prove another reason than more of it: one that stays true and
// that the other explains, or one that is about the configured reviewer, where only Vault itself shows that
// it uses another.
func mayDiffer(t evidence.Target, full evidence.Evidence, less, more diagnose.Reason) bool {
	explained := less == diagnose.ReviewerUnauthorized && more.Component() == diagnose.ComponentReviewer
	another := full.FollowUps.DiagnosticRole.Ok() || t.Reviewer.Source.Spec().AccessReview && full.Mount.Config.Ok()
	return explained || less.Component() == diagnose.ComponentReviewer && another
}

// checkLessEvidence takes facts away from a run in random orders. The evidence that is left proves what
// more of it proves, or nothing.
func checkLessEvidence(t *testing.T, result probe.Result) {
	t.Helper()
	random := rand.New(rand.NewPCG(7, 8))
	for range 12 {
		e := result.Evidence
		facts := optionalFacts(&e)
		proven := diagnose.Reason("")
		for _, i := range append([]int{-1}, random.Perm(len(facts))...) {
			if i >= 0 {
				facts[i].SetZero()
			}
			d := diagnose.Diagnose(result.Target, e)
			if d.Certainty != diagnose.Proven {
				continue
			}
			if proven != "" && d.Reason != proven && !mayDiffer(result.Target, result.Evidence, d.Reason, proven) {
				t.Fatalf("less evidence proves %s (%s), more of it %s; it lacks %q", d.Reason, d.Detail, proven, lacking(result.Evidence, e))
			}
			proven = d.Reason
		}
	}
}

// lacking names the facts that a run had and less evidence has not.
func lacking(full, less evidence.Evidence) (names []string) {
	for _, pair := range [][2]any{{full, less}, {full.FollowUps, less.FollowUps}, {full.Mount, less.Mount}} {
		of, without := reflect.ValueOf(pair[0]), reflect.ValueOf(pair[1])
		for i := range of.NumField() {
			if name := of.Type().Field(i).Name; !of.Field(i).IsZero() && without.Field(i).IsZero() {
				names = append(names, name)
			}
		}
	}
	return names
}
