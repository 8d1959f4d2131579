package config

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
)

// targetsFile writes a targets file; %s in an error that is wanted stands for it.
func targetsFile(t testing.TB, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "t.yaml")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func withFile(path string) vars { return minimal().but(vars{"EXPORTER_TARGETS_FILE": path}) }

func TestTargetsFile(t *testing.T) {
	file := targetsFile(t, `
- name: prod
  vault_mount: k8s/prod
  canary_audiences: [vault, "https://vault"]
  labels: {team: payments, region: 東}
- name: "2"
  interval: 2m
  timeout: ""
  follow_ups: false
  reviewer: accessreview
  reviewer_service_account: vault/vault-auth
  kubernetes_token_file: /own/token
`)
	c := mustLoad(t, withFile(file).but(vars{"EXPORTER_TIMEOUT": "20s"}))
	first := evidence.Target{
		Name:       "prod",
		Vault:      evidence.Vault{Addr: "https://vault.example.com:8200", Mount: "k8s/prod", Role: "canary"},
		Kubernetes: evidence.Kubernetes{Host: "https://kubernetes.example.com:6443"},
		Reviewer:   evidence.Origin{Source: evidence.SourceFile, TokenFile: "/etc/reviewer/token"},
		Canary:     evidence.Origin{Source: evidence.SourceFile, TokenFile: "/etc/canary/token", Audiences: []string{"vault", "https://vault"}},
		Interval:   time.Minute, Timeout: 20 * time.Second, Recheck: 10 * time.Second,
		ExpiryWarning: evidence.ExpiryWarning{Tokens: evidence.DefaultExpiryWarning, Certificates: evidence.DefaultExpiryWarning}, FollowUps: true, NegativeCanary: evidence.NegativeCanarySettings{Interval: time.Hour}, Labels: map[string]string{"team": "payments", "region": "東"},
	}
	second := first
	second.Name, second.Vault.Mount, second.Labels, second.Canary.Audiences = "2", "kubernetes", nil, nil
	second.Interval, second.Timeout, second.FollowUps = 2*time.Minute, 15*time.Second, false // empty: the built-in default
	second.Kubernetes.TokenFile = "/own/token"
	second.Reviewer = evidence.Origin{Source: evidence.SourceAccessReview, ServiceAccount: reviewing} // the environment's file is not used
	if diff := cmp.Diff([]evidence.Target{first, second}, c.Targets); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// documents are judged alike by the parser and, where beyond is not set, by the
// JSON Schema. FILE stands for the name of the file.
var documents = []struct {
	name, content string
	want          string // empty where it is valid
	beyond        bool   // only the parser can judge it
}{
	{name: "least", content: "- name: a"},
	{name: "the environment names it", content: "- {}"},
	{name: "JSON", content: `[{"name": "a"}, {"name": "b", "follow_ups": true}]`},
	{name: "audiences in a string", content: "- canary_audiences: vault,other"},
	{name: "labels", content: "- labels: {a: b, A_1: ' '}"},
	{name: "empty is the default", content: `- {vault_cacert: "", interval: "", reviewer: ""}`},

	{name: "nothing", content: "", want: "FILE:1: holds no target; allowed: " + allowedList},
	{name: "comment", content: "# none\n", want: "FILE:1: holds no target; allowed: " + allowedList},
	{name: "empty list", content: "[]", want: "FILE:1: holds no target; allowed: " + allowedList},
	{name: "mapping", content: "targets: []", want: "FILE:1: is a mapping; allowed: " + allowedList},
	{name: "string", content: "prod", want: "FILE:1: is a string; allowed: " + allowedList},
	{name: "string in the list", content: "- name: a\n- prod", want: "FILE:2: is a string; allowed: a mapping of keys, such as name: prod"},
	{name: "unknown key", content: "- name: a\n  vault_adr: x", want: `FILE:2: "vault_adr" is not known; did you mean vault_addr?`},
	{name: "unknown key of another kind", content: "- name: a\n  kubeconfig: x", want: `FILE:2: "kubeconfig" is not known; allowed: the keys in docs/configuration.md`},
	{name: "variable as a key", content: "- EXPORTER_VAULT_ROLE: x", want: `FILE:1: "EXPORTER_VAULT_ROLE" is not known; allowed: the keys in docs/configuration.md`},
	{name: "number as a name", content: "- name: 1", want: "FILE:1: name: is a number; allowed: a string; what looks like something else goes into quotes"},
	{name: "nothing as a value", content: "- name: a\n  vault_role:", want: "FILE:2: vault_role: is empty; allowed: a string; what looks like something else goes into quotes"},
	{name: "list as a value", content: "- vault_role: [a]", want: "FILE:1: vault_role: is a list; allowed: a string; what looks like something else goes into quotes"},
	{name: "string as a boolean", content: `- follow_ups: "true"`, want: "FILE:1: follow_ups: is a string; allowed: true or false"},
	{name: "no audience", content: "- canary_audiences: []", want: "FILE:1: canary_audiences: is empty; allowed: a list of at least one string, none with a comma"},
	{name: "number as an audience", content: "- canary_audiences: [1]", want: "FILE:1: canary_audiences: has an item that is not allowed; allowed: a list of at least one string, none with a comma"},
	{name: "name", content: "- name: a b", want: `FILE:1: name: "a b" is not a valid target name; allowed: up to 128 letters, digits and ._/- that begin and end with a letter or digit`},
	{name: "source", content: "- reviewer: none", want: `FILE:1: reviewer: "none" is not supported; allowed: accessreview, canary, file, secret, serviceaccount`},
	{name: "labels in a list", content: "- labels: [a]", want: "FILE:1: labels: is a list; allowed: a mapping of names to strings"},
	{name: "number as a label", content: "- labels:\n    tier: 1", want: `FILE:2: labels: "tier" is a number; allowed: a mapping of names to strings; what looks like something else goes into quotes`},
	{name: "name of a label", content: "- labels: {a-b: x}", want: `FILE:1: labels: "a-b" is not a valid label name; allowed: up to 63 letters, digits and _ that begin with a letter`},
	{name: "reserved name of a label", content: "- labels: {__name__: x}", want: `FILE:1: labels: "__name__" is not a valid label name; allowed: up to 63 letters, digits and _ that begin with a letter`},
	{name: "empty label", content: `- labels: {a: ""}`, want: `FILE:1: labels: "a" is empty or too long; allowed: 1 to 128 characters`},
	{name: "nine labels", content: "- labels: {a: x, b: x, c: x, d: x, e: x, f: x, g: x, h: x, i: x}", want: "FILE:1: labels: are 9; allowed: up to 8 for a target"},
	{name: "duration", content: "- interval: soon", want: `FILE:1: interval: "soon" is not a duration; allowed: 1s to 24h in Go's syntax, such as 60s or 1m30s`},
	{name: "http", content: "- kubernetes_host: http://x", want: "FILE:1: kubernetes_host: is http, over which a token would travel unencrypted; allowed: an absolute https URL, such as https://kubernetes.default.svc"},

	{name: "syntax", content: "- name: a\n- name: [", want: "FILE:2: is not YAML from here on; allowed: " + allowedList, beyond: true},
	{name: "tab", content: "- name: a\n\tvault_role: b", want: "FILE:2: is not YAML from here on; allowed: " + allowedList, beyond: true},
	{name: "end of the list", content: "- name: a\nname: b", want: "FILE:2: is not YAML from here on; allowed: " + allowedList, beyond: true},
	{name: "depth", content: strings.Repeat("[", 20_000), want: "FILE:1: is not YAML from here on; allowed: " + allowedList, beyond: true},
	{name: "empty document", content: "---\n...\n", want: "FILE:2: is empty; allowed: " + allowedList, beyond: true},
	{name: "two documents", content: "- name: a\n---\n- name: b", want: "FILE:2: holds a second document; allowed: " + allowedList, beyond: true},
	{name: "key twice", content: "- name: a\n  name: b", want: `FILE:2: "name" is given twice, in line 1 too; allowed: it once`, beyond: true},
	{name: "label twice", content: "- labels:\n    a: b\n    a: c", want: `FILE:3: labels: "a" is given twice, in line 2 too; allowed: it once`, beyond: true},
	{name: "alias", content: "- &a {name: a}\n- *a", want: "FILE:2: is an alias; allowed: a mapping of keys, such as name: prod", beyond: true},
	{name: "name twice", content: "- name: a\n- name: a", want: `FILE:2: name: "a" is the name of the target in line 1 too; allowed: a name that no other target has`, beyond: true},
	{name: "default name twice", content: "- {}\n- {}", want: `FILE:2: name: "default" is the name of the target in line 1 too; allowed: a name that no other target has`, beyond: true},
	{name: "unused key", content: "- reviewer: canary\n  reviewer_token_file: /x", want: "FILE:2: reviewer_token_file: is not used, since FILE:1: reviewer is canary; allowed: nothing, or a source that uses it", beyond: true},
	{name: "too short an interval", content: "- name: a\n  timeout: 58s", want: "FILE:1: interval: 1m0s is shorter than the longest run, 1m5s: the 58s of FILE:2: timeout, and 7s for follow-ups and revocation; allowed: 1m5s or more, or a timeout of 53s or less", beyond: true},
	{name: "credential", content: "- vault_role: " + jwt, want: "FILE:1: vault_role: holds a credential, or what looks like one, which is not repeated here; allowed: no credential in a variable: it goes into a file, and the variable names the file", beyond: true},
	{name: "credential in a label", content: "- labels: {a: " + jwt + "}", want: "FILE:1: labels: hold a credential, or what looks like one, which is not repeated here; allowed: no credential in a label", beyond: true},
}

var atAnyLine = regexp.MustCompile(`:[0-9]+:? `)

func TestDocuments(t *testing.T) {
	for _, d := range documents {
		t.Run(d.name, func(t *testing.T) {
			file := targetsFile(t, d.content)
			_, err := load(t, withFile(file))
			got := strings.ReplaceAll(errorText(err), fileName(file), "FILE")
			if diff := cmp.Diff(d.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// What the environment gets wrong is told once, under its own name; what is missing
// may come from either place, and is told where it is missing.
func TestMistakesOfBothPlaces(t *testing.T) {
	file := targetsFile(t, "- name: a\n- name: b\n  vault_role: r\n  interval: 90s\n")
	_, err := load(t, withFile(file).but(vars{"EXPORTER_VAULT_ROLE": "", "EXPORTER_INTERVAL": "1d", "EXPORTER_TIMEOUT": "89s"}))
	want := `EXPORTER_INTERVAL: "1d" is not a duration; allowed: 1s to 24h in Go's syntax, such as 60s or 1m30s
FILE:1: vault_role: is not set; allowed: ` + specOf("VAULT_ROLE").missing + `
FILE:4: interval: 1m30s is shorter than the longest run, 1m36s: the 1m29s of FILE:2: timeout (from EXPORTER_TIMEOUT), and 7s for follow-ups and revocation; allowed: 1m36s or more, or a timeout of 1m23s or less`
	if diff := cmp.Diff(want, strings.ReplaceAll(errorText(err), fileName(file), "FILE")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestTargetsFileThatCannotBeRead(t *testing.T) {
	for path, want := range map[string]string{
		"/no/such/t.yaml": "EXPORTER_TARGETS_FILE: reading /no/such/t.yaml: no such file or directory; allowed: the path of a YAML file with a list of targets",
		"/dev":            "EXPORTER_TARGETS_FILE: /dev is no regular file, but a directory; allowed: the path of a YAML file with a list of targets",
	} {
		if _, err := load(t, withFile(path)); errorText(err) != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

func TestReload(t *testing.T) {
	file := targetsFile(t, "- name: a\n")
	c := mustLoad(t, withFile(file).without("EXPORTER_VAULT_ADDR").but(vars{"VAULT_ADDR": "https://ambient"}))
	given(t, nil) // what is in the environment later plays no part
	write := func(content string) {
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("- name: b\n- name: a\n")
	again, err := c.Reload()
	if err != nil || len(again.Targets) != 2 || again.Targets[0].Name != "b" || again.Targets[1].Vault.Addr != "https://ambient" {
		t.Fatalf("got %+v, %v", again.Targets, err)
	}
	write("- nam: b\n")
	if _, err := again.Reload(); errorText(err) != fileName(file)+`:1: "nam" is not known; did you mean name?` {
		t.Errorf("got %v", err)
	}
}

func TestHash(t *testing.T) {
	hash := func(content string) uint64 { return mustLoad(t, withFile(targetsFile(t, content))).Hash() }
	one := hash("- name: a\n- name: b\n  labels: {x: y, z: w}\n")
	if other := hash("# another order\n- name: b\n  labels: {z: w, x: y}\n- name: a\n"); other != one {
		t.Errorf("the order counts: %d, %d", one, other)
	}
	if other := hash("- name: a\n- name: b\n  labels: {x: y, z: v}\n"); other == one {
		t.Error("a label does not count")
	}
	if one >= 1<<48 || uint64(float64(one)) != one {
		t.Errorf("%d does not fit a float64", one)
	}
}

func TestWrittenTargetsFile(t *testing.T) {
	file := targetsFile(t, "- name: a\n  labels: {team: \"yes\"}\n  vault_namespace: \"\"\n- name: \"1\"\n  canary_audiences: vault\n")
	v := withFile(file).but(vars{"EXPORTER_VAULT_NAMESPACE": "team"})
	want := mustLoad(t, v)
	var text bytes.Buffer
	if err := want.Write(&text); err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(text.String(), "# EXPORTER_TARGETS_FILE="+file+"\n") {
		t.Errorf("got %s", text.String())
	}
	again := mustLoad(t, v.but(vars{"EXPORTER_TARGETS_FILE": targetsFile(t, text.String())}))
	if diff := cmp.Diff(want.Targets, again.Targets); diff != "" {
		t.Errorf("fed back (-want +got):\n%s\n%s", diff, text.String())
	}
}

// Whatever the file holds, nothing panics, every mistake has its line, and none
// repeats a credential.
func FuzzTargetsFile(f *testing.F) {
	for _, d := range documents {
		f.Add(d.content, uint(0))
		f.Add(d.content, uint(1))
	}
	secret := []string{"", jwt, userinfo, marked["service token"]}
	env := environment{values: fuzzed(), names: keyNames{other: variableOf}}
	f.Fuzz(func(t *testing.T, content string, which uint) {
		if strings.Contains(content, "MARKED") {
			t.Skip("not the planted one")
		}
		content = strings.ReplaceAll(content, "a", "a"+secret[which%uint(len(secret))])
		_, _, mistakes := env.targets(targetsFile(t, content))
		for _, mistake := range mistakes {
			said := mistake.Error()
			if strings.Contains(said, "MARKED") || strings.ContainsAny(said, "\n\r") || !atAnyLine.MatchString(said) {
				t.Errorf("a mistake says %q", said)
			}
		}
	})
}
