// Package browser has tests only: the status page in a real browser, and its JSON
// against the schema. It is a module of its own, so that what drives the browser is
// no dependency of the exporter.
package browser
