package gather

import (
	"context"
	"errors"
	"net/http"

	authorizationv1 "k8s.io/api/authorization/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
)

// maxRules is how many rules of a reviewer are kept. The ClusterRole admin has about 20.
const maxRules = 500

// privileges lists what the caller may do in a namespace and in the whole cluster, in one
// request. If an authorizer does not list its rules, as a webhook does not, or if the list is
// refused, the caller is also asked whether it has a few permissions that matter.
func (c caller) privileges(ctx context.Context, namespace string) (evidence.Privileges, error) {
	found, err := c.rules(ctx, namespace)
	if f, ok := errors.AsType[evidence.Failure](err); ok && f.Class == evidence.ClassRefused && f.Status < http.StatusInternalServerError && f.Status != http.StatusTooManyRequests {
		found, err = evidence.Privileges{Namespace: namespace, Incomplete: true}, nil
	}
	if err != nil || !found.Incomplete {
		return found, err
	}
	for _, what := range askedOneByOne {
		access, err := c.may(ctx, what)
		if err != nil {
			return evidence.Privileges{}, err
		}
		if access.Allowed {
			found.Rules = append(found.Rules, evidence.Rule{Verbs: []string{what.Verb}, Groups: []string{what.Group}, Resources: []string{what.Resource}})
			break
		}
	}
	return found, nil
}

// askedOneByOne are in the order of the harm that they permit.
var askedOneByOne = []authorizationv1.ResourceAttributes{
	{Verb: "*", Group: "*", Resource: "*"},
	{Verb: "list", Resource: "secrets"},
	{Verb: "impersonate", Resource: "users"},
}

// rules returns the rules on resources of a SelfSubjectRulesReview.
func (c caller) rules(ctx context.Context, namespace string) (evidence.Privileges, error) {
	question := &authorizationv1.SelfSubjectRulesReview{Spec: authorizationv1.SelfSubjectRulesReviewSpec{Namespace: namespace}}
	var answer struct {
		metav1.TypeMeta
		Status *authorizationv1.SubjectRulesReviewStatus
	}
	if err := create(ctx, c.authorization, "SelfSubjectRulesReview", question, &answer); err != nil {
		return evidence.Privileges{}, err
	}
	if answer.Status == nil {
		return evidence.Privileges{}, evidence.Failure{Class: evidence.ClassBadResponse, Status: http.StatusCreated, Text: "the SelfSubjectRulesReview has no status"}
	}
	clean := redactorOf(ctx).Clean
	found := evidence.Privileges{Namespace: namespace, Incomplete: answer.Status.Incomplete}
	for _, r := range answer.Status.ResourceRules {
		if len(r.ResourceNames) > 0 {
			continue
		}
		rule := evidence.Rule{Verbs: cleanAll(clean, r.Verbs), Groups: cleanAll(clean, r.APIGroups), Resources: cleanAll(clean, r.Resources)}
		if len(found.Rules) == maxRules {
			found.Incomplete = true
			break
		}
		found.Rules = append(found.Rules, rule)
	}
	return found, nil
}
