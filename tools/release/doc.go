// Package release tests what is released: the image's binary, and the files
// that GitHub and goreleaser act on. It is a module of its own, so that the
// exporter depends on none of what reads them.
package release
