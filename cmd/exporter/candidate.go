package main

import (
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/alecthomas/kingpin/v2"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/diagnose"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
)

// candidateFlags are a change of the mount's config that check tries before it is written.
type candidateFlags struct {
	isTried                 bool
	tokenFile, host, caCert string

	isTokenFile, isHost, isCACert bool // set by the user
}

func addCandidateFlags(c *kingpin.CmdClause, f *candidateFlags) {
	c.Flag("candidate", "Try a change of the mount's config before it is written: a reviewer token, host or CA. Nobody logs in; exit code 0: it works, "+
		"and the report has the write, 1: it would break logins, or that is not known.").BoolVar(&f.isTried)
	c.Flag("reviewer-token-file", "With --candidate: the file of the new reviewer token; - is standard input. Unset: the token that the target has.").PlaceHolder("FILE").IsSetByUser(&f.isTokenFile).StringVar(&f.tokenFile)
	c.Flag("kubernetes-host", "With --candidate: the new kubernetes_host. Unset: the host that the target has.").PlaceHolder("URL").IsSetByUser(&f.isHost).StringVar(&f.host)
	c.Flag("kubernetes-cacert", "With --candidate: the file of the new kubernetes_ca_cert; - is standard input. Unset: the CA that the target has.").PlaceHolder("FILE").IsSetByUser(&f.isCACert).StringVar(&f.caCert)
}

// of returns the targets to probe: the selected ones or, for a candidate, the only one with the
// candidate's settings.
func (f candidateFlags) of(selected []evidence.Target, output string) ([]evidence.Target, error) {
	isGiven := f.isTokenFile || f.isHost || f.isCACert
	switch {
	case !f.isTried && !isGiven:
		return selected, nil
	case !f.isTried:
		return nil, errors.New("--reviewer-token-file, --kubernetes-host and --kubernetes-cacert are for --candidate")
	case !isGiven:
		return nil, errors.New("--candidate: no change is given; allowed: one or more of --reviewer-token-file, --kubernetes-host and --kubernetes-cacert")
	case f.isTokenFile && f.tokenFile == "":
		return nil, errors.New("--reviewer-token-file is empty; allowed: the path of a file, or - for standard input")
	case f.isHost && f.host == "":
		return nil, errors.New("--kubernetes-host is empty; allowed: an https URL")
	case f.isCACert && f.caCert == "":
		return nil, errors.New("--kubernetes-cacert is empty; allowed: the path of a file, or - for standard input")
	case output == "prometheus":
		return nil, errors.New("--candidate has no --output prometheus: its gauges are about logins, and nobody logs in")
	case len(selected) != 1:
		return nil, fmt.Errorf("--candidate is for one target, and %d are selected: name it with --target", len(selected))
	case fileNamed(f.tokenFile) == evidence.StandardInput && fileNamed(f.caCert) == evidence.StandardInput:
		return nil, errors.New("--reviewer-token-file and --kubernetes-cacert are both standard input; allowed: one of them")
	}
	if u, err := url.Parse(f.host); err == nil && (u.User != nil || u.RawQuery != "" || u.Fragment != "") {
		return nil, errors.New("--kubernetes-host has a user, a password, a query or a fragment")
	}
	t := selected[0]
	t.Candidate = &evidence.Candidate{Reviewer: f.isTokenFile, Host: f.isHost, CACert: f.isCACert}
	if f.isTokenFile {
		t.Reviewer = evidence.Origin{Source: evidence.SourceFile, TokenFile: fileNamed(f.tokenFile)}
	}
	if f.isHost { // Vault has no setting for another name in the certificate
		t.Kubernetes.Host, t.Kubernetes.Alias, t.Kubernetes.TLSServerName = strings.TrimRight(f.host, "/"), "", ""
	}
	if f.isCACert {
		t.Kubernetes.CACert = fileNamed(f.caCert)
	}
	return []evidence.Target{t}, nil
}

// candidateHeadline is what is known of a candidate.
func candidateHeadline(l layout, logins diagnose.LoginStatus, verdict string) string {
	switch logins {
	case diagnose.LoginsWork:
		return l.color(green, "good") + ", the API server accepts the candidate"
	case diagnose.LoginsUnknown:
		return l.color(yellow, "NOT KNOWN") + ", " + verdict + ": whether the candidate works is not known"
	}
	return l.color(red, "REFUSED") + ", " + verdict + ": do not write this candidate"
}
