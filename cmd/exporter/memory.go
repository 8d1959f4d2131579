package main

import (
	"os"
	"runtime"
	"runtime/debug"
)

const (
	// minGCPercent is how much the heap of serve grows at least between two garbage collections, in
	// per cent of what is in use: half of Go's default, since memory is what a container has least of.
	minGCPercent = 50
	// growthOfTarget is how much it grows at least for each target, and maxGrowth the most of that, in
	// bytes. The small heap of some dozens of targets is otherwise collected every second run, which
	// takes a sixth of the CPU: docs/performance.md.
	growthOfTarget, maxGrowth = 160 << 10, 8 << 20
	// heapOfProcess and heapOfTarget are what is in use without targets and for each of them, in
	// bytes (BenchmarkProcess).
	heapOfProcess, heapOfTarget = 3 << 20, 28 << 10
)

// saveMemory sets what the Go runtime keeps. The sampling of allocations is for pprof alone, and
// takes 2 MiB.
func saveMemory(profiling bool) {
	if !profiling {
		runtime.MemProfileRate = 0
	}
}

// collectFor sets how often garbage is collected with this many targets. GOGC in the environment
// wins.
func collectFor(targets int) {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent(targets))
	}
}

func gcPercent(targets int) int {
	return max(minGCPercent, 100*min(maxGrowth, growthOfTarget*targets)/(heapOfProcess+heapOfTarget*targets))
}
