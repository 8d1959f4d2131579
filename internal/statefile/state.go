package statefile

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"
	"unicode/utf8"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/diagnose"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/incident"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/workload/rehearse"
)

// State is what the file holds.
type State struct {
	Saved     time.Time
	Targets   []Target
	Incidents incident.Memory
	Workloads []rehearse.Remembered
}

// Target is what is known of a target, of which the configuration is identified.
type Target struct {
	Name          string
	Configuration string // see [Configuration]
	probe.Remembered
}

// Configuration identifies what a target probes: the Vault, mount and role, the API server, and
// where its tokens come from. A target for which it differs is another one, whatever its name is.
// Intervals, labels and the files of CAs are left out.
func Configuration(t evidence.Target) string {
	encoded, err := json.Marshal([]any{t.Vault.Addr, t.Vault.Namespace, t.Vault.Mount, t.Vault.Role, t.Kubernetes.Host, t.Reviewer, t.Canary})
	if err != nil {
		panic(err) // strings always encode
	}
	sum := sha256.Sum256(encoded)
	return hex.EncodeToString(sum[:8])
}

// Limits of what is read. A file beyond them was not written by this program.
const (
	maxTargets   = 5_000
	maxIncidents = 5_000 // one for each target
	maxLogins    = 20_000
	maxText      = 4 << 10 // in bytes: the names of a cluster's objects may be longer than any role's
)

// clockSkew is how far the clocks of two hosts may differ.
const clockSkew = time.Minute

// check returns why a state is not one that this program wrote before this time.
func (s *State) check(now time.Time) error {
	if s.Saved.IsZero() {
		return errors.New("does not say when it was written")
	}
	if s.Saved.After(now.Add(clockSkew)) {
		return fmt.Errorf("was written at %s, which is in the future", s.Saved.UTC().Format(time.RFC3339))
	}
	in := s.Incidents
	if len(s.Targets) > maxTargets || len(in.Open) > maxIncidents || len(in.Past) > incident.MaxPast || len(in.Gaps) > incident.MaxGaps || len(s.Workloads) > maxLogins {
		return errors.New("has more entries than this program writes")
	}
	if slices.ContainsFunc(s.times(), func(t time.Time) bool { return t.After(s.Saved.Add(clockSkew)) }) {
		return errors.New("has times after the one at which it was written")
	}
	return nil
}

// times lists every time in the state.
func (s *State) times() []time.Time {
	all := []time.Time{s.Incidents.Since}
	for _, g := range s.Incidents.Gaps {
		all = append(all, g.From, g.To)
	}
	for _, t := range s.Targets {
		all = append(all, t.Since, t.Seen, t.Gap.From, t.Gap.To)
	}
	for _, o := range s.Incidents.Open {
		all = append(all, o.Begin, o.End, o.Seen)
	}
	for _, r := range s.Incidents.Past {
		all = append(all, r.Begin, r.End)
	}
	for _, w := range s.Workloads {
		all = append(all, w.Since, w.At)
	}
	return all
}

// trim drops what is not kept: reasons of another version, and names of the cluster's objects that
// are too long.
func (s *State) trim() {
	s.Targets = slices.DeleteFunc(s.Targets, func(t Target) bool { return !known(t.Reason) || t.Since.IsZero() || t.Seen.Before(t.Since) })
	in := &s.Incidents
	in.Open = slices.DeleteFunc(in.Open, func(o incident.Open) bool { return !keeps(o.Record) })
	in.Past = slices.DeleteFunc(in.Past, func(r incident.Record) bool { return !keeps(r) })
	s.Workloads = slices.DeleteFunc(s.Workloads, func(w rehearse.Remembered) bool {
		return !slices.Contains(diagnose.WorkloadStates, w.State) ||
			!fits(w.Address, w.Namespace, w.Mount, w.Role, w.ServiceAccount.Namespace, w.ServiceAccount.Name, w.Audiences)
	})
	s.Workloads = s.Workloads[:min(len(s.Workloads), maxLogins)]
}

func known(r diagnose.Reason) bool { return r.Component() != "" }

func keeps(r incident.Record) bool {
	return known(r.Reason) && r.Reason != diagnose.None && fits(r.ID, r.Object) && fits(r.Names...) && len(r.Names) <= min(r.Affected, incident.MaxNames)
}

func fits(texts ...string) bool {
	return !slices.ContainsFunc(texts, func(text string) bool { return len(text) > maxText || !utf8.ValidString(text) })
}
