package gather

import (
	"context"
	"errors"
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
)

// tokenFromSecret reads a token from a Secret. A missing Secret or key is a Failure of
// class missing; other failures say nothing about the token.
func (r *run) tokenFromSecret(ctx context.Context, key evidence.SecretKey) (evidence.Token, error) {
	raw, err := r.readSecret(ctx, key)
	switch f, known := errors.AsType[evidence.Failure](err); {
	case known && f.Class == evidence.ClassRefused && f.Status == 404:
		return evidence.Token{}, evidence.Failure{Class: evidence.ClassMissing, Text: fmt.Sprintf("the Secret %s/%s does not exist", key.Namespace, key.Name)}
	case err != nil:
		return evidence.Token{}, err
	}
	return parseToken(raw, "key "+key.Key+" of the Secret "+key.Namespace+"/"+key.Name)
}

// readSecret reads a key of a Secret in the cluster that the exporter runs in, with the
// exporter's own token for that cluster.
func (r *run) readSecret(ctx context.Context, key evidence.SecretKey) ([]byte, error) {
	own, err := r.gatherer.files.loadToken(r.target.Home.TokenFile)
	if err != nil {
		if failureOf(err).IsExporters() {
			return nil, err
		}
		return nil, evidence.Failure{Class: evidence.ClassForbidden, Text: "the exporter has no token of its own for the API server: " + failureOf(err).Text}
	}
	home, err := newKubernetesServer(r.target.Home, r.gatherer.userAgent, r.gatherer.network)
	if err != nil {
		return nil, err
	}
	defer home.endpoint.close()
	client, err := home.as(own.Secret)
	if err != nil {
		return nil, err
	}
	// corev1.Secret would link every type of its group, which adds 4 MB to the binary.
	var answer struct {
		metav1.TypeMeta
		Metadata struct {
			Labels map[string]string `json:"labels"`
		} `json:"metadata"`
		Data map[string][]byte `json:"data"`
	}
	request := client.core.Get().Namespace(key.Namespace).Resource("secrets").Name(key.Name)
	if err := ask(ctx, request, "Secret", nil, &answer); err != nil {
		return nil, err
	}
	r.evidence.ReviewerSecret = marksIn(answer.Metadata.Labels)
	value, found := answer.Data[key.Key]
	if !found {
		return nil, evidence.Failure{Class: evidence.ClassMissing, Text: fmt.Sprintf("the Secret %s/%s has no key %s", key.Namespace, key.Name, key.Key)}
	}
	return value, nil
}

// marksIn reads what the API server and the cleaner of the controller manager say about a token
// in a Secret, since Kubernetes 1.29.
func marksIn(labels map[string]string) evidence.SecretMarks {
	day := func(label string) time.Time {
		date, _ := time.Parse(time.DateOnly, labels[label]) // a date of another format is not known
		return date
	}
	return evidence.SecretMarks{
		InvalidSince: day("kubernetes.io/legacy-token-invalid-since"),
		LastUsed:     day("kubernetes.io/legacy-token-last-used"),
	}
}
