// Package release tests what is released: the image's binary, and the files
// that GitHub and goreleaser read. It is a separate module, so that the exporter
// does not depend on the parsers of those files.
package release
