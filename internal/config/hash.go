package config

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"slices"
	"strings"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
)

// Hash tells two sets of targets apart. Every process that has the same targets, in
// whatever order, gives the same number, and a float64 holds it exactly.
func (c Config) Hash() uint64 {
	targets := slices.SortedFunc(slices.Values(c.Targets), func(a, b evidence.Target) int { return strings.Compare(a.Name, b.Name) })
	encoded, err := json.Marshal(targets)
	if err != nil {
		panic(err) // strings, numbers and booleans always encode
	}
	sum := sha256.Sum256(encoded)
	return binary.BigEndian.Uint64(sum[:]) >> 16
}
