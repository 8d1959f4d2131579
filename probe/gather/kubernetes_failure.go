package gather

import (
	"cmp"
	"errors"
	"net/http"
	"slices"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
)

// kubernetesFailure distinguishes an error of the API server, which is a Status, from the
// response of a server in front of it. A 5xx or 429 is accepted from either, because the
// API server is unavailable either way; a 401 is accepted as a Status or with an empty
// body.
func kubernetesFailure(err error, x *requestTrace) evidence.Failure {
	refusal, ok := errors.AsType[*apierrors.StatusError](err)
	if !ok || x.status < http.StatusBadRequest {
		f := x.failure(err)
		if f.Text == "" { // client-go makes an error of a 202, with the message in it or none
			f = x.failure(x.unexpectedAnswer(kubernetesDialect))
		}
		return f
	}
	status := refusal.Status()
	unexpected := x.unexpectedAnswer(kubernetesDialect)
	isUnexpected := isUnexpectedAnswer(status)
	switch {
	case x.status >= http.StatusInternalServerError, x.status == http.StatusTooManyRequests:
	case x.status == http.StatusUnauthorized && (!isUnexpected || x.contentType == ""):
	case x.status == http.StatusForbidden && evidence.NamedUser(status.Message) == "system:anonymous":
		return evidence.Failure{Class: evidence.ClassBadResponse, Status: x.status, RetryAfter: x.retryAfter,
			Text: "the API server was sent no token: what stands before it does not pass the header Authorization on"}
	case x.status == http.StatusForbidden && !isUnexpected && evidence.Contains(status.Message, evidence.TextAdmission):
	case isUnexpected, x.status == http.StatusForbidden && !evidence.Contains(status.Message, evidence.TextForbidden):
		return x.failure(unexpected)
	}
	text := x.redactor.Clean(status.Message)
	foreign := isUnexpected && !isThrottling(status)
	if isUnexpected {
		text = cmp.Or(http.StatusText(x.status), unexpected.Text)
	}
	return evidence.Failure{Class: evidence.ClassRefused, Status: x.status, Foreign: foreign, Text: text, RetryAfter: x.retryAfter}
}

// isThrottling reports whether a response that is not a Status is the API server's own 429,
// whose body is plain text.
func isThrottling(status metav1.Status) bool {
	return status.Code == http.StatusTooManyRequests && slices.ContainsFunc(status.Details.Causes, func(c metav1.StatusCause) bool {
		return c.Message == evidence.TextThrottled
	})
}

// isUnexpectedAnswer reports whether client-go made up this Status, because the response
// was not one.
func isUnexpectedAnswer(status metav1.Status) bool {
	return status.Details != nil && slices.ContainsFunc(status.Details.Causes, func(c metav1.StatusCause) bool {
		return c.Type == metav1.CauseTypeUnexpectedServerResponse
	})
}
