package discover

import (
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"go.yaml.in/yaml/v4"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/workload"
)

const ownToken = "the-exporters-own-token"

// fakeCluster is an API server at the wire: it discovers groups, and lists in pages.
type fakeCluster struct {
	// lists are the items by path without the query.
	lists map[string][]json.RawMessage
	// instead answers the requests for a path in place of the fake.
	instead map[string]http.HandlerFunc
	mu      sync.Mutex // guards requests
	// requests are the paths that were asked for, with their query.
	requests []string
}

// cluster returns a fake that has these objects, each a YAML document.
func cluster(t testing.TB, documents string) *fakeCluster {
	t.Helper()
	c := &fakeCluster{lists: map[string][]json.RawMessage{}, instead: map[string]http.HandlerFunc{}}
	for _, s := range Sources {
		if slices.Contains([]string{"", "apps", "batch", "storage.k8s.io"}, s.Group) { // of Kubernetes itself
			c.lists[s.path(s.Versions[0], "")] = nil
		}
	}
	for document := range strings.SplitSeq(documents, "\n---") {
		var o map[string]any
		if err := yaml.Unmarshal([]byte(document), &o); err != nil {
			t.Fatalf("%v\n%s", err, document)
		}
		if o == nil {
			continue
		}
		c.add(t, o)
	}
	return c
}

func (c *fakeCluster) add(t testing.TB, o map[string]any) {
	t.Helper()
	version, ok := o["apiVersion"].(string)
	if !ok {
		t.Fatalf("no apiVersion: %v", o)
	}
	group, _, _ := strings.Cut(version, "/")
	if group == "v1" {
		group = ""
	}
	for _, s := range Sources {
		if s.Kind == o["kind"] && s.Group == group {
			content, err := json.Marshal(o)
			if err != nil {
				t.Fatal(err)
			}
			version := version[strings.LastIndexByte(version, '/')+1:]
			c.lists[s.path(version, "")] = append(c.lists[s.path(version, "")], content)
			if metadata, ok := o["metadata"].(map[string]any); ok && metadata["namespace"] != nil {
				path := s.path(version, fmt.Sprint(metadata["namespace"]))
				c.lists[path] = append(c.lists[path], content)
			}
			return
		}
	}
	t.Fatalf("no source is %s in %s", o["kind"], group)
}

func (c *fakeCluster) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path := strings.TrimPrefix(r.URL.Path, "/")
	c.mu.Lock()
	c.requests = append(c.requests, r.URL.RequestURI())
	c.mu.Unlock()
	if r.Header.Get("Authorization") != "Bearer "+ownToken || r.Method != http.MethodGet {
		refuse(w, http.StatusUnauthorized, "Unauthorized")
		return
	}
	if answer := c.instead[path]; answer != nil {
		answer(w, r)
		return
	}
	if group, ok := strings.CutPrefix(path, "apis/"); ok && !strings.Contains(group, "/") {
		c.discover(w, group)
		return
	}
	if version, ok := strings.CutPrefix(path, "apis/"); ok && strings.Count(version, "/") == 1 {
		c.listResources(w, path)
		return
	}
	items, ok := c.lists[path]
	if before, in, namespaced := strings.Cut(path, "/namespaces/"); namespaced && !ok {
		_, plural, _ := strings.Cut(in, "/")
		_, ok = c.lists[before+"/"+plural] // a namespace has no objects, of a kind that there is
	}
	if !ok {
		refuse(w, http.StatusNotFound, "the server could not find the requested resource")
		return
	}
	page(w, r, items)
}

func (c *fakeCluster) discover(w http.ResponseWriter, group string) {
	var versions []any
	for path := range c.lists {
		if version, ok := strings.CutPrefix(path, "apis/"+group+"/"); ok {
			version, _, _ = strings.Cut(version, "/")
			versions = append(versions, map[string]string{"version": version})
		}
	}
	if versions == nil {
		refuse(w, http.StatusNotFound, "the server could not find the requested resource")
		return
	}
	respond(w, http.StatusOK, map[string]any{"kind": "APIGroup", "versions": versions})
}

func (c *fakeCluster) listResources(w http.ResponseWriter, path string) {
	resources := []any{}
	for list := range c.lists {
		if plural, ok := strings.CutPrefix(list, path+"/"); ok {
			resources = append(resources, map[string]string{"name": plural})
		}
	}
	respond(w, http.StatusOK, map[string]any{"kind": "APIResourceList", "resources": resources})
}

// page answers with the items of one page. Its continue token is the number of the next item.
func page(w http.ResponseWriter, r *http.Request, items []json.RawMessage) {
	limit, _ := strconv.Atoi(r.URL.Query().Get("limit"))
	from, _ := strconv.Atoi(r.URL.Query().Get("continue"))
	to, next := min(from+limit, len(items)), ""
	if to < len(items) {
		next = strconv.Itoa(to)
	}
	fmt.Fprintf(w, `{"kind":"List","metadata":{"continue":%q},"items":[`, next)
	for i, item := range items[from:to] {
		if i > 0 {
			_, _ = w.Write([]byte(","))
		}
		_, _ = w.Write(item)
	}
	_, _ = w.Write([]byte("]}\n"))
}

func respond(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}

func refuse(w http.ResponseWriter, status int, message string) {
	respond(w, status, map[string]any{"kind": "Status", "message": message})
}

// reader starts the fake and returns a reader of it.
func (c *fakeCluster) reader(t testing.TB) *Reader {
	t.Helper()
	server := httptest.NewTLSServer(c)
	t.Cleanup(server.Close)
	dir := t.TempDir()
	ca, token := filepath.Join(dir, "ca.crt"), filepath.Join(dir, "token")
	certificate := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	for name, content := range map[string][]byte{ca: certificate, token: []byte(ownToken + "\n")} {
		if err := os.WriteFile(name, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return InCluster(evidence.Kubernetes{Host: server.URL, CACert: ca, TokenFile: token}, "test")
}

// source returns what an inventory says of a source.
func source(t testing.TB, i workload.Inventory, name string) workload.Source {
	t.Helper()
	at := slices.IndexFunc(i.Sources, func(s workload.Source) bool { return s.Name == name })
	if at < 0 {
		t.Fatalf("no source %s", name)
	}
	return i.Sources[at]
}

// lines is an inventory as text: a line for each login and for each object that was skipped.
func lines(i workload.Inventory) []string {
	var all []string
	for _, e := range i.Entries {
		text := e.Mount + " " + e.Role + " " + e.ServiceAccount.String()
		for _, field := range []struct{ before, value string }{{" for ", e.Audiences}, {" in ", e.Namespace}, {" at ", e.Address}} {
			if field.value != "" {
				text += field.before + field.value
			}
		}
		for _, o := range e.Objects {
			text += " < " + objectText(o)
		}
		all = append(all, text)
	}
	for _, s := range i.Skipped {
		all = append(all, "not "+objectText(s.Object)+": "+s.Why)
	}
	return all
}

func objectText(o workload.Object) string {
	text := o.Kind + " " + key{o.Namespace, o.Name}.String()
	if o.Pods > 0 {
		text += fmt.Sprint(" ×", o.Pods)
	}
	return text
}
