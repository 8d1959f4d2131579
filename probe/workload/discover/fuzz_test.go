package discover

import (
	"encoding/base64"
	"net/url"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/workload"
)

// FuzzDeclaredLogins checks that whatever is parsed can be printed and written again.
func FuzzDeclaredLogins(f *testing.F) {
	for _, seed := range []string{
		"kubernetes/web", "a/b/c?audience=x&audience=y&namespace=n, auth/kubernetes/web\n\tx/y", "", ",,", "/", "//", "a//", "?audience=x", "a/b?", "a/b?%zz",
		"a/b?audience=%00", "a/b;c/d", "a/\x1b[31m", "a/b?x=\xff", "a/b?audience=x,y", strings.Repeat("a", 600) + "/b",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, declared string) {
		logins, err := parseLogins(declared)
		if err != nil && !strings.HasPrefix(err.Error(), "login ") {
			t.Errorf("%q: %v", declared, err)
		}
		for _, l := range logins {
			l.ServiceAccount = account("apps", "web")
			c, why := canonical(l)
			if why != "" {
				continue
			}
			for _, value := range []string{c.Mount, c.Role, c.Namespace, c.Audiences} {
				if strings.ContainsFunc(value, func(r rune) bool { return !unicode.IsPrint(r) }) {
					t.Errorf("%q has %q", declared, value)
				}
			}
			if again, why := canonical(c); again != c || why != "" {
				t.Errorf("%+v is not stable: %+v %s", c, again, why)
			}
		}
	})
}

// FuzzPod checks that no pod makes the reader fail, whatever its annotations and variables say.
func FuzzPod(f *testing.F) {
	f.Add("true", "web", "auth/kubernetes", "", "https://vault:8200", agentVariable)
	f.Add("true", "", "auth/", "root", "://", base64.StdEncoding.EncodeToString([]byte(`{"auto_auth":{"method":{"type":"kubernetes","config":{"role":7}}}}`)))
	f.Add("T", "r\x00", "auth/a b", "/", "http://u:p@h", "%%%")
	f.Add("T", "r", "auth/a b", "/", "http://u/p@h", "%%%")
	f.Fuzz(func(t *testing.T, inject, role, path, namespace, address, variable string) {
		var p pod
		p.Metadata.Namespace, p.Metadata.Name = "apps", "p"
		p.Metadata.Annotations = map[string]string{
			injectorPrefix + "agent-inject": inject, injectorPrefix + "role": role, injectorPrefix + "auth-path": path, injectorPrefix + "namespace": namespace,
			injectorPrefix + "service": address, "vault.security.banzaicloud.io/vault-role": role, "vault.security.banzaicloud.io/vault-path": path,
		}
		agent := container{Name: "vault-agent", Command: []string{"/vault/vault-env"}}
		agent.Env = append(agent.Env, struct{ Name, Value string }{"VAULT_CONFIG", variable}, struct{ Name, Value string }{"VAULT_ROLE", role})
		p.Spec.Containers = []container{agent}
		var facts podFacts
		facts.discard()
		facts.add(p)
		for _, e := range facts.found.sorted() {
			u, err := url.Parse(e.Address)
			if e.Mount == "" || e.Role == "" || err == nil && u.User != nil {
				t.Errorf("%+v", e)
			}
		}
	})
}

// TestSourcesAreComplete checks what a role, the documentation and the lab take from Sources,
// and that each login is counted for one of them.
func TestSourcesAreComplete(t *testing.T) {
	var names []string
	for _, s := range Sources {
		if s.Kind == "" || s.Plural == "" || len(s.Versions) == 0 || s.Software == "" || s.Reads == "" || s.list == nil {
			t.Errorf("%+v", s)
		}
		if s.Plural == "secrets" || strings.ToLower(s.Plural) != s.Plural {
			t.Errorf("it reads %s", s.Plural)
		}
		names = append(names, s.Name())
	}
	if unique := slices.Compact(slices.Sorted(slices.Values(names))); len(unique) != len(names) {
		t.Errorf("a source occurs twice: %q", names)
	}
	for _, known := range []string{podSource, "serviceaccounts", vaultAuthSource, providerClassSource, "issuers." + certManagerGroup, "clusterissuers." + certManagerGroup,
		"secretstores." + externalSecretsGroup, "clustersecretstores." + externalSecretsGroup, "externalsecrets." + externalSecretsGroup, "pushsecrets." + externalSecretsGroup,
		"vaultdynamicsecrets." + generatorsGroup, "clustergenerators." + generatorsGroup, "vaultauthglobals." + operatorGroup,
		"vaultstaticsecrets." + operatorGroup, "vaultdynamicsecrets." + operatorGroup, "vaultpkisecrets." + operatorGroup, "csisecrets." + operatorGroup} {
		if !slices.Contains(names, known) {
			t.Errorf("no source is %s", known)
		}
	}
}

// TestLooksLikeACredential checks that ordinary names are none.
func TestLooksLikeACredential(t *testing.T) {
	for _, role := range []string{"token-reader", "secret-admin", "jwt", "basic", "my-app-production-eu-west-1", "team/app.role@x", "A_b-C.9"} {
		l := workload.Login{Mount: "k8s/token", Role: role, ServiceAccount: account("apps", "web"), Address: "https://vault.example.com:8200/prefix",
			Audiences: "https://oidc.eks.eu-west-1.amazonaws.com/id/ABCDEF0123456789ABCDEF0123456789"}
		if _, why := canonical(l); why != "" {
			t.Errorf("%s: %s", role, why)
		}
	}
	for _, role := range []string{"hvs.CAESIJplantedPlanted1234567890", "eyJhbGciOiJSUzI1NiIsImtpZCI6IiJ9"} {
		if _, why := canonical(workload.Login{Mount: "m", Role: role, ServiceAccount: account("apps", "web")}); why != "its role looks like a credential" {
			t.Errorf("%s: %q", role, why)
		}
	}
}
