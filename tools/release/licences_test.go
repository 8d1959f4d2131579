package release

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// allowed are the licences that a module linked into the exporter may have, each with words that only its text contains. None of them
// covers the exporter's own source; MPL-2.0 covers the module's files, which are used as they are published.
var allowed = map[string]string{
	"Apache-2.0": "Apache License Version 2.0, January 2004",
	"MIT":        "Permission is hereby granted, free of charge, to any person obtaining a copy of this software",
	"BSD":        "Redistribution and use in source and binary forms, with or without modification, are permitted provided that",
	"MPL-2.0":    "This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0",
	"ISC":        "Permission to use, copy, modify, and/or distribute this software for any purpose with or without fee is hereby granted",
}

// TestLicences checks the licence of every module that is linked into the exporter.
func TestLicences(t *testing.T) {
	list := exec.Command("go", "list", "-deps", "-f", "{{with .Module}}{{if not .Main}}{{.Path}} {{.Dir}}{{end}}{{end}}", "./cmd/exporter")
	list.Dir = repository
	out, err := list.Output()
	if err != nil {
		t.Fatal(err)
	}
	checked := map[string]bool{}
	for line := range strings.Lines(string(out)) {
		module, dir, found := strings.Cut(strings.TrimSpace(line), " ")
		if !found || checked[module] {
			continue
		}
		checked[module] = true
		if licence := licenceIn(t, dir); licence == "" {
			t.Errorf("%s has none of the licences that are allowed: look at %s", module, dir)
		}
	}
	if len(checked) < 5 {
		t.Errorf("found %d modules, want at least 5", len(checked))
	}
}

// licenceIn returns the licence in a module's directory, or an empty string if it has none that is allowed.
func licenceIn(t *testing.T, dir string) string {
	t.Helper()
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if name := strings.ToUpper(file.Name()); !strings.HasPrefix(name, "LICEN") && !strings.HasPrefix(name, "COPYING") {
			continue
		}
		text, err := os.ReadFile(filepath.Join(dir, file.Name()))
		if err != nil {
			t.Fatal(err)
		}
		words := strings.Join(strings.Fields(string(text)), " ")
		for licence, unique := range allowed {
			if strings.Contains(words, unique) {
				return licence
			}
		}
	}
	return ""
}
