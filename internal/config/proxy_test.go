package config

import (
	"strings"
	"testing"
)

// net/http ignores a malformed proxy, and sends the requests past it.
func TestMalformedProxies(t *testing.T) {
	const password = "hunter2"
	for _, test := range []struct{ name, value, want string }{
		{"HTTPS_PROXY", "http://proxy.example.com:3128", ""},
		{"HTTPS_PROXY", "http://user:" + password + "@proxy:3128/", ""},
		{"HTTPS_PROXY", "https://proxy", ""},
		{"https_proxy", "socks5h://[::1]:1080", ""},
		{"HTTP_PROXY", "proxy:3128", ""},
		{"HTTP_PROXY", " ", ""},
		{"HTTPS_PROXY", "http://user:" + password + "@proxy:3128\n", "is not the URL of a proxy"},
		{"HTTPS_PROXY", "http://user:" + password + "%@proxy:3128", "is not the URL of a proxy"},
		{"https_proxy", "http://proxy:port", "has an impossible port"},
		{"HTTP_PROXY", "ftp://user:" + password + "@proxy", "has another scheme"},
		{"HTTPS_PROXY", "http:///proxy", "has an impossible port"},
		{"HTTPS_PROXY", "http://<proxy>", "has no host, or an impossible one"},
		{"HTTPS_PROXY", "http://proxy:99999", "has an impossible port"},
		{"NO_PROXY", ".svc,.cluster.local, 10.0.0.0/8,127.0.0.1,*.example.com,vault:8200,[::1]:80,10.0.*", ""},
		{"NO_PROXY", "*", ""},
		{"no_proxy", "https://vault.vault.svc", "has a URL as an entry"},
		{"NO_PROXY", "10.0.0.0/33", "has an entry with a slash that is not a network"},
		{"NO_PROXY", ".svc .local", "has an entry that is not a host, domain, address or network"},
		{"NO_PROXY", ".svc;.local", "has an entry that is not a host, domain, address or network"},
	} {
		t.Run(test.name+" "+test.value, func(t *testing.T) {
			for _, name := range []string{"HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY"} {
				t.Setenv(name, "")
				t.Setenv(strings.ToLower(name), "")
			}
			if strings.EqualFold(test.name, "NO_PROXY") {
				t.Setenv("HTTPS_PROXY", "http://proxy:3128")
			}
			t.Setenv(test.name, test.value)
			_, err := load(t, minimal())
			switch got := errorText(err); {
			case test.want == "" && err != nil, test.want != "" && !strings.HasPrefix(got, test.name+": "+test.want+"; allowed: "):
				t.Errorf("got %v, want %q", err, test.want)
			case strings.Contains(got, password):
				t.Errorf("the error repeats a password: %v", err)
			}
		})
	}
}

// Without a proxy NO_PROXY, which clusters inject, has no effect.
func TestNoProxyWithoutProxy(t *testing.T) {
	for _, name := range []string{"HTTPS_PROXY", "HTTP_PROXY", "https_proxy", "http_proxy"} {
		t.Setenv(name, "")
	}
	t.Setenv("NO_PROXY", "http://x y")
	mustLoad(t, minimal())
}
