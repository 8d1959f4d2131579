package main

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"encoding/xml"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/internal/status"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/metrics"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/diagnose"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/probetest"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/workload"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/workload/rehearse"
)

// FuzzRenderWorkloads renders arbitrary logins in every format, and reads each as its readers do. The
// bytes choose the logins, and text is what an object of the cluster or a server may say.
func FuzzRenderWorkloads(f *testing.F) {
	random := rand.New(rand.NewPCG(5, 6))
	for i := range 16 {
		chosen := make([]byte, 16*i)
		for j := range chosen {
			chosen[j] = byte(random.Uint32())
		}
		f.Add(chosen, "</code><script>alert(1)</script>\n# TYPE marked gauge\nmarked 1")
	}
	f.Add([]byte{1, 1, 1}, "=cmd|' /C calc'!A0")
	r := &rendering{elements: templateElements(f)}
	f.Fuzz(func(t *testing.T, chosen []byte, text string) {
		a := &probetest.Arbitrary{Bytes: chosen, Texts: []string{text}, Clean: evidence.Clean}
		report := arbitraryWorkloads(a)
		report.check(t)
		snapshot := func() (workload.Inventory, []rehearse.Result) { return report.inventory, report.results }
		recorder := metrics.New(nil)
		recorder.Workloads(snapshot)
		page := status.New(status.Options{Workloads: snapshot})
		defer page.Close()
		get := func(handler http.Handler, path string) []byte {
			response := httptest.NewRecorder()
			handler.ServeHTTP(response, httptest.NewRequest(http.MethodGet, path, nil))
			if response.Code != http.StatusOK || !utf8.Valid(response.Body.Bytes()) {
				t.Errorf("%s = %d, valid: %t", path, response.Code, utf8.Valid(response.Body.Bytes()))
			}
			return response.Body.Bytes()
		}
		checkExposition(t, get(recorder.Handler(), "/metrics"))
		r.checkPage(t, "/workloads", get(page, "/workloads"))
		if document := get(page, "/api/v1/workloads"); !json.Valid(document) {
			t.Errorf("/api/v1/workloads is no JSON:\n%s", document)
		}
	})
}

// arbitraryWorkloads has results that no rehearsal needs to be able to produce, at times of the
// exporter's own clock.
func arbitraryWorkloads(a *probetest.Arbitrary) *workloadReport {
	var report workloadReport
	a.Fill(&report.inventory)
	a.Fill(&report.results)
	now := time.Now()
	report.inventory.At = now
	for i := range report.inventory.Sources {
		states := []workload.SourceState{workload.SourceRead, workload.SourcePartial, workload.SourceNotInstalled, workload.SourceForbidden, workload.SourceFailed}
		report.inventory.Sources[i].State, report.inventory.Sources[i].ReadAt = states[a.Choose(len(states))], now
	}
	for i := range report.results {
		report.results[i].At, report.results[i].Since = now, now
		verdict := &report.results[i].Verdict
		states := []diagnose.WorkloadState{diagnose.WorkloadReady, diagnose.WorkloadBroken, diagnose.WorkloadUnknown, diagnose.WorkloadNotRehearsed}
		verdict.State, verdict.Reason = states[a.Choose(len(states))], ""
		if verdict.State == diagnose.WorkloadBroken {
			reasons := diagnose.Reasons()
			verdict.Reason = reasons[a.Choose(len(reasons))]
		}
	}
	return &report
}

// check reads the reports of the command.
func (r *workloadReport) check(t *testing.T) {
	t.Helper()
	write := func(format string) []byte {
		var out bytes.Buffer
		if err := r.write(format, &out); err != nil {
			t.Error(err)
		}
		return out.Bytes()
	}
	if text := write("text"); !utf8.Valid(text) || slices.ContainsFunc([]rune(string(text)), func(r rune) bool { return r != '\n' && !unicode.IsPrint(r) }) {
		t.Errorf("the report is %q", text)
	}
	if document := write("json"); !json.Valid(document) {
		t.Errorf("the JSON report is\n%s", document)
	}
	rows, err := csv.NewReader(bytes.NewReader(write("csv"))).ReadAll()
	if err != nil || len(rows) != 1+len(r.results) {
		t.Errorf("the CSV report has %d rows for %d logins: %v", len(rows), len(r.results), err)
	}
	for _, cell := range slices.Concat(rows...) {
		if strings.HasPrefix(cell, "=") || strings.HasPrefix(cell, "@") || strings.HasPrefix(cell, "+") || strings.HasPrefix(cell, "-") {
			t.Errorf("a spreadsheet takes the cell %q for a formula", cell)
		}
	}
	document := xml.NewDecoder(bytes.NewReader(write("junit")))
	for err := error(nil); err != io.EOF; {
		if _, err = document.Token(); err != nil && err != io.EOF {
			t.Fatalf("the JUnit report: %v", err)
		}
	}
}
