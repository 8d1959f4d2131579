package main

import (
	"crypto/sha256"
	"encoding/binary"
	"slices"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/internal/config"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
)

// assigned returns the targets of this shard.
func assigned(shard config.Shard, targets []evidence.Target) []evidence.Target {
	return slices.DeleteFunc(slices.Clone(targets), func(t evidence.Target) bool {
		return shardOf(t.Name, shard.Total) != shard.Index
	})
}

// shardOf maps a name to a shard, the same in every process. It is the jump consistent
// hash of Lamping and Veach (https://arxiv.org/abs/1406.2294): when n shards become
// n + 1, one name in n + 1 moves, always to the new shard.
func shardOf(name string, total int) int {
	sum := sha256.Sum256([]byte(name))
	key := binary.BigEndian.Uint64(sum[8:]) // the first eight bytes are the schedule's phase
	shard := 0
	for next := 0; next < total; {
		shard = next
		key = key*2862933555777941757 + 1
		next = int(float64(shard+1) * float64(1<<31) / float64(key>>33+1))
	}
	return shard
}
