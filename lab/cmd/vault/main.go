// The vault command replaces HashiCorp's, which cannot be built from the published modules. It has only the commands
// that appear in the checks and fixes that the exporter prints, and prints what a check shows as HashiCorp's command of
// Vault 1.21 does.
package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
)

func main() { os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) }

// run executes one command and returns the exit code that HashiCorp's command would: 2 if the server is unreachable or
// responds with an error, 1 for a local error. The command status is different: 2 means sealed, and 1 is any error.
func run(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	command, call, err := parse(args, stdin)
	if err == nil {
		err = command.run(call, stdout)
	}
	switch {
	case err == nil:
		return 0
	case errors.Is(err, errSealed):
		return 2
	}
	fmt.Fprintln(stderr, "vault:", err)
	if errors.Is(err, errServer) && command.name != "status" {
		return 2
	}
	return 1
}

// An invocation is a parsed command line without the command's name.
type invocation struct {
	flags map[string][]string
	args  []string
	stdin io.Reader
}

// flag returns the last value of a flag, or "" if it was not given.
func (c invocation) flag(name string) string {
	values := c.flags[name]
	if len(values) == 0 {
		return ""
	}
	return values[len(values)-1]
}

// address returns the value of -address, or else VAULT_ADDR.
func (c invocation) address() string { return cmp.Or(c.flag("address"), os.Getenv("VAULT_ADDR")) }

// namespace returns the value of -namespace if it was given, even if empty, and VAULT_NAMESPACE otherwise.
func (c invocation) namespace() string {
	if _, given := c.flags["namespace"]; given {
		return c.flag("namespace")
	}
	return os.Getenv("VAULT_NAMESPACE")
}

// arg returns the i-th argument, or "" if there are fewer.
func (c invocation) arg(i int) string {
	if i < len(c.args) {
		return c.args[i]
	}
	return ""
}

// commonFlags are accepted by every command.
var commonFlags = []string{"address", "field", "format", "namespace"}

// parse parses a command line. Flags must precede the arguments, as in HashiCorp's command.
func parse(args []string, stdin io.Reader) (command, invocation, error) {
	c, rest, ok := find(args)
	if !ok {
		return command{}, invocation{}, fmt.Errorf("invalid command line\n%s", usage())
	}
	parsed := invocation{flags: map[string][]string{}, stdin: stdin}
	for len(rest) > 0 && len(rest[0]) > 1 && rest[0][0] == '-' {
		name, value, _ := strings.Cut(strings.TrimLeft(rest[0], "-"), "=")
		if !slices.Contains(c.flags, name) && !slices.Contains(commonFlags, name) {
			return command{}, invocation{}, fmt.Errorf("%s: there is no flag %s", c.name, rest[0])
		}
		parsed.flags[name] = append(parsed.flags[name], value)
		rest = rest[1:]
	}
	if format := parsed.flag("format"); format != "" && format != "json" {
		return command{}, invocation{}, fmt.Errorf("%s: there is no format %q", c.name, format)
	}
	parsed.args = rest
	if len(rest) < c.minArgs || len(rest) > c.maxArgs {
		return command{}, invocation{}, fmt.Errorf("%s: wrong number of arguments\nusage: vault %s %s", c.name, c.name, c.argUsage)
	}
	return c, parsed, nil
}

// find returns the command that args begin with, and the rest of args.
func find(args []string) (command, []string, bool) {
	for _, c := range commands {
		name := strings.Fields(c.name)
		if len(args) >= len(name) && slices.Equal(args[:len(name)], name) {
			return c, args[len(name):], true
		}
	}
	return command{}, nil, false
}

func usage() string {
	text := "usage:"
	for _, c := range commands {
		text += "\n  vault " + c.name
		for _, flag := range c.flags {
			text += " [-" + flag + "]"
		}
		if c.argUsage != "" {
			text += " " + c.argUsage
		}
	}
	return text + "\n-field=NAME prints only that field; -format=json prints the response, which commands without a table print anyway; -address=URL and -namespace=NAME override VAULT_ADDR and VAULT_NAMESPACE"
}
