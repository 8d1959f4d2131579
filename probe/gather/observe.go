package gather

import (
	"time"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
)

// observe puts one question and times it.
func observe[T any](ask func() (T, error)) evidence.Fact[T] {
	start := time.Now()
	value, err := ask()
	took := time.Since(start)
	if err != nil {
		return evidence.Fact[T]{State: evidence.Failed, Failure: failureOf(err), At: start, Elapsed: took}
	}
	return evidence.Fact[T]{State: evidence.Answered, Value: value, At: start, Elapsed: took}
}
