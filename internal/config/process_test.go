package config

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
)

func TestProcessMistakes(t *testing.T) {
	for name, tt := range map[string]struct {
		given vars
		want  string
	}{
		"no number":     {vars{"EXPORTER_MAX_IN_FLIGHT": "many"}, `EXPORTER_MAX_IN_FLIGHT: "many" is not a number; allowed: 0 for enough, or a number up to 10000`},
		"negative":      {vars{"EXPORTER_MAX_IN_FLIGHT": "-1"}, `EXPORTER_MAX_IN_FLIGHT: "-1" is out of bounds; allowed: 0 for enough, or a number up to 10000`},
		"no shards":     {vars{"EXPORTER_TOTAL_SHARDS": "0"}, `EXPORTER_TOTAL_SHARDS: "0" is out of bounds; allowed: a number from 1 to 1000`},
		"shard beyond":  {vars{"EXPORTER_SHARD": "exporter-3", "EXPORTER_TOTAL_SHARDS": "3"}, "EXPORTER_SHARD: is 3, but EXPORTER_TOTAL_SHARDS is 3; allowed: 0 to 2, or the name of a pod that ends in it"},
		"shard alone":   {vars{"EXPORTER_SHARD": "3"}, "EXPORTER_SHARD: is 3, but EXPORTER_TOTAL_SHARDS is 1; allowed: 0, or the name of a pod that ends in it"},
		"no shard":      {vars{"EXPORTER_SHARD": "exporter"}, `EXPORTER_SHARD: "exporter" is not a shard; allowed: a number from 0, or the name of a pod of a StatefulSet, such as exporter-2`},
		"deployment":    {vars{"EXPORTER_SHARD": "exporter-7d4b9c-x2x"}, `EXPORTER_SHARD: "exporter-7d4b9c-x2x" is not a shard; allowed: a number from 0, or the name of a pod of a StatefulSet, such as exporter-2`},
		"lease":         {vars{"EXPORTER_LEADER_ELECTION_LEASE": "exporter"}, `EXPORTER_LEADER_ELECTION_LEASE: "exporter" names no Lease; allowed: a Lease as namespace/name; the default is the pod's own namespace and vault-k8s-auth-exporter`},
		"workloads":     {vars{"EXPORTER_WORKLOADS": "true"}, "EXPORTER_WORKLOADS: true works only in a pod, because the discovery is in the exporter's own cluster; allowed: another value outside a pod"},
		"namespaces":    {vars{"EXPORTER_WORKLOADS_NAMESPACES": "shop,Pay"}, `EXPORTER_WORKLOADS_NAMESPACES: "Pay" is not a valid namespace name; allowed: names of namespaces separated by commas, such as shop,pay`},
		"no pod":        {vars{"EXPORTER_LEADER_ELECTION": "true", "EXPORTER_LEADER_ELECTION_LEASE": "a/b"}, "EXPORTER_LEADER_ELECTION: true works only in a pod, because the Lease is in the exporter's own cluster; allowed: another value outside a pod"},
		"page":          {vars{"EXPORTER_STATUS_PAGE": "off"}, `EXPORTER_STATUS_PAGE: "off" is not a boolean; allowed: true or false`},
		"page of links": {vars{"EXPORTER_STATUS_PAGE": "tcp://10.0.0.1:80"}, "EXPORTER_STATUS_PAGE: " + injected + "; allowed: " + noServiceLinks},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := load(t, minimal().but(tt.given))
			if diff := cmp.Diff(tt.want, errorText(err)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestElectionAndShardsExcludeEachOther(t *testing.T) {
	inPod(t, "ca.crt", "token", "namespace")
	_, err := load(t, minimal().but(service).but(vars{"EXPORTER_LEADER_ELECTION": "true", "EXPORTER_TOTAL_SHARDS": "2"}))
	want := "EXPORTER_LEADER_ELECTION: is true although EXPORTER_TOTAL_SHARDS is more than 1; allowed: one of the two: every shard is needed, and only a leader would probe"
	if errorText(err) != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestLease(t *testing.T) {
	p := inPod(t, "ca.crt", "token", "namespace")
	elect := minimal().but(service).but(vars{"EXPORTER_LEADER_ELECTION": "true"})
	c := mustLoad(t, elect)
	if want := (LeaderElection{true, Lease{"monitoring", "vault-k8s-auth-exporter"}}); c.LeaderElection != want {
		t.Errorf("by default %+v", c.LeaderElection)
	}
	if want := (evidence.Kubernetes{Host: "https://10.96.0.1:443", CACert: p.caCert(), TokenFile: p.tokenFile()}); c.Home != want {
		t.Errorf("home is %+v", c.Home)
	}
	c = mustLoad(t, elect.but(vars{"EXPORTER_LEADER_ELECTION_LEASE": "elsewhere/lease.1"}))
	if want := (LeaderElection{true, Lease{"elsewhere", "lease.1"}}); c.LeaderElection != want {
		t.Errorf("named %+v", c.LeaderElection)
	}
	inPod(t, "ca.crt", "token")
	if _, err := load(t, elect); !strings.HasPrefix(errorText(err), "EXPORTER_LEADER_ELECTION_LEASE: is not set; allowed: ") {
		t.Errorf("without a namespace: %v", err)
	}
	inPod(t, "ca.crt", "namespace")
	if _, err := load(t, elect); !strings.Contains(errorText(err), "EXPORTER_LEADER_ELECTION: true needs the pod's own token") {
		t.Errorf("without a token: %v", err)
	}
}

func TestInFlight(t *testing.T) {
	targets := func(n int, interval, timeout time.Duration) []evidence.Target {
		list := make([]evidence.Target, n)
		for i := range list {
			list[i] = evidence.Target{Interval: interval, Timeout: timeout}
		}
		return list
	}
	for _, tt := range []struct {
		c    Config
		want int
	}{
		{Config{Targets: targets(1, time.Minute, 15*time.Second)}, 32},
		{Config{Targets: targets(1000, time.Minute, 15*time.Second)}, 367}, // 1000 × 22 s / 60 s, rounded up
		{Config{Targets: targets(1000, time.Minute, 15*time.Second), MaxInFlight: 5}, 5},
	} {
		if got := tt.c.InFlight(); got != tt.want {
			t.Errorf("%d targets, %d set: %d, want %d", len(tt.c.Targets), tt.c.MaxInFlight, got, tt.want)
		}
	}
}

func TestTooFewInFlightIsWarnedOf(t *testing.T) {
	if warnings := mustLoad(t, minimal().but(vars{"EXPORTER_MAX_IN_FLIGHT": "32"})).Warnings(); warnings != nil {
		t.Errorf("enough: %+v", warnings)
	}
	want := []Warning{{Variable: "EXPORTER_MAX_IN_FLIGHT", Text: "31 probes at once are too few where every target hangs, which takes 32: probes will be late"}}
	if diff := cmp.Diff(want, mustLoad(t, minimal().but(vars{"EXPORTER_MAX_IN_FLIGHT": "31"})).Warnings()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
