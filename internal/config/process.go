package config

import (
	"fmt"
	"maps"
	"math"
	"regexp"
	"strconv"
	"time"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
)

// LeaderElection is whether only the holder of a Lease probes.
type LeaderElection struct {
	Enabled bool
	Lease
}

// Lease names a Lease of the cluster that the exporter runs in.
type Lease struct{ Namespace, Name string }

// Workloads is whether and how often the logins of workloads are discovered and rehearsed.
type Workloads struct {
	Enabled bool
	// Interval is the time from one discovery to the next, Rehearsal that from one rehearsal of a
	// login to the next.
	Interval, Rehearsal time.Duration
	// Namespaces are those in which they are discovered; empty means all.
	Namespaces []string
}

// KubernetesEvents is whether Events are written, and about which object.
type KubernetesEvents struct {
	Enabled bool
	Object  Object
}

// Object is one of the cluster that the exporter runs in.
type Object struct{ APIVersion, Kind, Namespace, Name string }

// Shard is which part of the targets this process probes, counted from 0.
type Shard struct{ Index, Total int }

// Limits of the process.
const (
	maxInFlight = 10_000
	maxShards   = 1_000
	// minInFlight is the least default of concurrent probes, so that a few targets never
	// wait.
	minInFlight = 32
)

// defaultLease is the Lease's name, in the pod's own namespace.
const defaultLease = "vault-k8s-auth-exporter"

// process resolves the variables of the process.
func (r *resolver) process() Config {
	const election, lease = "LEADER_ELECTION", "LEADER_ELECTION_LEASE"
	if own := r.pod.namespace(); r.values[election] == "true" && r.values[lease] == "" && own != "" {
		r.values = maps.Clone(r.values)
		r.values[lease] = own + "/" + defaultLease
	}
	var c Config
	store(r, processVariables, &c)
	if c.Shard.Total > 0 && c.Shard.Index >= c.Shard.Total {
		allowed := "0"
		if c.Shard.Total > 1 {
			allowed = fmt.Sprintf("0 to %d", c.Shard.Total-1)
		}
		r.refuse("SHARD", invalid(fmt.Sprintf("is %d, but %s is %d", c.Shard.Index, r.names.name("TOTAL_SHARDS"), c.Shard.Total),
			allowed+", or the name of a pod that ends in it"))
	}
	if c.Workloads.Enabled {
		c.Home = r.home("WORKLOADS", "the discovery")
	}
	if c.KubernetesEvents.Enabled {
		c.Home = r.home("KUBERNETES_EVENTS", "the object of the Events")
		r.eventsObject(&c)
	}
	if !c.LeaderElection.Enabled {
		return c
	}
	if r.values[lease] == "" {
		r.refuse(lease, inconsistent("is not set", leaseName.allowed))
	}
	if c.Shard.Total > 1 {
		r.refuse(election, invalid("is true although "+r.names.name("TOTAL_SHARDS")+" is more than 1",
			"one of the two: every shard is needed, and only a leader would probe"))
	}
	c.Home = r.home(election, "the Lease")
	return c
}

// eventsObject fills in the exporter's pod where no object is named.
func (r *resolver) eventsObject(c *Config) {
	if c.KubernetesEvents.Object != (Object{}) || r.values["KUBERNETES_EVENTS_OBJECT"] != "" {
		return
	}
	own := r.pod.describe(nil)
	if own.Namespace == "" || own.Name == "" {
		r.refuse("KUBERNETES_EVENTS_OBJECT", inconsistent("is not set, and the pod's own name and namespace are not known", namedObject.allowed))
		return
	}
	c.KubernetesEvents.Object = Object{"v1", "Pod", own.Namespace, own.Name}
}

var ordinal = regexp.MustCompile(`^(?:[a-z0-9][a-z0-9.-]*-)?([0-9]{1,4})$`)

// shardIndex is a number, or the name of a StatefulSet's pod, which ends in one.
var shardIndex = kind[int]{
	shape: shape{allowed: "a number from 0, or the name of a pod of a StatefulSet, such as exporter-2"},
	parse: func(value string) (int, error) {
		match := ordinal.FindStringSubmatch(value)
		if match == nil {
			return 0, malformed(quote(value) + " is not a shard")
		}
		return strconv.Atoi(match[1])
	},
	format: strconv.Itoa,
}

// InFlight is the limit of concurrent probes: the configured one, or enough for every
// target to hang, which is the sum of longest run over interval.
func (c Config) InFlight() int {
	if c.MaxInFlight > 0 {
		return c.MaxInFlight
	}
	return c.enoughInFlight()
}

func (c Config) enoughInFlight() int {
	var busy float64
	for _, t := range c.Targets {
		busy += float64(t.Timeout+evidence.Overrun) / float64(t.Interval)
	}
	return max(minInFlight, int(math.Ceil(busy)))
}
