// Package docs holds the documentation against the program: what a page repeats of
// it is written by a test, and what it names must exist. It has tests only.
package docs
