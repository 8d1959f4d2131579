package config

import (
	"errors"
	"strings"

	"vault-k8s-auth-exporter/probe"
)

// Config is the resolved configuration: defaults filled in, everything checked.
type Config struct {
	Targets []probe.Target
}

// Load reads the environment. The error holds every mistake that was found, one
// line each: the variable, what is wrong with it, what is allowed.
//
// Every variable VAULT_* is unset in the process afterwards, also after an error,
// because Vault's client library reads them whoever makes the client. So is every
// EXPORTER_* that is empty. Load can therefore be called only once.
func Load() (Config, error) {
	env, mistakes := readEnvironment()
	target, refused := resolve(env, podOf(serviceAccountCA))
	if err := errors.Join(append(refused, mistakes...)...); err != nil {
		return Config{}, err
	}
	return Config{Targets: []probe.Target{target}}, nil
}

// Warning is something that is allowed and should not stay so.
type Warning struct {
	Target   string
	Variable string
	Text     string
}

// Warnings returns what the log should say at start.
func (c Config) Warnings() []Warning {
	var warnings []Warning
	for _, t := range c.Targets {
		if strings.HasPrefix(t.Vault.Addr, "http://") {
			warnings = append(warnings, Warning{
				Target:   t.Name,
				Variable: prefix + "VAULT_ADDR",
				Text:     "http: the canary's token and Vault's answer travel unencrypted, and nothing proves that it is Vault that answers",
			})
		}
	}
	return warnings
}
