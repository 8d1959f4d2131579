package gather

import (
	"time"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
)

// observe makes one request and measures how long it takes.
func observe[T any](request func() (T, error)) evidence.Fact[T] {
	start := time.Now()
	value, err := request()
	elapsed := time.Since(start)
	if err != nil {
		return evidence.Fact[T]{State: evidence.Failed, Failure: failureOf(err), At: start, Elapsed: elapsed}
	}
	return evidence.Fact[T]{State: evidence.Answered, Value: value, At: start, Elapsed: elapsed}
}
