package main

import (
	"bytes"
	"os"
	"testing"
)

func TestColorIsForTerminals(t *testing.T) {
	t.Setenv("NO_COLOR", "")
	t.Setenv("TERM", "xterm")
	t.Setenv("COLUMNS", "60")
	file, err := os.Create(t.TempDir() + "/report")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if layoutFor(file) != (layout{}) || layoutFor(new(bytes.Buffer)) != (layout{}) {
		t.Error("something that is not a terminal gets colors, or a width")
	}
}
