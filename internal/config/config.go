package config

import (
	"errors"
	"fmt"
	"strings"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/maintenance"
)

// Config is the resolved configuration, with defaults, checked.
type Config struct {
	Targets []evidence.Target
	// Maintenance is that of the targets that have any, by name. It is not part of them: to plan one
	// is no change of what is probed.
	Maintenance map[string]maintenance.Windows

	// TargetsFile is the file that lists the targets; empty means that the environment
	// describes the only one.
	TargetsFile string
	// StatusPage serves the status page and its API.
	StatusPage bool
	// ProbeAPI lets readers of the page start a run, where that is safe.
	ProbeAPI bool
	// ExternalURL is the page's for its readers, without a slash at its end; empty if it is
	// not known.
	ExternalURL string
	// MaxInFlight limits concurrent probes; 0 means enough. See [Config.InFlight].
	MaxInFlight    int
	LeaderElection LeaderElection
	Workloads      Workloads
	// KubernetesEvents is whether Events about incidents are written, and about which object.
	KubernetesEvents KubernetesEvents
	// StateFile is where what is known survives a restart; empty means nowhere.
	StateFile string
	Shard     Shard
	// Volumes are the pod's volumes of which the object is known.
	Volumes []evidence.Volume
	// Home is the API server of the cluster that the exporter runs in, where the Lease and
	// the workloads are, and Events are written; it is zero without any of them.
	Home evidence.Kubernetes

	env environment
}

// OwnCluster returns the API server of the cluster that the exporter runs in, with the pod's own
// token; it is zero outside a pod.
func (c Config) OwnCluster() evidence.Kubernetes { return c.env.pod.home() }

// Load reads the environment, and the targets file if the environment names one. The
// error has one line for each mistake: where it is, what is wrong, what is allowed.
//
// Load unsets every VAULT_* variable of the process, because Vault's client library
// would read them, and every EXPORTER_* variable that is empty, also after an error.
// It can therefore be called only once.
func Load() (Config, error) {
	env, unknown := readEnvironment()
	c, mistakes := env.resolve()
	mistakes = append(append(mistakes, checkProxies()...), unknown...)
	if err := errors.Join(mistakes...); err != nil {
		return Config{}, err
	}
	return c, nil
}

// Reload reads the targets file again, with the environment as it was at [Load].
// After an error c is still valid.
func (c Config) Reload() (Config, error) {
	again, mistakes := c.env.resolve()
	if err := errors.Join(mistakes...); err != nil {
		return Config{}, err
	}
	return again, nil
}

// resolve checks everything. Mistakes are in the order of the documentation.
func (env environment) resolve() (Config, []error) {
	r := &resolver{values: env.values, names: env.names, pod: env.pod}
	c := r.process()
	c.env = env
	var mistakes []error
	switch {
	case env.values["TARGETS_FILE"] == "":
		var target evidence.Target
		target, mistakes = resolveTarget(env.values, env.names, env.pod, fileChecks{})
		c.Targets = []evidence.Target{target}
	case c.TargetsFile != "":
		c.Targets, c.Maintenance, mistakes = env.targets(c.TargetsFile)
	}
	for i := range c.Targets {
		c.Targets[i].Pod = env.pod.describe(c.Volumes)
	}
	return c, append(mistakes, r.sorted()...)
}

// Warning is about a setting that is allowed but not advisable.
type Warning struct {
	// Target is empty for a setting of the process.
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
