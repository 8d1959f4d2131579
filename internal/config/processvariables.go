package config

import (
	"time"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
)

// processVariables are the variables of the process, in the order in which they are
// documented.
var processVariables = []variable[Config]{
	define(spec{
		key: "TARGETS_FILE", unset: "none",
		doc: "the [targets file](#the-targets-file)", example: "/etc/exporter/targets.yaml",
	}, anyFile, func(c *Config) *string { return &c.TargetsFile }),
	define(spec{
		key: "STATUS_PAGE", builtIn: "true", chart: "(toString $v.statusPage)",
		doc:     "whether the [status page](api.md) and its API are served",
		example: "false",
	}, boolean, func(c *Config) *bool { return &c.StatusPage }),
	define(spec{
		key: "PROBE_API", builtIn: "true", chart: "(toString $v.probeAPI)",
		doc:     "whether readers of the page can [start a run](api.md#probe-now), where they authenticate or only the loopback interface is listened on",
		example: "false",
	}, boolean, func(c *Config) *bool { return &c.ProbeAPI }),
	define(spec{
		key: "EXTERNAL_URL", unset: "none", chart: "$v.externalURL",
		doc:     "URL of the page for its readers, to which `check` links; the default of `--web.external-url`",
		example: "https://example.com/vault-auth",
	}, externalURL, func(c *Config) *string { return &c.ExternalURL }),
	define(spec{
		key: "MAX_IN_FLIGHT", builtIn: "0", chart: "(int $v.maxInFlight | toString)",
		doc:     "concurrent probes; `0` is enough for every target to hang, at least 32; a smaller number logs a warning",
		example: "64",
	}, number(0, maxInFlight, "0 for enough, or a number up to 10000"), func(c *Config) *int { return &c.MaxInFlight }),
	define(spec{
		key: "LEADER_ELECTION", builtIn: "false",
		doc: "whether one process of several probes; not with shards", example: "true",
	}, boolean, func(c *Config) *bool { return &c.LeaderElection.Enabled }),
	define(spec{
		key: "LEADER_ELECTION_LEASE", unset: "the pod's namespace and `" + defaultLease + "`",
		doc: "the Lease of the leader election", example: "monitoring/exporter",
	}, leaseName, func(c *Config) *Lease { return &c.LeaderElection.Lease }),
	define(spec{
		key: "WORKLOADS", builtIn: "false", chart: "(toString $v.workloads.enabled)",
		doc: "whether the logins of [workloads](workloads.md) are discovered in this cluster and rehearsed", example: "true",
	}, boolean, func(c *Config) *bool { return &c.Workloads.Enabled }),
	define(spec{
		key: "WORKLOADS_INTERVAL", builtIn: "10m", chart: "$v.workloads.interval",
		doc: "time from one discovery to the next", example: "30m",
	}, duration, func(c *Config) *time.Duration { return &c.Workloads.Interval }),
	define(spec{
		key: "WORKLOADS_REHEARSAL", builtIn: "1h", chart: "$v.workloads.rehearsal",
		doc: "time from one rehearsal of an unchanged login to the next; longer if the logins at one Vault do not fit", example: "6h",
	}, duration, func(c *Config) *time.Duration { return &c.Workloads.Rehearsal }),
	define(spec{
		key: "WORKLOADS_NAMESPACES", unset: "all", chart: `(join "," $v.workloads.namespaces)`,
		doc:     "namespaces in which logins are discovered: each is listed by itself, [which a Role in it permits](workloads.md#single-namespaces)",
		example: "shop,pay",
	}, namespaceList, func(c *Config) *[]string { return &c.Workloads.Namespaces }),
	define(spec{
		key: "KUBERNETES_EVENTS", builtIn: "false", chart: "(toString $v.kubernetesEvents.enabled)",
		doc: "whether [Kubernetes Events](installation.md#kubernetes-events) are written about incidents", example: "true",
	}, boolean, func(c *Config) *bool { return &c.KubernetesEvents.Enabled }),
	define(spec{
		key: "KUBERNETES_EVENTS_OBJECT", unset: "the exporter's pod", chart: "$v.kubernetesEvents.object",
		doc: "the object that they are about", example: "deployment/monitoring/vault-k8s-auth-exporter",
	}, namedObject, func(c *Config) *Object { return &c.KubernetesEvents.Object }),
	define(spec{
		key: "STATE_FILE", unset: "none", chart: `(include "exporter.stateFile" .)`,
		doc:     "file in which [incidents](installation.md#incidents-survive-a-restart) and the start of each reason survive a restart",
		example: "/var/lib/vault-k8s-auth-exporter/state",
	}, anyFile, func(c *Config) *string { return &c.StateFile }),
	define(spec{
		key: "VOLUMES", unset: "none", chart: `(include "exporter.volumes" .)`,
		doc:     "Secrets and ConfigMaps behind directories of the pod, for the commands that the exporter prints",
		example: "/etc/reviewer=secret/vault-auth-token,/etc/vault=configmap/vault-ca",
	}, volumeList, func(c *Config) *[]evidence.Volume { return &c.Volumes }),
	define(spec{
		key: "SHARD", builtIn: "0",
		doc: "number of this shard", example: "exporter-2",
	}, shardIndex, func(c *Config) *int { return &c.Shard.Index }),
	define(spec{
		key: "TOTAL_SHARDS", builtIn: "1",
		doc: "how many processes divide the targets", example: "3",
	}, number(1, maxShards, "a number from 1 to 1000"), func(c *Config) *int { return &c.Shard.Total }),
}
