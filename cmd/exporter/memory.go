package main

import (
	"os"
	"runtime"
	"runtime/debug"
)

// gcPercent is how much the heap of serve grows between two garbage collections, in per cent of
// what is in use. Go's default of 100 takes a sixth less CPU per run, and a sixth more
// memory, which is what a container has least of: docs/performance.md.
const gcPercent = 50

// saveMemory sets what the Go runtime keeps. GOGC in the environment wins. The sampling of
// allocations is for pprof alone, and takes 2 MiB.
func saveMemory(profiling bool) {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	if !profiling {
		runtime.MemProfileRate = 0
	}
}
