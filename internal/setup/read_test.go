package setup

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/probetest"
)

const kubeconfigToken = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhZG1pbmlzdHJhdG9yIn0." + probetest.Mark

// cluster is a fake API server that answers as a real one does, page by page.
type cluster struct {
	mu       sync.Mutex // guards requests
	requests []string
	answers  map[string]string // by path
}

func newCluster() *cluster {
	return &cluster{answers: map[string]string{
		"/api/v1/namespaces/default/services/kubernetes":         `{"kind":"Service","spec":{"clusterIPs":["10.96.0.1","fd00::1"]}}`,
		"/api/v1/namespaces/default/configmaps/kube-root-ca.crt": `{"kind":"ConfigMap","data":{"ca.crt":` + quoted(certificate) + `}}`,
		"/.well-known/openid-configuration":                      `{"issuer":"https://kubernetes.default.svc.cluster.local"}`,
		"/api/v1/pods": `{"kind":"PodList","metadata":{"continue":"more"},"items":[
			{"metadata":{"namespace":"vault","name":"vault-agent-injector-0","labels":{"app.kubernetes.io/name":"vault","component":"webhook"}},"spec":{"serviceAccountName":"injector"}},
			{"metadata":{"namespace":"vault","name":"vault-0","labels":{"app.kubernetes.io/name":"vault","app.kubernetes.io/instance":"vault","component":"server"}},"spec":{"serviceAccountName":"vault"}}]}`,
		"/api/v1/pods?continue=more": `{"kind":"PodList","items":[
			{"metadata":{"namespace":"vault","name":"vault-1","labels":{"app.kubernetes.io/name":"vault","app.kubernetes.io/instance":"vault","component":"server"}},"spec":{"serviceAccountName":"vault"}}]}`,
		"/api/v1/namespaces/vault/services": `{"kind":"ServiceList","items":[
			{"metadata":{"namespace":"vault","name":"vault-agent-injector-svc"},"spec":{"clusterIP":"10.96.1.1","selector":{"app.kubernetes.io/name":"vault-agent-injector"},"ports":[{"name":"https","port":443,"targetPort":8080}]}},
			{"metadata":{"namespace":"vault","name":"v"},"spec":{"clusterIP":"None","selector":{"component":"server"},"ports":[{"name":"https","port":8200,"targetPort":8200}]}},
			{"metadata":{"namespace":"vault","name":"vault-active"},"spec":{"clusterIP":"10.96.1.2","selector":{"component":"server","vault-active":"true"},"ports":[{"name":"https","port":8200,"targetPort":8200}]}},
			{"metadata":{"namespace":"vault","name":"vault"},"spec":{"clusterIP":"10.96.1.3","selector":{"app.kubernetes.io/instance":"vault","component":"server"},
				"ports":[{"name":"https","port":8200,"targetPort":8200},{"name":"https-internal","port":8201,"targetPort":8201}]}}]}`,
		"/apis/rbac.authorization.k8s.io/v1/clusterrolebindings": `{"kind":"ClusterRoleBindingList","items":[
			{"metadata":{"name":"admin"},"roleRef":{"name":"cluster-admin"},"subjects":[{"kind":"ServiceAccount","namespace":"apps","name":"ci"}]},
			{"metadata":{"name":"vault"},"roleRef":{"name":"system:auth-delegator"},"subjects":[{"kind":"Group","name":"reviewers"},{"kind":"User","name":"system:serviceaccount:vault:vault"},{"kind":"ServiceAccount","namespace":"vault","name":"vault"}]}]}`,
		"/api/v1/secrets": `{"kind":"PartialObjectMetadataList","items":[
			{"metadata":{"namespace":"vault","name":"vault-token","annotations":{"kubernetes.io/service-account.name":"vault"}}}]}`,
		"/apis/authorization.k8s.io/v1/subjectaccessreviews": `{"kind":"SubjectAccessReview","status":{"allowed":true,"reason":"RBAC: allowed"}}`,
	}}
}

func (c *cluster) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path := r.URL.Path
	if next := r.URL.Query().Get("continue"); next != "" {
		path += "?continue=" + next
	}
	c.mu.Lock()
	c.requests = append(c.requests, r.Method+" "+path+" "+r.Header.Get("Accept"))
	answer, known := c.answers[path]
	c.mu.Unlock()
	switch {
	case r.Header.Get("Authorization") != "Bearer "+kubeconfigToken:
		probetest.Status(401, "Unauthorized", "Unauthorized")(w, r)
	case !known:
		probetest.Status(403, "Forbidden", r.URL.Path+" is forbidden")(w, r)
	default:
		probetest.JSON(200, answer)(w, r)
	}
}

func quoted(text string) string {
	encoded, err := json.Marshal(text)
	if err != nil {
		panic(err)
	}
	return string(encoded)
}

// administrator sets the environment of somebody who uses vault and kubectl, and returns the
// options of setup without flags.
func administrator(t *testing.T, w *probetest.World) Options {
	t.Helper()
	var ca string
	if content, err := os.ReadFile(w.Target.Kubernetes.CACert); err == nil {
		ca = w.File("ca.crt", string(content))
	}
	t.Setenv("HOME", t.TempDir())
	t.Setenv("KUBECONFIG", w.File("config", fmt.Sprintf(`apiVersion: v1
kind: Config
current-context: test
contexts: [{name: test, context: {cluster: test, user: admin}}]
clusters: [{name: test, cluster: {server: %q, certificate-authority: %q}}]
users: [{name: admin, user: {token: %q}}]
`, w.Target.Kubernetes.Host, ca, kubeconfigToken)))
	t.Setenv("VAULT_ADDR", w.Target.Vault.Addr)
	t.Setenv("VAULT_TOKEN", probetest.ReaderToken)
	return Options{VaultCACert: w.Target.Vault.CACert, Namespace: "monitoring", ServiceAccount: "vault-k8s-auth-exporter"}
}

// worldOf is a world with this API server, whose Vault has no role of the exporter yet.
func worldOf(t *testing.T, c http.Handler) *probetest.World {
	w := probetest.NewWorld(t)
	w.OnKubernetes("", c.ServeHTTP)
	w.Mount(func(m *probetest.Mount) { delete(m.Roles, "canary") })
	return w
}

func read(t *testing.T, o Options) (Input, Reads) {
	t.Helper()
	in, err := NewInput(o)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"VAULT_ADDR", "VAULT_TOKEN"} {
		if err := os.Unsetenv(name); err != nil {
			t.Fatal(err)
		}
	}
	return in, Read(t.Context(), in, "test")
}

func TestRead(t *testing.T) {
	c := newCluster()
	w := worldOf(t, c)
	w.Config(func(config *probetest.Config) { config.ReviewerJWT, config.DisableLocalCA = "", false })
	in, r := read(t, administrator(t, w))

	vault := r.Vault
	if vault.Health.Value.Version != "1.21.4" || !vault.Mount.Config.Ok() || vault.Mount.Type != "kubernetes" || !vault.Mount.Role.RefusedWith(404) {
		t.Errorf("Vault: %+v", vault)
	}
	want := Cluster{
		Access:       answered(w.Target.Kubernetes.Host),
		Vaults:       answered([]Server{{Product: "vault", Account: vaultAccount, URL: "https://vault.vault.svc:8200", Port: 8200}}),
		Addresses:    answered([]string{"10.96.0.1", "fd00::1"}),
		CA:           answered(certificate),
		KubeconfigCA: r.Cluster.KubeconfigCA,
		Issuer:       answered("https://kubernetes.default.svc.cluster.local"),
		Reviewers:    map[evidence.ServiceAccount]evidence.Fact[evidence.Access]{vaultAccount: answered(evidence.Access{Allowed: true, Why: "RBAC: allowed"})},
	}
	if diff := cmp.Diff(want, r.Cluster); diff != "" {
		t.Errorf("the cluster (-want +got):\n%s", diff)
	}
	if !strings.Contains(r.Cluster.KubeconfigCA, "BEGIN CERTIFICATE") {
		t.Error("the kubeconfig's CA was not read")
	}
	plan, err := Decide(in, r)
	if err != nil || plan.Target.Reviewer.Source != evidence.SourceAccessReview || len(plan.Warnings) > 0 {
		t.Errorf("%v, %+v", err, plan)
	}

	wantNoChange(t, c, w)
}

// With a stored token, it is searched for, without reading one.
func TestReadStoredReviewer(t *testing.T) {
	c := newCluster()
	w := worldOf(t, c)
	in, r := read(t, administrator(t, w))
	want := evidence.SecretKey{Namespace: "vault", Name: "vault-token", Key: "token"}
	if diff := cmp.Diff(answered(Delegators{Accounts: []evidence.ServiceAccount{vaultAccount, vaultAccount}, Others: []string{"Group reviewers"}}), r.Cluster.Delegators); diff != "" {
		t.Errorf("accounts (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(answered([]TokenSecret{{Secret: want, Account: vaultAccount}}), r.Cluster.TokenSecrets); diff != "" {
		t.Errorf("Secrets (-want +got):\n%s", diff)
	}
	if plan, err := Decide(in, r); err != nil || plan.Target.Reviewer.Secret != want {
		t.Errorf("%v, %+v", err, plan)
	}
	wantNoChange(t, c, w)
}

// wantNoChange requires that no request changed anything or asked for the content of Secrets.
func wantNoChange(t *testing.T, c *cluster, w *probetest.World) {
	t.Helper()
	for _, request := range c.requests {
		changes := !strings.HasPrefix(request, "GET ") && !strings.HasPrefix(request, "POST /apis/authorization.k8s.io/v1/subjectaccessreviews ")
		if changes || strings.Contains(request, "/secrets ") && !strings.HasSuffix(request, metadataOnly) {
			t.Errorf("the request %s", request)
		}
	}
	for _, path := range w.Vault.Requests() {
		if !slices.Contains([]string{"sys/health", "auth/kubernetes/config", "auth/kubernetes/role/canary", "sys/internal/ui/mounts/auth/kubernetes"}, path) {
			t.Errorf("Vault got the request %s", path)
		}
	}
}

func TestReadOffline(t *testing.T) {
	c := newCluster()
	w := worldOf(t, c)
	o := administrator(t, w)
	o.Offline = true
	if _, r := read(t, o); !cmp.Equal(r, Reads{}) || len(c.requests)+len(w.Vault.Requests()) > 0 {
		t.Errorf("%+v after %q, %q", r, c.requests, w.Vault.Requests())
	}
}

// What may not be read says so, and hides nothing else.
func TestReadRefusals(t *testing.T) {
	c := newCluster()
	for _, path := range []string{"/api/v1/namespaces/default/services/kubernetes", "/api/v1/secrets", "/.well-known/openid-configuration"} {
		delete(c.answers, path)
	}
	_, r := read(t, administrator(t, worldOf(t, c)))
	if !r.Cluster.Access.Ok() || !r.Cluster.Vaults.Ok() || !r.Cluster.Addresses.RefusedWith(403) || !r.Cluster.TokenSecrets.RefusedWith(403) || !r.Cluster.Issuer.RefusedWith(403) {
		t.Errorf("%+v", r.Cluster)
	}
	want := []string{
		"names of Secrets (403 /api/v1/secrets is forbidden)",
		"the Service kubernetes (403 /api/v1/namespaces/default/services/kubernetes is forbidden)",
		"the issuer (403 /.well-known/openid-configuration is forbidden)",
	}
	if diff := cmp.Diff(want, r.Cluster.refusals()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// The command line of a broken or an absent installation ends in a sentence, not in a panic.
func TestReadFailures(t *testing.T) {
	for name, c := range map[string]struct {
		arrange func(*testing.T, *Options, *probetest.World)
		want    func(Cluster) bool
	}{
		"no kubeconfig where KUBECONFIG is": {
			func(t *testing.T, _ *Options, _ *probetest.World) { t.Setenv("KUBECONFIG", "/no/such/file") },
			func(c Cluster) bool {
				return c.Access.State == evidence.NotAsked && c.NoKubeconfig == "there is no kubeconfig at /no/such/file"
			},
		},
		"a kubeconfig that is not there": {
			func(_ *testing.T, o *Options, _ *probetest.World) { o.Kubeconfig = "/no/such/file" },
			func(c Cluster) bool { return strings.Contains(c.Access.Failure.Text, "no such file or directory") },
		},
		"a context that is not there": {
			func(_ *testing.T, o *Options, _ *probetest.World) { o.Context = "other" },
			func(c Cluster) bool { return strings.Contains(c.Access.Failure.Text, `context "other" does not exist`) },
		},
		"a kubeconfig that is none": {
			func(t *testing.T, _ *Options, w *probetest.World) {
				t.Setenv("KUBECONFIG", w.File("config", "users: "+kubeconfigToken))
			},
			func(c Cluster) bool { return c.Access.Failed() },
		},
		"another server": {
			func(_ *testing.T, _ *Options, w *probetest.World) { w.OnKubernetes("", probetest.JSON(200, "<html>")) },
			func(c Cluster) bool { return c.Access.Failure.Text == "the answer is not the API server's" },
		},
		"a redirect": {
			func(_ *testing.T, _ *Options, w *probetest.World) {
				w.OnKubernetes("", func(rw http.ResponseWriter, r *http.Request) {
					http.Redirect(rw, r, "https://192.0.2.1/", http.StatusFound)
				})
			},
			func(c Cluster) bool {
				return c.Access.RefusedWith(http.StatusFound) && c.Vaults.State == evidence.NotAsked
			},
		},
		"a wrong token": {
			func(t *testing.T, _ *Options, w *probetest.World) {
				w.OnKubernetes("", probetest.Status(401, "Unauthorized", "Unauthorized"))
			},
			func(c Cluster) bool { return c.Access.RefusedWith(401) },
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := worldOf(t, newCluster())
			o := administrator(t, w)
			c.arrange(t, &o, w)
			in, r := read(t, o)
			if !c.want(r.Cluster) {
				t.Errorf("%+v", r.Cluster)
			}
			if _, err := Decide(in, r); err == nil || len(probetest.Leaks(err.Error(), kubeconfigToken)) > 0 {
				t.Errorf("the mistakes are %v", err)
			}
		})
	}
}

// Both servers put a credential wherever a text fits, Vault its own; neither a mistake nor an
// output has one. Every form is played with one of the two.
func TestNothingLeaks(t *testing.T) {
	const vaultToken = "hvs.CAESIJ0hTq8dWnYx3Lk2mVbQzR5sPfGc7oUe9aKi4DtXwZyBGh4KHGh2cy5BbHJ0"
	for parity, secret := range []string{vaultToken, kubeconfigToken} {
		traces, ofVault := probetest.Traces(secret), probetest.Traces(vaultToken)
		for i, form := range probetest.Forms() {
			if i%2 != parity {
				continue
			}
			c := newCluster()
			delete(c.answers, "/api/v1/namespaces/default/configmaps/kube-root-ca.crt") // long, and never printed
			echo := quoted(form.Encode(secret))
			for path, answer := range c.answers {
				c.answers[path] = strings.NewReplacer(`"vault"`, echo, `"vault-token"`, echo, `"https://kubernetes.default.svc.cluster.local"`, echo, `"RBAC: allowed"`, echo).Replace(answer)
			}
			w := worldOf(t, c)
			o := administrator(t, w)
			echo = quoted(form.Encode(vaultToken))
			w.OnVault("sys/health", probetest.JSON(200, `{"initialized":true,"version":`+echo+`,"server_time_utc":1}`))
			w.OnVault("auth/kubernetes/config", probetest.JSON(200, `{"data":{"kubernetes_host":`+echo+`,"issuer":`+echo+`,"kubernetes_ca_cert":`+echo+`,"pem_keys":[`+echo+`],"token_reviewer_jwt_set":true}}`))
			w.OnVault("auth/kubernetes/role/canary", probetest.JSON(200, `{"data":{"bound_service_account_names":[`+echo+`],"bound_service_account_namespaces":[`+echo+`]}}`))
			w.OnVault("sys/internal/ui/mounts/auth/kubernetes", probetest.JSON(200, `{"data":{"type":`+echo+`}}`))
			o.VaultTokenFile = w.File("token", vaultToken)
			in, r := read(t, o)
			in.CA, r.Cluster.KubeconfigCA = "", ""
			plan, err := Decide(in, r)
			outputs := fmt.Sprintf("%v %+v %#v\n%s", err, plan, r, plan.Shell())
			if found := traces(outputs) + ofVault(outputs); found != "" {
				t.Errorf("%s, secret %d: %q", form.Name, parity, found)
			}
		}
	}
}

func TestAllMistakesAtOnce(t *testing.T) {
	const want = `--vault-addr: has another scheme; allowed: an absolute URL, https (or http), such as https://vault.vault.svc:8200
--vault-mount: begins with auth/, which is not part of it; allowed: the path below auth/, such as kubernetes
--vault-role: holds a credential, or what looks like one, which is not repeated here; allowed: no credential in a variable: it goes into a file, and the variable names the file
--reviewer-secret: "vault" names no Secret; allowed: a Secret as namespace/name or namespace/name/key; the key is token by default
--reviewer-service-account: is not used, since --reviewer is secret; allowed: nothing, or a source that uses it
VAULT_ADDR: holds a user or a password; allowed: an absolute URL, https (or http), such as https://vault.vault.svc:8200, without either
--namespace: is not a valid namespace name; allowed: up to 63 lower case letters, digits and -
--service-account: is not a valid service account name here; allowed: up to 52 lower case letters, digits and -
--context: is not a valid context name, or looks like a credential; allowed: a context of the kubeconfig
--diagnostic-cidr: is not a network; allowed: an address or a network, such as 10.0.12.0/24
--vault-token-file: cannot be read: no such file or directory; allowed: the path of a file with a token of Vault`
	t.Setenv("VAULT_ADDR", "https://user:"+probetest.Mark+"@vault")
	_, err := NewInput(Options{
		VaultAddr: "ftp://vault", VaultMount: "auth/kubernetes", VaultRole: kubeconfigToken, ReviewerSecret: "vault", ReviewerServiceAccount: "vault/vault",
		Namespace: "Monitoring", ServiceAccount: kubeconfigToken, Context: kubeconfigToken, DiagnosticCIDRs: []string{"10.0.0.0/8", kubeconfigToken},
		VaultTokenFile: filepath.Join(t.TempDir(), kubeconfigToken),
	})
	if diff := cmp.Diff(want, err.Error()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestTokenOfVault(t *testing.T) {
	home := t.TempDir()
	t.Setenv("HOME", home)
	if in, err := NewInput(Options{Namespace: "a", ServiceAccount: "b"}); err != nil || !in.Token.IsZero() {
		t.Errorf("without a token: %v, %+v", err, in)
	}
	if err := os.WriteFile(filepath.Join(home, ".vault-token"), []byte("of vault login\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if in, err := NewInput(Options{Namespace: "a", ServiceAccount: "b"}); err != nil || in.Token.Reveal() != "of vault login" {
		t.Errorf("after vault login: %v, %+v", err, in)
	}
	t.Setenv("BAO_ADDR", "https://bao")
	t.Setenv("BAO_TOKEN", "of the environment")
	if in, err := NewInput(Options{Namespace: "a", ServiceAccount: "b"}); err != nil || in.Token.Reveal() != "of the environment" || in.CLI != "bao" || in.ReadAddr != "https://bao" {
		t.Errorf("with BAO_*: %v, %+v", err, in)
	}
}
