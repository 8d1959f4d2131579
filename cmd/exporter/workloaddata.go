package main

import (
	"cmp"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/diagnose"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/workload/rehearse"
)

// The JSON of workloads. Its keys are public.
type (
	workloadsJSON struct {
		Logins    []loginJSON     `json:"logins"`
		Unwatched []unwatchedJSON `json:"unwatched"`
		Sources   []sourceJSON    `json:"sources"`
		Skipped   []skippedJSON   `json:"skipped"`
	}
	loginJSON struct {
		State          string       `json:"state"`
		Reason         string       `json:"reason,omitempty"`
		Detail         string       `json:"detail"`
		Target         string       `json:"target,omitempty"`
		Address        string       `json:"address,omitempty"`
		VaultNamespace string       `json:"vault_namespace,omitempty"`
		Mount          string       `json:"mount"`
		Role           string       `json:"role"`
		Namespace      string       `json:"service_account_namespace"`
		ServiceAccount string       `json:"service_account"`
		Audiences      []string     `json:"audiences"`
		Pods           int          `json:"pods"`
		Objects        []objectJSON `json:"objects"`
		Check          []string     `json:"check"`
		Fix            []string     `json:"fix"`
		Notes          []string     `json:"notes"`
		Runbook        string       `json:"runbook,omitempty"`
	}
	objectJSON struct {
		Kind      string `json:"kind"`
		Namespace string `json:"namespace,omitempty"`
		Name      string `json:"name"`
		Pods      int    `json:"pods"`
	}
	unwatchedJSON struct {
		Mount          string `json:"mount"`
		Address        string `json:"address,omitempty"`
		VaultNamespace string `json:"vault_namespace,omitempty"`
		Logins         int    `json:"logins"`
		Target         string `json:"target"`
	}
	sourceJSON struct {
		Source  string `json:"source"`
		State   string `json:"state"`
		Objects int    `json:"objects"`
		Logins  int    `json:"logins"`
		Error   string `json:"error,omitempty"`
	}
	skippedJSON struct {
		objectJSON
		Why string `json:"why"`
	}
)

func (r *workloadReport) writeJSON(w io.Writer) error {
	report := workloadsJSON{Logins: []loginJSON{}, Unwatched: []unwatchedJSON{}, Sources: []sourceJSON{}, Skipped: []skippedJSON{}}
	for _, one := range r.results {
		report.Logins = append(report.Logins, loginOf(one))
	}
	for _, m := range r.unwatched() {
		report.Unwatched = append(report.Unwatched, unwatchedJSON{m.login.Mount, m.login.Address, m.login.Namespace, m.logins, rehearse.Watch(m.login)})
	}
	for _, s := range r.inventory.Sources {
		report.Sources = append(report.Sources, sourceJSON{s.Name, string(s.State), s.Objects, s.Logins, s.Error})
	}
	for _, s := range r.inventory.Skipped {
		report.Skipped = append(report.Skipped, skippedJSON{objectJSON(s.Object), s.Why})
	}
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(report)
}

func loginOf(r rehearse.Result) loginJSON {
	login := loginJSON{
		State: string(r.Verdict.State), Reason: string(r.Verdict.Reason), Detail: r.Verdict.Detail, Target: r.Target,
		Address: r.Address, VaultNamespace: r.Namespace, Mount: r.Mount, Role: r.Role,
		Namespace: r.ServiceAccount.Namespace, ServiceAccount: r.ServiceAccount.Name, Pods: pods(r.Entry),
		Audiences: []string{}, Objects: []objectJSON{}, Check: list(r.Verdict.CheckLines()), Fix: list(r.Verdict.Fix), Notes: list(r.Verdict.Notes), Runbook: runbookOf(r),
	}
	if r.Audiences != "" {
		login.Audiences = strings.Split(r.Audiences, ",")
	}
	for _, o := range r.Objects {
		login.Objects = append(login.Objects, objectJSON(o))
	}
	return login
}

// list is never null in JSON.
func list(lines []string) []string { return append([]string{}, lines...) }

func (r *workloadReport) writeCSV(w io.Writer) error {
	out := csv.NewWriter(w)
	_ = out.Write([]string{"state", "reason", "target", "vault_namespace", "mount", "role", "service_account_namespace", "service_account", "audiences", "pods", "objects", "detail"})
	for _, one := range r.results {
		_ = out.Write(literally([]string{
			string(one.Verdict.State), string(one.Verdict.Reason), one.Target, one.Namespace, one.Mount, one.Role,
			one.ServiceAccount.Namespace, one.ServiceAccount.Name, one.Audiences, strconv.Itoa(pods(one.Entry)),
			strings.Join(objects(one.Entry), "; "), one.Verdict.Detail,
		}))
	}
	out.Flush()
	return out.Error()
}

// literally keeps spreadsheets from taking cells for formulas: the cluster's objects may name
// anything.
func literally(cells []string) []string {
	for i, cell := range cells {
		if strings.HasPrefix(cell, "=") || strings.HasPrefix(cell, "+") || strings.HasPrefix(cell, "-") || strings.HasPrefix(cell, "@") {
			cells[i] = "'" + cell
		}
	}
	return cells
}

// writeJUnit reports one test case for each login: a failure if it is broken, an error if that is
// not known.
func (r *workloadReport) writeJUnit(w io.Writer) error {
	suite := junitSuite{Name: "vault-k8s-auth-exporter workloads", Tests: len(r.results)}
	for _, one := range r.results {
		var text strings.Builder
		writeWorkload(&text, layout{}, one)
		test := junitCase{
			Class: suite.Name + "." + cmp.Or(one.Target, "unwatched"), Time: "0",
			Name: fmt.Sprintf("%s as %s", one.Role, one.ServiceAccount),
		}
		problem := &junitProblem{Type: cmp.Or(string(one.Verdict.Reason), string(one.Verdict.State)), Message: one.Verdict.Detail, Text: text.String()}
		switch one.Verdict.State {
		case diagnose.WorkloadReady:
			test.Output = text.String()
		case diagnose.WorkloadBroken:
			test.Failure = problem
			suite.Failures++
		default:
			test.Error = problem
			suite.Errors++
		}
		suite.Cases = append(suite.Cases, test)
	}
	return suite.write(w)
}
