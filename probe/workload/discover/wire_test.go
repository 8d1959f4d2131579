package discover

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/workload"
)

const podList = "api/v1/pods"

// injected is a pod that logs in as its own account.
func injected(name string) string {
	return pods(name, `{vault.hashicorp.com/agent-inject: "true", vault.hashicorp.com/role: r}`, ``)
}

// many is a fake with so many pods that log in.
func many(t *testing.T, n int) *fakeCluster {
	var all strings.Builder
	for i := range n {
		all.WriteString(injected(fmt.Sprintf("p%04d", i)))
	}
	return cluster(t, all.String())
}

// fails answers with a status, and with a token to go on with if there is one.
func fails(status int, message, next string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		respond(w, status, map[string]any{"kind": "Status", "message": message, "metadata": map[string]string{"continue": next}})
	}
}

func (c *fakeCluster) asked(path string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := 0
	for _, r := range c.requests {
		if before, _, _ := strings.Cut(r, "?"); before == "/"+path {
			n++
		}
	}
	return n
}

func TestReadsEveryPage(t *testing.T) {
	c := many(t, 2*pageSize+1)
	i := c.reader(t).Read(t.Context())
	if len(i.Entries) != 2*pageSize+1 || c.asked(podList) != 3 {
		t.Errorf("%d logins after %d requests", len(i.Entries), c.asked(podList))
	}
	s := source(t, i, "pods")
	if s.State != workload.SourceRead || s.Objects != 2*pageSize+1 || s.Logins != 2*pageSize+1 || s.ReadAt.IsZero() || i.At.IsZero() {
		t.Errorf("%+v", s)
	}
}

// TestExpiredToken checks that a list goes on or begins anew where its continue token expired,
// and that no object counts twice.
func TestExpiredToken(t *testing.T) {
	for name, next := range map[string]string{"the API server proposes another token": "200", "it proposes none": ""} {
		t.Run(name, func(t *testing.T) {
			c, expired := many(t, 3*pageSize), false
			c.instead[podList] = func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Query().Get("continue") == "200" && !expired {
					expired = true
					fails(http.StatusGone, "The provided continue parameter is too old", next)(w, r)
					return
				}
				page(w, r, c.lists[podList])
			}
			i := c.reader(t).Read(t.Context())
			if s := source(t, i, "pods"); len(i.Entries) != 3*pageSize || s.Objects != 3*pageSize || s.State != workload.SourceRead || !expired {
				t.Errorf("%d logins: %+v", len(i.Entries), s)
			}
			for _, e := range i.Entries {
				if e.Objects[0].Pods != 1 {
					t.Errorf("%v counts %d times", e.Objects[0], e.Objects[0].Pods)
				}
			}
		})
	}
	t.Run("every token has expired", func(t *testing.T) {
		c := many(t, 1)
		c.instead[podList] = fails(http.StatusGone, "too old", "200")
		s := source(t, c.reader(t).Read(t.Context()), "pods")
		if s.State != workload.SourceFailed || c.asked(podList) > 9 {
			t.Errorf("%+v after %d requests", s, c.asked(podList))
		}
	})
}

// TestOneKindFails checks what a source says whose list fails, and that the others are read.
func TestOneKindFails(t *testing.T) {
	large := json.RawMessage(`{"metadata":{"namespace":"apps","name":"large","annotations":{"x":"` + strings.Repeat("x", maxPage) + `"}}}`)
	for _, c := range []struct {
		name   string
		answer http.HandlerFunc
		state  workload.SourceState
		text   string
	}{
		{"forbidden", fails(http.StatusForbidden, `pods is forbidden: User "x" cannot list`, ""), workload.SourceForbidden, "responded with 403: pods is forbidden"},
		{"rejected token", fails(http.StatusUnauthorized, "Unauthorized", ""), workload.SourceFailed, "401"},
		{"overloaded", fails(http.StatusTooManyRequests, "", ""), workload.SourceFailed, "429 Too Many Requests"},
		{"a redirect, with the token", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/elsewhere", http.StatusFound) }, workload.SourceFailed, "302"},
		{"HTML", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<html>") }, workload.SourceFailed, notKubernetes.text},
		{"another JSON", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{"pods": []}`) }, workload.SourceFailed, notKubernetes.text},
		{"an array", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `[]`) }, workload.SourceFailed, notKubernetes.text},
		{"items of another type", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{"items": "none"}`) }, workload.SourceFailed, notKubernetes.text},
		{"an object that is too large", func(w http.ResponseWriter, r *http.Request) { page(w, r, []json.RawMessage{large}) }, workload.SourceFailed, "too large"},
		{"our own token", fails(http.StatusForbidden, "no: "+ownToken, ""), workload.SourceForbidden, "no: "},
		{"another credential", fails(http.StatusForbidden, "hvs.CAESIPlantedPlantedPlantedPlanted", ""), workload.SourceForbidden, "403"},
	} {
		t.Run(c.name, func(t *testing.T) {
			fake := cluster(t, injected("a")+declared(`"kubernetes/web"`))
			fake.instead[podList] = c.answer
			i := fake.reader(t).Read(t.Context())
			s := source(t, i, "pods")
			if s.State != c.state || !strings.Contains(s.Error, c.text) || !s.ReadAt.IsZero() {
				t.Errorf("%+v", s)
			}
			if strings.Contains(s.Error, ownToken) || strings.Contains(s.Error, "Planted") {
				t.Errorf("a credential is shown: %s", s.Error)
			}
			if got := lines(i); !slices.Equal(got, []string{"kubernetes web apps/web < ServiceAccount apps/web"}) {
				t.Errorf("the other kinds: %q", got)
			}
		})
	}
}

// TestLargePages checks that pages of large objects are read in smaller parts.
func TestLargePages(t *testing.T) {
	c := many(t, 10)
	padding := strings.Repeat("x", 1<<20)
	for i, item := range c.lists[podList] {
		c.lists[podList][i] = json.RawMessage(strings.Replace(string(item), `"status"`, `"padding":"`+padding+`","status"`, 1))
	}
	i := c.reader(t).Read(t.Context())
	if s := source(t, i, "pods"); len(i.Entries) != 10 || s.Objects != 10 {
		t.Errorf("%d logins: %+v", len(i.Entries), s)
	}
}

// TestHangingServer checks that a server which does not answer is asked once.
func TestHangingServer(t *testing.T) {
	c := many(t, 1)
	ctx, cancel := context.WithCancel(t.Context())
	c.instead[podList] = func(_ http.ResponseWriter, r *http.Request) {
		cancel() // the caller's deadline
		<-r.Context().Done()
	}
	i := c.reader(t).Read(ctx)
	c.mu.Lock()
	requests := slices.Clone(c.requests)
	c.mu.Unlock()
	if len(requests) != 1 || len(i.Entries) != 0 {
		t.Errorf("%d logins after %q", len(i.Entries), requests)
	}
	for _, s := range i.Sources {
		if s.State != workload.SourceFailed || !strings.Contains(s.Error, "context canceled") {
			t.Errorf("%+v", s)
		}
	}
}

func TestNoServer(t *testing.T) {
	for want, target := range map[string]evidence.Kubernetes{
		"has no token":          {Host: "https://127.0.0.1:1"},
		"is not a URL":          {Host: "kubernetes"},
		"reading the CA bundle": {Host: "https://127.0.0.1:1", TokenFile: "wire_test.go", CACert: "none"},
		"no certificate in it":  {Host: "https://127.0.0.1:1", TokenFile: "wire_test.go", CACert: "wire_test.go"},
		"reading the token":     {Host: "https://127.0.0.1:1", TokenFile: "none"},
	} {
		i := InCluster(target, "test").Read(t.Context())
		if len(i.Sources) != len(Sources) || i.Sources[0].State != workload.SourceFailed || !strings.Contains(i.Sources[0].Error, want) {
			t.Errorf("%s: %+v", want, i.Sources)
		}
	}
}

// TestNotInstalled checks that a kind which the API server does not have is no failure, also
// where the exporter may not list it, and that one of a newer version is.
func TestNotInstalled(t *testing.T) {
	c := cluster(t, eso("SecretStore", "apps/s", `{provider: {}}`))
	c.lists["apis/cert-manager.io/v2/issuers"] = nil
	i := c.reader(t).Read(t.Context())
	for name, want := range map[string]workload.SourceState{
		"pods": workload.SourceRead, "secretstores.external-secrets.io": workload.SourceRead,
		"vaultauths.secrets.hashicorp.com": workload.SourceNotInstalled, "externalsecrets.external-secrets.io": workload.SourceNotInstalled,
		"pushsecrets.external-secrets.io": workload.SourceNotInstalled, "issuers.cert-manager.io": workload.SourceFailed, "clusterissuers.cert-manager.io": workload.SourceNotInstalled,
	} {
		if s := source(t, i, name); s.State != want || (s.Error != "") != (want == workload.SourceFailed) {
			t.Errorf("%+v, want %s", s, want)
		}
	}
	if n := c.asked("apis/secrets.hashicorp.com"); n != 1 {
		t.Errorf("a group was asked for %d times", n)
	}
	t.Run("where discovery is forbidden", func(t *testing.T) {
		c := cluster(t, of("external-secrets.io/v1beta1", "SecretStore", "apps/s", `{provider: {vault: {auth: {kubernetes: {role: r, serviceAccountRef: {name: sa}}}}}}`))
		c.instead["apis/external-secrets.io"] = fails(http.StatusForbidden, "forbidden", "")
		if got := lines(c.reader(t).Read(t.Context())); len(got) != 1 {
			t.Errorf("%q", got)
		}
	})
}

// TestMissingAccounts checks that a login is marked whose account does not exist, unless the accounts
// were not read.
func TestMissingAccounts(t *testing.T) {
	const injected = `{vault.hashicorp.com/agent-inject: "true", vault.hashicorp.com/role: `
	c := cluster(t, pods("web", injected+"exists}", ``)+pods("gone", injected+"deleted}", ``)+declared("kubernetes/declared"))
	missing := func(r *Reader) []string {
		var roles []string
		for _, e := range r.Read(t.Context()).Entries {
			if e.AccountMissing {
				roles = append(roles, e.Role)
			}
		}
		return roles
	}
	if got := missing(c.reader(t)); !slices.Equal(got, []string{"deleted"}) {
		t.Errorf("missing are the accounts of %q", got)
	}
	c.instead["api/v1/serviceaccounts"] = fails(http.StatusForbidden, "forbidden", "")
	if got := missing(c.reader(t)); got != nil {
		t.Errorf("without the accounts, missing are those of %q", got)
	}
}

// TestWrongTypes checks that an object which is not as documented is skipped by name, and
// that those after it are read.
func TestWrongTypes(t *testing.T) {
	c := cluster(t, vso("VaultAuth", "apps/wrong", `{method: kubernetes, mount: 7, kubernetes: [x]}`)+vso("VaultAuth", "apps/right", `{method: kubernetes, mount: m, kubernetes: {role: r, serviceAccount: sa}}`)+
		vso("VaultStaticSecret", "apps/s", `{vaultAuthRef: right}`))
	want := []string{"m r apps/sa < VaultAuth apps/right < VaultStaticSecret apps/s", "not VaultAuth apps/wrong: a field of it has another type than documented"}
	if diff := cmp.Diff(want, lines(c.reader(t).Read(t.Context()))); diff != "" {
		t.Error(diff)
	}
}

// TestOwners checks what a pod counts for.
func TestOwners(t *testing.T) {
	owned := func(name, labels, kind, owner, phase string) string {
		return `
---
{apiVersion: v1, kind: Pod, metadata: {namespace: apps, name: ` + name + `, creationTimestamp: "2026-11-26T22:00:05Z", labels: ` + labels + `, ownerReferences: [{kind: X, name: x}, {kind: ` + kind + `, name: ` + owner + `, controller: true}],
  annotations: {vault.hashicorp.com/agent-inject: "true", vault.hashicorp.com/role: r}}, status: {phase: ` + phase + `}}`
	}
	const scheduled = "29928840" // 2026-11-26T22:00
	c := cluster(t, owned("d-1", "{pod-template-hash: abc}", "ReplicaSet", "web-abc", "Running")+owned("d-2", "{pod-template-hash: def}", "ReplicaSet", "web-def", "Pending")+
		owned("d-3", "{pod-template-hash: def}", "ReplicaSet", "web-def", "Failed")+owned("r", "{rollouts-pod-template-hash: abc}", "ReplicaSet", "canary-abc", "Running")+
		owned("rs", "{}", "ReplicaSet", "bare", "Running")+owned("s", "{}", "StatefulSet", "db", "Running")+owned("ds", "{}", "DaemonSet", "agent", "Running")+
		owned("j", "{}", "Job", "migrate-20261126", "Running")+owned("done", "{}", "Job", "once", "Succeeded")+
		owned("c-1", "{}", "Job", "backup-"+scheduled, "Succeeded")+owned("n", "{}", "Node", "node-1", "Running"))
	want := []string{"kubernetes r apps/default < CronJob apps/backup < DaemonSet apps/agent ×1 < Deployment apps/web ×2 < Job apps/migrate-20261126 ×1 < Pod apps/n ×1 < ReplicaSet apps/bare ×1 < Rollout apps/canary ×1 < StatefulSet apps/db ×1"}
	if diff := cmp.Diff(want, lines(c.reader(t).Read(t.Context()))); diff != "" {
		t.Error(diff)
	}
}

// TestNoSecretGetsThrough plants credentials wherever an object can have one.
func TestNoSecretGetsThrough(t *testing.T) {
	const planted = "hvs.CAESIPlantedPlantedPlantedPlanted"
	c := cluster(t, pods("a", `{vault.hashicorp.com/agent-inject: "true", vault.hashicorp.com/role: r, other: `+planted+`, vault.hashicorp.com/auth-config-secret: `+planted+`}`,
		`containers: [{name: app, env: [{name: PASSWORD, value: `+planted+`}], args: [`+planted+`]}, {name: vault-agent, env: [{name: VAULT_CONFIG, value: "`+agentVariable+`"}, {name: VAULT_TOKEN, value: `+planted+`}]}]`)+
		pods("b", `{vault.hashicorp.com/agent-inject: "true", vault.hashicorp.com/role: `+planted+`}`, ``)+
		pods("c", `{vault.hashicorp.com/agent-inject: "true", vault.hashicorp.com/role: r, vault.hashicorp.com/service: "https://user:`+planted+`@vault:8200"}`, ``)+
		pods("d", `{vault.security.banzaicloud.io/vault-role: r, vault.security.banzaicloud.io/vault-path: "`+planted+`"}`, ``)+
		declared(`"`+planted+`"`)+eso("SecretStore", "apps/s", `{provider: {vault: {server: "`+planted+`", auth: {kubernetes: {role: r, serviceAccountRef: {name: sa}}}}}}`))
	i := c.reader(t).Read(t.Context())
	content, err := json.Marshal(i)
	if err != nil {
		t.Fatal(err)
	}
	if text := string(content) + fmt.Sprintf("%+v", i); strings.Contains(text, "Planted") {
		t.Errorf("a credential is in the inventory: %s", text)
	}
	if len(i.Entries) != 1 || len(i.Skipped) != 5 { // a's token is unknown
		t.Errorf("%q", lines(i))
	}
}

// TestListWithoutEnd checks that a list ends whose every page names another.
func TestListWithoutEnd(t *testing.T) {
	for want, items := range map[string]string{
		"there are more than 200000 objects": strings.Repeat("{},", 4_999) + "{}", "the list has more than 2000 pages": "",
	} {
		c, asked := cluster(t, ""), 0
		c.instead[podList] = func(w http.ResponseWriter, _ *http.Request) {
			asked++
			fmt.Fprintf(w, `{"metadata":{"continue":"%d"},"items":[%s]}`, asked, items)
		}
		s := source(t, c.reader(t).Read(t.Context()), "pods")
		if s.State != workload.SourceFailed || s.Error != want {
			t.Errorf("%+v after %d requests", s, asked)
		}
	}
}
