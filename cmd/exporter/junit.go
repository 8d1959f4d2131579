package main

import (
	"encoding/xml"
	"fmt"
	"io"
	"strings"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/internal/status"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/diagnose"
)

// The elements of a JUnit report that CI systems read. Times are in seconds.
type (
	junitSuite struct {
		XMLName  xml.Name    `xml:"testsuite"`
		Name     string      `xml:"name,attr"`
		Tests    int         `xml:"tests,attr"`
		Failures int         `xml:"failures,attr"`
		Errors   int         `xml:"errors,attr"`
		Cases    []junitCase `xml:"testcase"`
	}
	junitCase struct {
		Class   string        `xml:"classname,attr"`
		Name    string        `xml:"name,attr"`
		Time    string        `xml:"time,attr"`
		Failure *junitProblem `xml:"failure"`
		Error   *junitProblem `xml:"error"`
		Output  string        `xml:"system-out,omitempty"`
	}
	junitProblem struct {
		Type    string `xml:"type,attr"`
		Message string `xml:"message,attr"`
		Text    string `xml:",chardata"`
	}
)

// junitReport returns the report with one test case for each target: a failure if pods cannot
// log in, an error if that is not known. The text is that of the report for people, in full.
func junitReport(links status.Links) func(io.Writer, []probe.Result) error {
	return func(w io.Writer, results []probe.Result) error { return writeJUnit(w, links, results) }
}

func writeJUnit(w io.Writer, links status.Links, results []probe.Result) error {
	suite := junitSuite{Name: "vault-k8s-auth-exporter", Tests: len(results)}
	for _, r := range results {
		var text strings.Builder
		writeInFull(&text, layout{}, links, r)
		one := junitCase{Class: suite.Name, Name: r.Target.Name, Time: fmt.Sprintf("%.3f", r.Duration.Seconds())}
		suite.add(one, r.LoginStatus(), junitProblem{Type: string(r.Diagnosis.Reason), Message: r.Diagnosis.Detail, Text: text.String()})
	}
	return suite.write(w)
}

// add adds a test case, with the problem's text whatever came of it.
func (s *junitSuite) add(c junitCase, logins diagnose.LoginStatus, problem junitProblem) {
	switch logins {
	case diagnose.LoginsWork:
		c.Output = problem.Text
	case diagnose.LoginsUnknown:
		c.Error = &problem
		s.Errors++
	default:
		c.Failure = &problem
		s.Failures++
	}
	s.Cases = append(s.Cases, c)
}

func (s junitSuite) write(w io.Writer) error {
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	encoder := xml.NewEncoder(w)
	encoder.Indent("", "  ")
	if err := encoder.Encode(s); err != nil {
		return err
	}
	_, err := io.WriteString(w, "\n")
	return err
}
