package main

import (
	"bytes"
	"os"
	"testing"
)

func TestColorIsForTerminals(t *testing.T) {
	t.Setenv("NO_COLOR", "")
	t.Setenv("TERM", "xterm")
	file, err := os.Create(t.TempDir() + "/report")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if paletteFor(file) || paletteFor(new(bytes.Buffer)) {
		t.Error("something that is not a terminal gets colors")
	}
}
