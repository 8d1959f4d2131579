package status

import (
	"io"
	"net/http"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/diagnose"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/workload"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/workload/rehearse"
)

// The JSON of workloads, of the command and of the API. Its keys are public: docs/api.md and
// docs/status.schema.json.
type (
	// Workloads are the logins of a cluster's workloads, and what discovery could not read.
	Workloads struct {
		// Discovered is when the cluster was last read. It is absent before the first time.
		Discovered *time.Time        `json:"discovered,omitempty"`
		Logins     []WorkloadLogin   `json:"logins"`
		Unwatched  []UnwatchedMount  `json:"unwatched"`
		Sources    []WorkloadSource  `json:"sources"`
		Skipped    []SkippedWorkload `json:"skipped"`
	}
	// WorkloadLogin is one login, with the objects that it was found in.
	WorkloadLogin struct {
		State          diagnose.WorkloadState `json:"state"`
		Reason         diagnose.Reason        `json:"reason,omitempty"`
		Detail         string                 `json:"detail"`
		Target         string                 `json:"target,omitempty"`
		Address        string                 `json:"address,omitempty"`
		VaultNamespace string                 `json:"vault_namespace,omitempty"`
		Mount          string                 `json:"mount"`
		Role           string                 `json:"role"`
		Namespace      string                 `json:"service_account_namespace"`
		ServiceAccount string                 `json:"service_account"`
		Audiences      []string               `json:"audiences"`
		Pods           int                    `json:"pods"`
		Objects        []WorkloadObject       `json:"objects"`
		Check          []string               `json:"check"`
		Fix            []string               `json:"fix"`
		Notes          []string               `json:"notes"`
		Runbook        string                 `json:"runbook,omitempty"`
	}
	// WorkloadObject is what says that somebody logs in.
	WorkloadObject struct {
		Kind      string `json:"kind"`
		Namespace string `json:"namespace,omitempty"`
		Name      string `json:"name"`
		Pods      int    `json:"pods"`
	}
	// UnwatchedMount is a mount that no target watches, with the target that would, as YAML.
	UnwatchedMount struct {
		Mount          string `json:"mount"`
		Address        string `json:"address,omitempty"`
		VaultNamespace string `json:"vault_namespace,omitempty"`
		Logins         int    `json:"logins"`
		Target         string `json:"target"`
		// Elsewhere is a target that watches a mount of this name at another address.
		Elsewhere *WatchedElsewhere `json:"elsewhere,omitempty"`
	}
	// WatchedElsewhere is a target, with Vault's address that it has.
	WatchedElsewhere struct {
		Target  string `json:"target"`
		Address string `json:"address"`
	}
	// WorkloadSource is one kind of object, and what came of reading it.
	WorkloadSource struct {
		Source  string               `json:"source"`
		State   workload.SourceState `json:"state"`
		Objects int                  `json:"objects"`
		Logins  int                  `json:"logins"`
		Error   string               `json:"error,omitempty"`
	}
	// SkippedWorkload is an object that names a login which cannot be rehearsed, and why.
	SkippedWorkload struct {
		WorkloadObject
		Why string `json:"why"`
	}
)

// WriteWorkloads writes an inventory, with the results of its logins, as JSON.
func WriteWorkloads(w io.Writer, inventory workload.Inventory, results []rehearse.Result) error {
	all := Workloads{Logins: []WorkloadLogin{}, Unwatched: []UnwatchedMount{}, Sources: []WorkloadSource{}, Skipped: []SkippedWorkload{}}
	if at := inventory.At.UTC(); !at.IsZero() {
		all.Discovered = &at
	}
	for _, r := range results {
		all.Logins = append(all.Logins, workloadLoginOf(r))
	}
	for _, m := range rehearse.Unwatched(results) {
		mount := UnwatchedMount{Mount: m.Login.Mount, Address: m.Login.Address, VaultNamespace: m.Login.Namespace, Logins: m.Logins, Target: rehearse.Watch(m.Login)}
		if m.Elsewhere != (rehearse.Elsewhere{}) {
			mount.Elsewhere = &WatchedElsewhere{m.Elsewhere.Target, m.Elsewhere.Address}
		}
		all.Unwatched = append(all.Unwatched, mount)
	}
	for _, s := range inventory.Sources {
		all.Sources = append(all.Sources, WorkloadSource{s.Name, s.State, s.Objects, s.Logins, s.Error})
	}
	for _, s := range inventory.Skipped {
		all.Skipped = append(all.Skipped, SkippedWorkload{WorkloadObject(s.Object), s.Why})
	}
	return writeJSON(w, all)
}

func workloadLoginOf(r rehearse.Result) WorkloadLogin {
	login := WorkloadLogin{
		State: r.Verdict.State, Reason: r.Verdict.Reason, Detail: r.Verdict.Detail, Target: r.Target,
		Address: r.Address, VaultNamespace: r.Namespace, Mount: r.Mount, Role: r.Role,
		Namespace: r.ServiceAccount.Namespace, ServiceAccount: r.ServiceAccount.Name, Pods: r.Pods(),
		Audiences: []string{}, Objects: []WorkloadObject{}, Check: listOf(r.Verdict.CheckLines()), Fix: listOf(r.Verdict.Fix), Notes: listOf(r.Verdict.Notes),
		Runbook: WorkloadRunbook(r),
	}
	if r.Audiences != "" {
		login.Audiences = strings.Split(r.Audiences, ",")
	}
	for _, o := range r.Objects {
		login.Objects = append(login.Objects, WorkloadObject(o))
	}
	return login
}

// WorkloadRunbook returns the URL of the section on the reason, empty if the login is not broken. The
// page's own runbook would have the commands for the canary.
func WorkloadRunbook(r rehearse.Result) string {
	if r.Verdict.Reason == "" {
		return ""
	}
	return Links{}.Runbook(r.Verdict.Reason, r.Target)
}

// workloadsOff is the answer where workloads are not discovered.
const workloadsOff = "the logins of workloads are not discovered: EXPORTER_WORKLOADS=true, in the chart workloads.enabled, turns that on"

func (s *Server) serveWorkloadsJSON(w http.ResponseWriter, r *http.Request) {
	if s.options.Workloads == nil {
		http.Error(w, workloadsOff, http.StatusNotFound)
		return
	}
	inventory, results := s.options.Workloads()
	prepareJSON(w)
	_ = WriteWorkloads(w, inventory, workloadFilterOf(r).all(results))
}

// workloadFilter is what a reader asks for. What is empty admits every login.
type workloadFilter struct {
	namespace string // of the service account; * and ? are wildcards
	target    string
	state     diagnose.WorkloadState
}

func workloadFilterOf(r *http.Request) workloadFilter {
	q := r.URL.Query()
	return workloadFilter{strings.TrimSpace(q.Get("namespace")), q.Get("target"), diagnose.WorkloadState(q.Get("state"))}
}

// all returns the logins that the filter admits.
func (f workloadFilter) all(results []rehearse.Result) []rehearse.Result {
	if f == (workloadFilter{}) {
		return results
	}
	pattern := strings.NewReplacer(`\`, `\\`, `[`, `\[`).Replace(f.namespace)
	inNamespace := func(name string) bool {
		matches, _ := path.Match(pattern, name) // fails for no pattern: it has neither classes nor escapes
		return matches
	}
	return slices.DeleteFunc(slices.Clone(results), func(r rehearse.Result) bool {
		return f.namespace != "" && !inNamespace(r.ServiceAccount.Namespace) ||
			f.target != "" && f.target != r.Target || f.state != "" && f.state != r.Verdict.State
	})
}
