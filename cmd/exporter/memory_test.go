package main

import (
	"runtime/debug"
	"testing"
)

func TestGOGCWins(t *testing.T) {
	const other = 77
	before := debug.SetGCPercent(other)
	defer debug.SetGCPercent(before)
	for value, want := range map[string]int{"200": other, "off": other, "": gcPercent} {
		t.Setenv("GOGC", value)
		debug.SetGCPercent(other)
		saveMemory(true)
		if got := debug.SetGCPercent(other); got != want {
			t.Errorf("with GOGC=%q the collector runs at %d %%, want %d", value, got, want)
		}
	}
}
