// The vault command stands in for Vault's own, which does not build from the published modules: as much of it as the fixes
// need that the exporter prints.
package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
)

func main() { os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) }

// run is the program. It ends as Vault's own does: with 2 when the server cannot be reached or says no, and with 1 for what is
// wrong on this side. For status 2 is a sealed Vault, which is no error, and 1 is every error.
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

// A call is a command line after the name of the command.
type invocation struct {
	flags map[string][]string
	args  []string
	stdin io.Reader
}

// flag is the last value of one, and empty when it was not given.
func (c invocation) flag(name string) string {
	values := c.flags[name]
	if len(values) == 0 {
		return ""
	}
	return values[len(values)-1]
}

// namespace is that of VAULT_NAMESPACE, unless -namespace names another, or with an empty value the root.
func (c invocation) namespace() string {
	if _, given := c.flags["namespace"]; given {
		return c.flag("namespace")
	}
	return os.Getenv("VAULT_NAMESPACE")
}

// word is the i-th, and empty when there are fewer.
func (c invocation) arg(i int) string {
	if i < len(c.args) {
		return c.args[i]
	}
	return ""
}

// everyFlag is what every command takes.
var commonFlags = []string{"field", "format", "namespace"}

// parse parts a command line. Flags stand before the words, as Vault's own demands.
func parse(args []string, stdin io.Reader) (command, invocation, error) {
	c, rest, ok := find(args)
	if !ok {
		return command{}, invocation{}, fmt.Errorf("called wrongly\n%s", usage())
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
		return command{}, invocation{}, fmt.Errorf("%s: called wrongly\nusage: vault %s %s", c.name, c.name, c.argUsage)
	}
	return c, parsed, nil
}

// find returns the command that args begin with, and what follows its name.
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
	return text + "\n-field=NAME prints one field alone, -format=json is what is printed without it, -namespace=NAME goes before VAULT_NAMESPACE"
}
