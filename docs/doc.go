// Package docs holds the documentation against the program: what a page repeats of
// it is written by a test, and what it names must exist. The program carries what
// its status page links to.
package docs

import _ "embed"

// Reasons is reasons.md.
//
//go:embed reasons.md
var Reasons string

// Warnings is warnings.md.
//
//go:embed warnings.md
var Warnings string
