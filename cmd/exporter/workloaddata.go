package main

import (
	"cmp"
	"encoding/csv"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/internal/status"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/diagnose"
)

func (r *workloadReport) writeJSON(w io.Writer) error {
	return status.WriteWorkloads(w, r.inventory, r.results)
}

func (r *workloadReport) writeCSV(w io.Writer) error {
	out := csv.NewWriter(w)
	_ = out.Write([]string{"state", "reason", "target", "vault_namespace", "mount", "role", "service_account_namespace", "service_account", "audiences", "pods", "objects", "detail"})
	for _, one := range r.results {
		_ = out.Write(literally([]string{
			string(one.Verdict.State), string(one.Verdict.Reason), one.Target, one.Namespace, one.Mount, one.Role,
			one.ServiceAccount.Namespace, one.ServiceAccount.Name, one.Audiences, strconv.Itoa(one.Pods()),
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
		logins := diagnose.LoginsUnknown
		switch one.Verdict.State {
		case diagnose.WorkloadReady:
			logins = diagnose.LoginsWork
		case diagnose.WorkloadBroken:
			logins = diagnose.LoginsFail
		}
		suite.add(test, logins, junitProblem{Type: cmp.Or(string(one.Verdict.Reason), string(one.Verdict.State)), Message: one.Verdict.Detail, Text: text.String()})
	}
	return suite.write(w)
}
