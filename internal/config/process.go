package config

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
)

// StatusPage says whether the status page and its API are served.
type StatusPage string

const (
	// StatusAuto serves them where authentication or the loopback interface guards
	// them.
	StatusAuto StatusPage = "auto"
	StatusOn   StatusPage = "true"
	StatusOff  StatusPage = "false"
)

// LeaderElection is whether one process of several probes, and the Lease that says
// which.
type LeaderElection struct {
	Enabled         bool
	Namespace, Name string
}

// Shard is which part of the targets this process probes, counted from 0.
type Shard struct{ Index, Total int }

// Limits of the process.
const (
	maxInFlight = 10_000
	maxShards   = 1_000
	// minInFlight are always permitted: a few targets shall never wait.
	minInFlight = 32
)

// defaultLease is the Lease's name, in the pod's own namespace.
const defaultLease = "vault-k8s-auth-exporter"

// process judges what is set for the process.
func (r *resolver) process(text processText) Config {
	c := Config{
		TargetsFile: take(r, "TARGETS_FILE", text.TargetsFile, optional(path)),
		StatusPage:  take(r, "STATUS_PAGE", text.StatusPage, statusPage),
		ProbeAPI:    take(r, "PROBE_API", text.ProbeAPI, boolean),
		MaxInFlight: take(r, "MAX_IN_FLIGHT", text.MaxInFlight, count(0, maxInFlight, "0 for enough, or a number up to 10000")),
	}
	c.LeaderElection = r.leaderElection(text)
	c.Shard = r.shard(text)
	if c.LeaderElection.Enabled && c.Shard.Total > 1 {
		r.refuse("LEADER_ELECTION", wrong("is true although "+r.place.name("TOTAL_SHARDS")+" is more than 1",
			"one of the two: every shard is needed, and only a leader would probe"))
	}
	if c.LeaderElection.Enabled {
		c.Home = r.home("LEADER_ELECTION", "the Lease")
	}
	return c
}

func (r *resolver) leaderElection(text processText) LeaderElection {
	enabled := take(r, "LEADER_ELECTION", text.LeaderElection, boolean)
	lease := text.LeaderElectionLease
	if own := r.pod.namespace(); enabled && lease == "" && own != "" {
		lease = own + "/" + defaultLease
	}
	named := take(r, "LEADER_ELECTION_LEASE", lease, leaseFor(enabled))
	return LeaderElection{Enabled: enabled, Namespace: named.Namespace, Name: named.Name}
}

// leaseFor takes namespace/name of a Lease, which only an election needs.
func leaseFor(election bool) func(string) (LeaderElection, error) {
	const allowed = "a Lease as namespace/name; the default is the pod's own namespace and " + defaultLease
	lease := func(value string) (LeaderElection, error) {
		namespace, name, err := object(value, "Lease", allowed)
		return LeaderElection{Namespace: namespace, Name: name}, err
	}
	if election {
		return required(allowed, lease)
	}
	return optional(lease)
}

func (r *resolver) shard(text processText) Shard {
	s := Shard{
		Index: take(r, "SHARD", text.Shard, shardIndex),
		Total: take(r, "TOTAL_SHARDS", text.TotalShards, count(1, maxShards, "a number from 1 to 1000")),
	}
	if s.Total > 0 && s.Index >= s.Total {
		r.refuse("SHARD", wrong(fmt.Sprintf("is shard %d, which %d of %s do not have", s.Index, s.Total, r.place.name("TOTAL_SHARDS")),
			"0 to the number of shards less 1, or the name of a pod that ends in it"))
	}
	return s
}

var ordinal = regexp.MustCompile(`^(?:[a-z0-9][a-z0-9.-]*-)?([0-9]{1,4})$`)

// shardIndex takes a number, or the name of a StatefulSet's pod, which ends in one.
func shardIndex(value string) (int, error) {
	const allowed = "a number from 0, or the name of a pod of a StatefulSet, such as exporter-2"
	if err := bare(value); err != nil {
		return 0, err
	}
	match := ordinal.FindStringSubmatch(value)
	if match == nil {
		return 0, wrong(quote(value)+" is no shard", allowed)
	}
	return strconv.Atoi(match[1])
}

func statusPage(value string) (StatusPage, error) {
	if err := bare(value); err != nil {
		return "", err
	}
	switch page := StatusPage(value); page {
	case StatusAuto, StatusOn, StatusOff:
		return page, nil
	}
	return "", wrong(quote(value)+" is none of them", "auto, true or false")
}

// count takes a number within bounds.
func count(least, most int, allowed string) func(string) (int, error) {
	return func(value string) (int, error) {
		if err := bare(value); err != nil {
			return 0, err
		}
		n, err := strconv.Atoi(value)
		if err != nil || strings.HasPrefix(value, "+") {
			return 0, wrong(quote(value)+" is no number", allowed)
		}
		if n < least || n > most {
			return 0, wrong(quote(value)+" is out of bounds", allowed)
		}
		return n, nil
	}
}

// InFlight is how many probes may go on at once: what was set, or else enough for
// every target to hang, which is the sum of longest run over interval.
func (c Config) InFlight() int {
	if c.MaxInFlight > 0 {
		return c.MaxInFlight
	}
	return c.enoughInFlight()
}

func (c Config) enoughInFlight() int {
	var busy float64
	for _, t := range c.Targets {
		busy += float64(t.LongestRun()) / float64(t.Interval)
	}
	return max(minInFlight, int(math.Ceil(busy)))
}
