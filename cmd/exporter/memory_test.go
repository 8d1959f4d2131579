package main

import (
	"runtime/debug"
	"testing"
)

func TestGOGCWins(t *testing.T) {
	const other = 77
	before := debug.SetGCPercent(other)
	defer debug.SetGCPercent(before)
	for value, want := range map[string]int{"200": other, "off": other, "": minGCPercent} {
		t.Setenv("GOGC", value)
		debug.SetGCPercent(other)
		collectFor(1000)
		if got := debug.SetGCPercent(other); got != want {
			t.Errorf("with GOGC=%q the collector runs at %d %%, want %d", value, got, want)
		}
	}
}

func TestHeapGrowsWithTargets(t *testing.T) {
	for targets, want := range map[int]int{0: minGCPercent, 1: minGCPercent, 50: 178, 200: 94, 1000: minGCPercent, 5000: minGCPercent} {
		if got := gcPercent(targets); got != want {
			t.Errorf("with %d targets the heap grows by %d %%, want %d", targets, got, want)
		}
	}
	for targets := range 5000 {
		if in := heapOfProcess + heapOfTarget*targets; gcPercent(targets) > minGCPercent && in*gcPercent(targets)/100 > maxGrowth {
			t.Errorf("with %d targets the heap grows by %d %%, which is more than %d bytes", targets, gcPercent(targets), maxGrowth)
		}
	}
}
