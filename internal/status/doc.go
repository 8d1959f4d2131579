// Package status shows what is known of the targets to people, as a page, and to
// programs, as JSON and as events.
//
// It keeps no results of its own: a [Board] reads them where the metrics are made
// of them too, and judges nothing. Everything that it shows may come from a server
// and is escaped; probe has bounded and cleaned it before.
package status
