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

func TestSmallHeapIsCollectedRarely(t *testing.T) {
	last := gcPercent(0)
	if heapOfProcess*last/100 > minGrowth {
		t.Errorf("without targets the heap grows by %d %%, which is more than %d bytes", last, minGrowth)
	}
	for targets := range 5000 {
		percent := gcPercent(targets)
		if percent > last || percent < minGCPercent {
			t.Fatalf("with %d targets the heap grows by %d %%, with one less by %d %%", targets, percent, last)
		}
		last = percent
	}
	if last != minGCPercent {
		t.Errorf("with 5 000 targets the heap grows by %d %%, want %d", last, minGCPercent)
	}
}
