package main

import (
	"fmt"
	"math"
	"testing"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/internal/config"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
)

func manyTargets(count int) []evidence.Target {
	targets := make([]evidence.Target, count)
	for i := range targets {
		targets[i].Name = fmt.Sprintf("cluster-%d/kubernetes", i)
	}
	return targets
}

func TestEveryTargetIsInOneShard(t *testing.T) {
	const count = 10_000
	targets := manyTargets(count)
	for _, total := range []int{1, 2, 3, 7, 64} {
		owners := make(map[string]int)
		for index := range total {
			own := assigned(config.Shard{Index: index, Total: total}, targets)
			if expected := float64(count) / float64(total); math.Abs(float64(len(own))-expected) > 5*math.Sqrt(expected) {
				t.Errorf("shard %d of %d has %d targets, want about %.0f", index, total, len(own), expected)
			}
			for _, target := range own {
				owners[target.Name]++
			}
		}
		for _, target := range targets {
			if owners[target.Name] != 1 {
				t.Errorf("%s is in %d of %d shards", target.Name, owners[target.Name], total)
			}
		}
	}
}

func TestGrowthMovesFewTargets(t *testing.T) {
	const count = 10_000
	targets := manyTargets(count)
	for total := 1; total < 20; total++ {
		moved := 0
		for _, target := range targets {
			before, after := shardOf(target.Name, total), shardOf(target.Name, total+1)
			if before != after {
				moved++
			}
			if before != after && after != total {
				t.Fatalf("%s moves from shard %d to %d, which is not the new one", target.Name, before, after)
			}
		}
		if expected := float64(count) / float64(total+1); math.Abs(float64(moved)-expected) > 5*math.Sqrt(expected) {
			t.Errorf("from %d to %d shards %d of %d targets move, want about %.0f", total, total+1, moved, count, expected)
		}
	}
}

// The shards are public: a release that moves targets moves their history.
func TestShardsArePinned(t *testing.T) {
	for name, want := range map[string][3]int{"default": {1, 1, 772}, "prod": {1, 7, 130}, "": {0, 8, 316}} {
		got := [3]int{shardOf(name, 2), shardOf(name, 10), shardOf(name, 1000)}
		if got != want {
			t.Errorf("%q is in shards %v, want %v", name, got, want)
		}
	}
}
