// Package mixin holds the jsonnet sources of the rules, their tests and the dashboards. Its tests compare what is rendered from them
// with what is committed.
package mixin
