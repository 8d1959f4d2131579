package config

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/kelseyhightower/envconfig"
)

const (
	prefix      = "EXPORTER_"
	vaultPrefix = "VAULT_"
)

// environment is what stands in the environment, unjudged. It is all that a later
// reading of the targets file needs.
type environment struct {
	target  targetText
	process processText
	place   place
	pod     pod
}

// readEnvironment returns what is set, and a mistake for every variable of ours
// that is unknown.
func readEnvironment() (environment, []error) {
	dropEmpty()
	defer dropVault()

	env := environment{place: place{names: namesGiven(), other: variableOf}, pod: findPod()}
	mistakes := unknownVariables(os.Environ())
	ours := strings.TrimSuffix(prefix, "_")
	if err := errors.Join(envconfig.Process(ours, &env.target), envconfig.Process(ours, &env.process)); err != nil {
		// Strings always parse: this is a mistake in the structs.
		mistakes = append(mistakes, fmt.Errorf("reading the environment: %T", err))
	}
	trim(&env.target)
	trim(&env.process)
	return env, mistakes
}

// dropEmpty unsets what is set to nothing. To envconfig an empty variable would
// hide both the default and the name without the prefix.
func dropEmpty() {
	for _, entry := range os.Environ() {
		name, value, _ := strings.Cut(entry, "=")
		ours := strings.HasPrefix(name, prefix) || strings.HasPrefix(name, vaultPrefix)
		if ours && strings.TrimSpace(value) == "" {
			os.Unsetenv(name)
		}
	}
}

func dropVault() {
	for _, entry := range os.Environ() {
		if name, _, _ := strings.Cut(entry, "="); strings.HasPrefix(name, vaultPrefix) {
			os.Unsetenv(name)
		}
	}
}

// wellKnown are the keys that count without the prefix too.
var wellKnown = []string{"VAULT_ADDR", "VAULT_CACERT", "VAULT_TLS_SERVER_NAME", "VAULT_NAMESPACE"}

// namesGiven finds the keys that are given without the prefix alone.
func namesGiven() map[string]string {
	names := map[string]string{}
	for _, key := range wellKnown {
		if os.Getenv(prefix+key) == "" && os.Getenv(key) != "" {
			names[key] = key
		}
	}
	return names
}
