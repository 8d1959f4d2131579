package status

import (
	"net/url"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/diagnose"
)

// Repository has the documentation, of which the exporter serves a part.
const Repository = "https://github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/blob/main/"

// Links are where readers find the page.
type Links struct {
	// URL is empty where it is not known, or where no page is served. It has no slash at its
	// end.
	URL string
	// Path is what precedes the path of every link of the page, without a slash at its end,
	// such as /vault-auth. It may differ from what precedes the paths of requests, if a
	// reverse proxy removes it.
	Path string
}

// Runbook returns the URL of the runbook of a target's reason: on the page, with the commands
// for that target, if its URL is known. It is empty for [diagnose.None].
func (l Links) Runbook(reason diagnose.Reason, target string) string {
	switch {
	case reason == diagnose.None:
		return ""
	case l.URL == "":
		return Repository + reason.Runbook()
	}
	return l.URL + "/runbooks/" + url.PathEscape(string(reason)) + "?target=" + url.QueryEscape(target)
}

// origin returns the origin of the page as browsers send it; empty if the URL is not known.
func (l Links) origin() string {
	u, err := url.Parse(l.URL)
	if err != nil || l.URL == "" {
		return ""
	}
	return u.Scheme + "://" + u.Host
}
