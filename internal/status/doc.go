// Package status serves the state of the targets: to people as a page, to programs
// as JSON and as events.
//
// A [Server] keeps no results. It reads those that the metrics are made from, and
// makes no judgement of its own. Anything that it shows may come from a server, so the
// templates escape it; package probe has limited its length and cleaned it before.
package status
