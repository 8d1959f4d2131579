package bench

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
)

// serversVariable, if set in the environment, makes this test binary run the servers instead of
// tests.
const serversVariable = "BENCH_SERVERS"

func TestMain(m *testing.M) {
	if os.Getenv(serversVariable) != "" {
		serve()
		return
	}
	os.Exit(m.Run())
}

// servers has what a client needs in order to connect.
type servers struct {
	Vault, Kubernetes string
	CA                string // PEM; both servers have the same certificate
}

// serve responds as a healthy Vault and a healthy API server do, with constant bodies, until
// standard input ends.
func serve() {
	vault, kubernetes := newServer(answers(vaultAnswers(), vaultRefusal)), newServer(answers(kubernetesAnswers(), kubernetesRefusal))
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: vault.Certificate().Raw})
	_ = json.NewEncoder(os.Stdout).Encode(servers{vault.URL, kubernetes.URL, string(ca)})
	_, _ = io.Copy(io.Discard, os.Stdin)
}

// newServer offers HTTP/2, as Vault and the API server do.
func newServer(handler http.Handler) *httptest.Server {
	server := httptest.NewUnstartedServer(handler)
	server.EnableHTTP2 = true
	server.StartTLS()
	return server
}

type answer struct {
	status int
	body   string
}

// hangPath makes a server hang: it responds to no later request.
const hangPath = "/hang"

// What the servers answer to a token that may not do what it asks for.
var (
	vaultRefusal      = answer{403, `{"errors":["1 error occurred:\n\t* permission denied\n\n"]}`}
	kubernetesRefusal = answer{403, `{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"forbidden","reason":"Forbidden","code":403}`}
)

func answers(by map[string]answer, refusal answer) http.Handler {
	var hangs atomic.Bool
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		if hangs.Load() {
			<-r.Context().Done()
			return
		}
		if r.URL.Path == hangPath {
			hangs.Store(true)
			return
		}
		a, known := by[r.URL.Path]
		if !known {
			a = refusal
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(a.status)
		_, _ = io.WriteString(w, a.body)
	})
}

const (
	healthPath     = "/v1/sys/health"
	loginPath      = "/v1/auth/kubernetes/login"
	revokePath     = "/v1/auth/token/revoke-self"
	reviewPath     = "/apis/authentication.k8s.io/v1/tokenreviews"
	selfReviewPath = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
	accessPath     = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
)

// Every tenth run also asks what the reviewer and the login's token may do, and reads the mount's
// configuration, which a token with Vault's policy default may not.
const (
	everyRuns        = 10
	rulesPath        = "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews"
	mountPath        = "/v1/sys/internal/ui/mounts/auth/kubernetes"
	configPath       = "/v1/auth/kubernetes/config"
	capabilitiesPath = "/v1/sys/capabilities-self"
)

// vaultToken is as long as one of Vault's service tokens and as random: what the exporter pays for
// keeping it out of texts depends on that.
var vaultToken = func() string {
	random := make([]byte, 68)
	_, _ = rand.NewChaCha8([32]byte{}).Read(random)
	return "hvs." + base64.RawURLEncoding.EncodeToString(random)
}()

func vaultAnswers() map[string]answer {
	return map[string]answer{
		healthPath: {200, fmt.Sprintf(`{"initialized":true,"sealed":false,"standby":false,"version":"1.21.4","server_time_utc":%d}`, time.Now().Unix())},
		loginPath: {200, `{"auth":{"client_token":"` + vaultToken + `","accessor":"Qb3sXn0fTzL7cWk2RmVu9eYa","token_type":"service","lease_duration":60,` +
			`"policies":["default"],"metadata":{"role":"canary","service_account_name":"canary"}}}`},
		revokePath:       {204, ""},
		capabilitiesPath: {200, capabilities()},
	}
}

// guarded are the paths that the exporter asks about.
func guarded() []string {
	return evidence.GuardedPaths(evidence.Vault{Mount: "kubernetes", Role: "canary"})
}

// capabilities is Vault's answer for a token that may do nothing at these paths. It lists them twice: at
// the top and in data.
func capabilities() string {
	none := map[string]any{}
	for _, path := range guarded() {
		none[path] = []string{"deny"}
	}
	none["data"] = maps.Clone(none)
	body, _ := json.Marshal(none)
	return string(body)
}

func kubernetesAnswers() map[string]answer {
	return map[string]answer{
		reviewPath: {201, `{"kind":"TokenReview","apiVersion":"authentication.k8s.io/v1","metadata":{},"spec":{},"status":{"authenticated":true,` +
			`"user":{"username":"system:serviceaccount:monitoring:canary","uid":"` + uidOf["canary"] + `"},"audiences":["vault"]}}`},
		selfReviewPath: {201, `{"kind":"SelfSubjectReview","apiVersion":"authentication.k8s.io/v1","metadata":{},` +
			`"status":{"userInfo":{"username":"system:serviceaccount:vault:vault-auth"}}}`},
		accessPath: {201, `{"kind":"SelfSubjectAccessReview","apiVersion":"authorization.k8s.io/v1","metadata":{},"spec":{},"status":{"allowed":true}}`},
		rulesPath: {201, `{"kind":"SelfSubjectRulesReview","apiVersion":"authorization.k8s.io/v1","metadata":{},"spec":{},"status":{"resourceRules":[` +
			`{"verbs":["create"],"apiGroups":["authentication.k8s.io"],"resources":["tokenreviews"]},` +
			`{"verbs":["create"],"apiGroups":["authorization.k8s.io"],"resources":["subjectaccessreviews"]},` +
			`{"verbs":["create"],"apiGroups":["authorization.k8s.io"],"resources":["selfsubjectaccessreviews","selfsubjectrulesreviews"]},` +
			`{"verbs":["create"],"apiGroups":["authentication.k8s.io"],"resources":["selfsubjectreviews"]}],` +
			`"nonResourceRules":[{"verbs":["get"],"nonResourceURLs":["/api","/api/*","/apis","/apis/*","/healthz","/livez","/openapi","/openapi/*","/readyz","/version"]}],` +
			`"incomplete":false}}`},
	}
}

// startServers starts the servers in a process that ends with the benchmark.
func startServers(b *testing.B) servers {
	b.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), serversVariable+"=1")
	stdin, err := cmd.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		_ = stdin.Close()
		_ = cmd.Wait()
	})
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		b.Fatal(err)
	}
	var s servers
	if err := json.NewDecoder(strings.NewReader(line)).Decode(&s); err != nil {
		b.Fatal(err)
	}
	return s
}

// file writes a file that is removed after the benchmark.
func file(b testing.TB, name, content string) string {
	b.Helper()
	path := filepath.Join(b.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		b.Fatal(err)
	}
	return path
}
