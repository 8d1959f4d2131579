package main

import (
	"cmp"
	"fmt"
	"log/slog"
	"net/url"
	"slices"

	"github.com/alecthomas/kingpin/v2"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/internal/config"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/internal/status"
)

// siteFlags say where readers find what serve serves.
type siteFlags struct {
	// externalURL and routePrefix have no slash at their end. hasPrefix is set with
	// routePrefix, which is empty for the root.
	externalURL, routePrefix string
	hasPrefix                bool
}

func addSiteFlags(c *kingpin.CmdClause, f *siteFlags) {
	c.Flag("web.external-url", "URL under which the exporter is externally reachable, for example behind a reverse proxy. Its path precedes every path that the exporter serves. Default: EXPORTER_EXTERNAL_URL.").
		PlaceHolder("<URL>").SetValue(checkedFlag(func(value string) (err error) {
		if f.externalURL, err = config.ParseExternalURL(value); err != nil {
			return fmt.Errorf("--web.external-url: %w", err)
		}
		return nil
	}))
	c.Flag("web.route-prefix", "Path that precedes every path of requests. Default: the path of --web.external-url. With a reverse proxy that removes the path, set it to /.").
		PlaceHolder("<path>").SetValue(checkedFlag(func(value string) (err error) {
		if f.routePrefix, err = config.ParseRoutePrefix(value); err != nil {
			return fmt.Errorf("--web.route-prefix: %w", err)
		}
		f.hasPrefix = true
		return nil
	}))
}

// checkedFlag checks and stores the value of a flag that is not empty.
type checkedFlag func(value string) error

// Set implements [kingpin.Value].
func (c checkedFlag) Set(value string) error {
	if value == "" {
		return nil
	}
	return c(value)
}

func (c checkedFlag) String() string { return "" }

// site is how the public listener is served: under which paths, and to whom.
type site struct {
	links status.Links
	// prefix precedes the path of every request, without a slash at its end.
	prefix string
	// page is whether the status page, its API and the configuration are served.
	page bool
	// host is the name, besides those of this host, that a request for them may have as its
	// Host. It counts only if local is set: the loopback interface stands in for
	// authentication.
	host  string
	local bool
	// probeOff says why readers may not start runs, and what changes that. It is empty where
	// they may.
	probeOff string
}

// siteOf reads the web configuration.
func siteOf(f flags, settings config.Config) (site, error) {
	c, err := readWebConfig(*f.web.WebConfigFile)
	if err != nil {
		return site{}, fmt.Errorf("--web.config.file: %w", err)
	}
	s := site{links: linksOf(f.site, settings), page: settings.StatusPage}
	s.prefix = s.links.Path
	if f.site.hasPrefix {
		s.prefix = f.site.routePrefix
	}
	if u, err := url.Parse(s.links.URL); err == nil {
		s.host = u.Hostname()
	}
	socket := f.web.WebSystemdSocket != nil && *f.web.WebSystemdSocket
	loopbackOnly := !socket && !slices.ContainsFunc(*f.web.WebListenAddresses, func(address string) bool { return !loopback(address) })
	s.local = !c.authenticates() && (socket || loopbackOnly)
	s.probeOff = whyNoProbe(settings, c.authenticates(), loopbackOnly, s.host)
	return s, nil
}

// linksOf returns where readers find the page. Without its URL they are assumed to reach the
// exporter without a reverse proxy that changes paths.
func linksOf(f siteFlags, settings config.Config) status.Links {
	external := settings.ExternalURL
	if f.externalURL != "" {
		external = f.externalURL
	}
	links := status.Links{URL: external, Path: f.routePrefix}
	if u, err := url.Parse(external); err == nil && external != "" {
		links.Path = u.Path
	}
	if !settings.StatusPage {
		links.URL = ""
	}
	return links
}

const pageOff = "EXPORTER_STATUS_PAGE is false; set it to true"

// whyNoProbe returns why readers may not start runs, and what changes that.
func whyNoProbe(settings config.Config, authenticated, loopbackOnly bool, externalHost string) string {
	const authenticate = "; set basic_auth_users or client_auth_type: RequireAndVerifyClientCert in --web.config.file"
	switch {
	case !settings.StatusPage:
		return pageOff
	case !settings.ProbeAPI:
		return "EXPORTER_PROBE_API is false; set it to true"
	case authenticated:
		return ""
	case !loopbackOnly:
		return "clients need no authentication, and the listener is not only on the loopback interface" + authenticate
	case externalHost != "" && !loopbackName(externalHost):
		return "clients need no authentication, and --web.external-url is not on the loopback interface" + authenticate
	}
	return ""
}

// log says where the page is, and what is off.
func (s site) log(logger *slog.Logger) {
	if !s.page {
		logger.Info("Status page and API are off", "why", pageOff)
		return
	}
	logger.Info("Status page is served", "at", cmp.Or(s.links.URL, s.links.Path)+"/")
	if s.probeOff != "" {
		logger.Info("Probe now is off", "why", s.probeOff)
	}
}
