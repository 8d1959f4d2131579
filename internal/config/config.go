package config

import (
	"errors"
	"fmt"
	"strings"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe"
)

// Config is the resolved configuration: defaults filled in, everything checked.
type Config struct {
	Targets []probe.Target

	// TargetsFile is where the targets stand; empty means in the environment.
	TargetsFile string
	StatusPage  StatusPage
	// ProbeAPI serves an endpoint that has a target probed at once.
	ProbeAPI bool
	// MaxInFlight bounds the probes at once; 0 means enough. See [Config.InFlight].
	MaxInFlight    int
	LeaderElection LeaderElection
	Shard          Shard
	// Home is the API server of the cluster that the exporter runs in, which has the
	// Lease; it is zero without leader election.
	Home probe.Kubernetes

	env environment
}

// Load reads the environment, and the targets file that it may name. The error
// holds every mistake that was found, one line each: where, what is wrong, what is
// allowed.
//
// Every variable VAULT_* is unset in the process afterwards, also after an error,
// because Vault's client library reads them whoever makes the client. So is every
// EXPORTER_* that is empty. Load can therefore be called only once.
func Load() (Config, error) {
	env, unknown := readEnvironment()
	c, mistakes := env.resolve()
	if err := errors.Join(append(mistakes, unknown...)...); err != nil {
		return Config{}, err
	}
	return c, nil
}

// Reload reads the targets file anew, with the environment as it was at [Load].
// After an error the old configuration is still good.
func (c Config) Reload() (Config, error) {
	again, mistakes := c.env.resolve()
	if err := errors.Join(mistakes...); err != nil {
		return Config{}, err
	}
	return again, nil
}

// resolve judges everything, in the order of the documentation.
func (env environment) resolve() (Config, []error) {
	r := &resolver{values: env.values, names: env.names, pod: env.pod}
	c := r.process()
	c.env = env
	var mistakes []error
	switch {
	case env.values["TARGETS_FILE"] == "":
		var target probe.Target
		target, mistakes = resolveTarget(env.values, env.names, env.pod, fileChecks{})
		c.Targets = []probe.Target{target}
	case c.TargetsFile != "":
		c.Targets, mistakes = env.targets(c.TargetsFile)
	}
	return c, append(mistakes, r.sorted()...)
}

// Warning is something that is allowed and should not stay so.
type Warning struct {
	// Target is empty where the process is meant.
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
	if enough := c.enoughInFlight(); c.MaxInFlight > 0 && c.MaxInFlight < enough {
		warnings = append(warnings, Warning{
			Variable: prefix + "MAX_IN_FLIGHT",
			Text:     fmt.Sprintf("%d probes at once are too few where every target hangs, which takes %d: probes will be late", c.MaxInFlight, enough),
		})
	}
	return warnings
}
