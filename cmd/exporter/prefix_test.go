package main

import (
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/probetest"
)

// documented returns the method and path of each route in the table of docs/api.md, which
// internal/status holds against its own routes.
func documented(t *testing.T) []string {
	t.Helper()
	text, err := os.ReadFile("../../docs/api.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(text), "\n## Paths\n")
	table, _, _ = strings.Cut(table, "\n## ")
	var routes []string
	for row := range strings.Lines(table) {
		cell, _, _ := strings.Cut(strings.TrimPrefix(row, "| "), " |")
		for _, match := range regexp.MustCompile("`((?:GET|POST) [^`]*)`").FindAllStringSubmatch(cell, -1) {
			routes = append(routes, match[1])
		}
	}
	return routes
}

func TestEveryRouteIsDocumented(t *testing.T) {
	w := probetest.NewWorld(t)
	listed := documented(t)
	for _, page := range []bool{true, false} {
		for pattern := range newTestExporter(t, w, site{page: page}, slog.New(slog.DiscardHandler)).publicRoutes() {
			if pattern != "/" && !slices.Contains(listed, strings.TrimSuffix(pattern, "{$}")) { // the page's own are documented too
				t.Errorf("docs/api.md does not list %s", pattern)
			}
		}
	}
}

// proxied is an exporter as a browser sees it, perhaps behind a reverse proxy.
type proxied struct {
	*serving
	url string // of the page, without a slash at its end
}

// proxy serves what is below a path with an exporter. It replaces that path by another. The
// Host is the exporter's own, as nginx has it by default.
func proxy(t *testing.T, path, prefix string) (url string, forward func(exporter string)) {
	var backend *httputil.ReverseProxy
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasPrefix(r.URL.Path, path) {
			http.Error(w, "not for the exporter", http.StatusTeapot)
			return
		}
		backend.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	return server.URL + path, func(exporter string) {
		backend = &httputil.ReverseProxy{FlushInterval: -1, Rewrite: func(r *httputil.ProxyRequest) {
			r.Out.URL.Scheme, r.Out.URL.Host, r.Out.Host = "http", exporter, ""
			r.Out.URL.Path = prefix + strings.TrimPrefix(r.In.URL.Path, path)
			if r.In.URL.RawPath != "" {
				r.Out.URL.RawPath = prefix + strings.TrimPrefix(r.In.URL.RawPath, path)
			}
		}}
	}
}

// request returns the response, without following redirects, and its body if it ends.
func (p proxied) request(method, address string, header ...string) (*http.Response, string) {
	p.t.Helper()
	request, err := http.NewRequestWithContext(p.t.Context(), method, address, nil)
	if err != nil {
		p.t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		request.Header.Set(header[i], header[i+1])
	}
	client := &http.Client{
		Transport:     &http.Transport{DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	response, err := client.Do(request)
	if err != nil {
		p.t.Fatal(err)
	}
	defer response.Body.Close()
	if response.Header.Get("Content-Type") == "text/event-stream" { // which does not end
		return response, ""
	}
	body, err := io.ReadAll(response.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	return response, string(body)
}

// Every path, link and redirect works under a prefix, with proxies of every kind.
func TestPrefixes(t *testing.T) {
	for name, test := range map[string]struct {
		path, prefix string // of the page in a browser, and of requests at the exporter
		behind       bool   // a proxy
		args         func(external string) []string
	}{
		"none": {"", "", false, func(string) []string { return nil }},
		"a proxy that keeps the path": {"/vault/auth", "/vault/auth", true, func(external string) []string {
			return []string{"--web.external-url=" + external + "/"}
		}},
		"a proxy that removes the path": {"/vault/auth", "", true, func(external string) []string {
			return []string{"--web.external-url=" + external, "--web.route-prefix=/"}
		}},
		"a proxy that replaces the path": {"/vault/auth", "/inside", true, func(external string) []string {
			return []string{"--web.external-url=" + external, "--web.route-prefix=/inside/"}
		}},
		"a prefix alone": {"/vault-auth", "/vault-auth", false, func(string) []string { return []string{"--web.route-prefix=vault-auth"} }},
	} {
		t.Run(name, func(t *testing.T) {
			w := probetest.NewWorld(t)
			w.Vault.Change(func(v *probetest.Vault) { v.Sealed = true })
			setTarget(t, w.Target)
			t.Setenv("EXPORTER_TARGET_NAME", "prod/eu-1")
			external, forward := proxy(t, test.path, test.prefix)
			p := proxied{startServing(t, test.args(external)...), external}
			forward(p.metrics)
			if !test.behind {
				p.url = "http://" + p.metrics + test.path
			}
			p.eventually("first round", p.hasProbedAll)
			for _, route := range documented(t) {
				p.testRoute(route)
			}
			p.testLinks(test.path)
			p.testRedirects(test.path, test.prefix)
			if test.behind && !strings.Contains(p.out.String(), "runbook=\""+p.url+"/runbooks/vault_sealed?target=prod%2Feu-1\"") {
				t.Errorf("the log does not link to the runbook:\n%s", p.out)
			}
			if code, _ := p.get(p.health, "/healthz"); code != 200 {
				t.Errorf("/healthz = %d: the health listener has no prefix", code)
			}
		})
	}
}

func (p proxied) testRoute(route string) {
	method, path, _ := strings.Cut(route, " ")
	for _, target := range []string{"prod/eu-1", "prod%2Feu-1"} {
		path := strings.NewReplacer("{target}", target, "{reason}", "vault_sealed").Replace(path)
		response, body := p.request(method, p.url+path)
		if strings.HasSuffix(path, "/workloads") && response.StatusCode == http.StatusNotFound && strings.Contains(body, "EXPORTER_WORKLOADS") {
			continue // they are off
		}
		if response.StatusCode != 200 && (method != "POST" || response.StatusCode != http.StatusTooManyRequests) {
			p.t.Errorf("%s %s = %d %s", method, path, response.StatusCode, body)
		}
	}
}

var attribute = regexp.MustCompile(`(?:href|src|action)="([^"]*)"`)

// testLinks follows every link from page to page, and those of the API.
func (p proxied) testLinks(path string) {
	seen, next := map[string]bool{}, []string{p.url + "/", p.url + "/runbooks/vault_sealed?target=prod%2Feu-1"}
	for len(next) > 0 {
		address := next[0]
		next = next[1:]
		response, body := p.request("GET", address)
		if response.StatusCode != 200 {
			p.t.Errorf("GET %s = %d %s", address, response.StatusCode, body)
		}
		if !strings.HasPrefix(response.Header.Get("Content-Type"), "text/html") {
			continue
		}
		for _, match := range attribute.FindAllStringSubmatch(body, -1) {
			link := strings.ReplaceAll(match[1], "&amp;", "&")
			switch {
			case strings.HasPrefix(link, "#"), strings.HasPrefix(link, "data:"), strings.HasPrefix(link, "https://"), seen[link]:
			case strings.HasPrefix(link, path+"/"):
				seen[link] = true
				next = append(next, strings.TrimSuffix(p.url, path)+link)
			default:
				p.t.Errorf("%s links to %s, which is not below %s/", address, link, path)
			}
		}
	}
	for _, want := range []string{"/", "/metrics", "/config", "/static/script.js", "/targets/prod%2Feu-1", "/runbooks/vault_sealed"} {
		if !seen[path+want] {
			p.t.Errorf("no page links to %s", want)
		}
	}
	_, body := p.request("GET", p.url+"/api/v1/status")
	if runbook := regexp.MustCompile(`"runbook": "(.*)"`).FindStringSubmatch(body); runbook == nil {
		p.t.Errorf("the status has no runbook: %s", body)
	} else if strings.HasPrefix(runbook[1], p.url) {
		if response, body := p.request("GET", runbook[1]); response.StatusCode != 200 || !strings.Contains(body, "At prod/eu-1") {
			p.t.Errorf("the runbook of the API, %s, is %d %s", runbook[1], response.StatusCode, body)
		}
	}
}

func (p proxied) testRedirects(path, prefix string) {
	directly := "http://" + p.metrics
	for address, want := range map[string]string{
		p.url + "//targets//prod/eu-1": path + "/targets/prod/eu-1",
		p.url + "/targets":             path + "/targets/",
		directly + "/":                 prefix + "/",
		p.url:                          path + "/",
		directly + prefix + "/a/../":   path + "/",
	} {
		response, _ := p.request("GET", address)
		served := response.StatusCode == 200 && address+"/" == p.url+"/" || address == directly+"/" && prefix == "" || address == p.url && prefix == ""
		if got := response.Header.Get("Location"); got != want && !served {
			p.t.Errorf("%s = %d to %q, want %q", address, response.StatusCode, got, want)
		}
	}
	for _, outside := range []string{"/metrics", "/-/healthy", prefix + "x/metrics"} {
		if prefix == "" {
			break
		}
		if response, _ := p.request("GET", directly+outside); response.StatusCode != 404 {
			p.t.Errorf("%s = %d, want 404", outside, response.StatusCode)
		}
	}
}

// A page behind a reverse proxy that sends another Host is of the same origin. Others are not.
func TestOriginBehindAProxy(t *testing.T) {
	w := probetest.NewWorld(t)
	setTarget(t, w.Target)
	external, forward := proxy(t, "/vault-auth", "/vault-auth")
	p := proxied{startServing(t, "--web.external-url="+external), external}
	forward(p.metrics)
	p.eventually("first round", p.hasProbedAll)
	u, err := url.Parse(external)
	if err != nil {
		t.Fatal(err)
	}
	if response, body := p.request("POST", external+"/api/v1/probe/default", "Origin", "http://"+u.Host); response.StatusCode != 200 {
		t.Errorf("from the page: %d %s", response.StatusCode, body)
	}
	for name, header := range map[string][]string{
		"another port": {"Origin", "http://127.0.0.1:1"}, "another host": {"Origin", "http://evil.example"}, "no origin": {"Origin", "null"},
		"another site": {"Sec-Fetch-Site", "cross-site", "Origin", "https://evil.example"},
	} {
		if response, body := p.request("POST", external+"/api/v1/probe/default", header...); response.StatusCode != 403 || !strings.Contains(body, "another origin") {
			t.Errorf("from %s: %d %s, want 403", name, response.StatusCode, body)
		}
	}
}

// Behind a reverse proxy with another host, runs need authentication, which the proxy passes on.
func TestRunsBehindAProxy(t *testing.T) {
	users := t.TempDir() + "/web.yml"
	if err := os.WriteFile(users, []byte(usersFile), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		args []string
		want int
	}{
		"without authentication": {nil, http.StatusForbidden},
		"with":                   {[]string{"--web.config.file=" + users}, 200},
	} {
		t.Run(name, func(t *testing.T) {
			w := probetest.NewWorld(t)
			setTarget(t, w.Target)
			s := startServing(t, append(test.args, "--web.external-url=https://example.com/vault-auth")...)
			p := proxied{s, ""}
			response, body := p.request("POST", fmt.Sprintf("http://a:test@%s/vault-auth/api/v1/probe/default", s.metrics), "Origin", "https://example.com")
			if response.StatusCode != test.want {
				t.Errorf("%d %s, want %d", response.StatusCode, body, test.want)
			}
		})
	}
}

// What a flag refuses is said with its name, and what is allowed.
func TestSiteFlags(t *testing.T) {
	for arg, want := range map[string]string{
		"--web.external-url=ftp://example.com": "exporter: --web.external-url: \"ftp://example.com\" has another scheme; allowed: an absolute URL, https or http, such as https://example.com/vault-auth; see exporter --help\n",
		"--web.external-url=example.com":       "exporter: --web.external-url: \"example.com\" is not an absolute URL; allowed: an absolute URL, https or http, such as https://example.com/vault-auth; see exporter --help\n",
		"--web.route-prefix=/a b":              `exporter: --web.route-prefix: "/a b" is not a valid path of a page; allowed: a path of letters, digits and ._~-, such as /vault-auth; / is the root; see exporter --help` + "\n",
		"--web.route-prefix=https://host/a":    `exporter: --web.route-prefix: "https://host/a" is not a valid path of a page; allowed: a path of letters, digits and ._~-, such as /vault-auth; / is the root; see exporter --help` + "\n",
	} {
		var out transcript
		if code := run(t.Context(), []string{"serve", arg}, &out, &out); code != exitUsage || out.String() != want {
			t.Errorf("%s: %d\ngot  %swant %s", arg, code, &out, want)
		}
	}
}

// check links to the page of the exporter beside it, if that is served.
func TestCheckLinksToThePage(t *testing.T) {
	for page, want := range map[string]string{
		"true":  "https://example.com/vault-auth/runbooks/vault_sealed?target=default",
		"false": "https://github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/blob/main/docs/reasons.md#vault_sealed",
	} {
		w := probetest.NewWorld(t)
		w.Vault.Change(func(v *probetest.Vault) { v.Sealed = true })
		setTarget(t, w.Target)
		t.Setenv("EXPORTER_EXTERNAL_URL", "https://example.com/vault-auth/")
		t.Setenv("EXPORTER_STATUS_PAGE", page)
		for _, format := range []string{"text", "json", "junit"} {
			var out transcript
			if run(t.Context(), []string{"check", "--output=" + format}, &out, io.Discard); !strings.Contains(out.String(), want) {
				t.Errorf("page %s, %s: no link to %s:\n%s", page, format, want, &out)
			}
		}
	}
}
