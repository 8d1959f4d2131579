// Package docs holds the documentation against the program: what a page repeats of
// it is written by a test, and what it names must exist. The program carries what
// its status page links to.
package docs

import _ "embed"

// Reasons is reasons.md in HTML.
//
//go:embed html/reasons.html
var Reasons string

// Warnings is warnings.md in HTML.
//
//go:embed html/warnings.html
var Warnings string
