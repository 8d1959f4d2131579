// Package config reads what to probe from the environment and judges it before
// anything is probed: a target that this package returns is complete, and its
// values are safe to put into a command.
//
// Credentials are read from files, by path, when a probe runs. None is accepted
// in a variable, and no value that may be one stands in an error or in
// [Config.Write].
package config
