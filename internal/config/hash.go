package config

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"slices"
	"strings"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
)

// Hash identifies the set of targets and their maintenance, regardless of their order. It is the
// same in every process, and a float64 represents it exactly.
func (c Config) Hash() uint64 {
	targets := make([]*evidence.Target, 0, len(c.Targets))
	for _, t := range c.Targets {
		targets = append(targets, &t)
	}
	slices.SortFunc(targets, func(a, b *evidence.Target) int { return strings.Compare(a.Name, b.Name) })
	planned := map[string][]map[string]string{}
	for name, windows := range c.Maintenance {
		planned[name] = collect(windows, windowValues)
	}
	encoded, err := json.Marshal([]any{targets, planned})
	if err != nil {
		panic(err) // strings, numbers and booleans always encode
	}
	sum := sha256.Sum256(encoded)
	return binary.BigEndian.Uint64(sum[:]) >> 16
}
