// Package config reads what to probe from the environment and from the targets file.
// The targets that it returns are complete and valid, and their values are safe to
// print in a shell command.
//
// To add a variable, add its row to targetVariables or processVariables and run
// go test ./internal/config -update.
//
// A variable names the file of a credential and never holds the credential itself;
// probes read the file. Neither errors nor [Config.Write] repeat a value that may be
// a credential.
package config
