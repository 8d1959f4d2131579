package probetest

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/go-jose/go-jose/v4"
)

// APIServerAudience is the audience that the fake API server requires of its callers'
// tokens. It is also the issuer of its tokens.
const APIServerAudience = "https://kubernetes.default.svc"

// anonymous is the user of a caller without a token.
const anonymous = "system:anonymous"

// Kubernetes is a fake API server. It authenticates tokens by their claims, their signature
// and the objects that exist, and authorizes callers by their grants.
type Kubernetes struct {
	mu sync.Mutex // guards the fields below

	// Accounts, Pods and Secrets map namespace/name of each existing object to its UID. The
	// Secret of a legacy token maps to the token instead.
	Accounts, Pods, Secrets map[string]string
	// Unused has the Secrets, as namespace/name, that are marked as unused for long.
	Unused map[string]bool
	// OlderKeys are accepted besides the cluster's own key.
	OlderKeys []*Key
	// TriesAllKeys is what Kubernetes before 1.31 does with a token whose key it does not know.
	TriesAllKeys bool
	// Users is an identity provider whose users the API server authenticates too, nil if there is none.
	Users *IdentityProvider
	// Labels maps each existing namespace to its labels.
	Labels map[string]map[string]string
	// Static maps tokens that are not JWTs to usernames.
	Static map[string]string
	// Grants maps a username or group to its cluster-wide permissions, such as "create
	// tokenreviews"; "* *" is everything.
	Grants map[string][]string
	// Dangling maps a username to the ClusterRole of its binding if that role does not
	// exist.
	Dangling map[string]string
	// Webhook adds an authorizer that does not list its rules, and grants nothing.
	Webhook bool
	// NextKey is a key that the cluster already announces, nil if there is none.
	NextKey *Key
	// Handlers replace the fake's response for a resource, such as "tokenreviews"; "" is
	// every resource.
	Handlers map[string]http.HandlerFunc

	routes   *http.ServeMux
	requests []string
}

func newKubernetes() *Kubernetes {
	k := &Kubernetes{
		Accounts: map[string]string{}, Pods: map[string]string{}, Secrets: map[string]string{}, Unused: map[string]bool{},
		Labels: map[string]map[string]string{}, Static: map[string]string{},
		Grants: map[string][]string{}, Dangling: map[string]string{},
		Handlers: map[string]http.HandlerFunc{},
		routes:   http.NewServeMux(),
	}
	for pattern, answer := range map[string]func(http.ResponseWriter, *http.Request, string){
		"POST /apis/authentication.k8s.io/v1/tokenreviews":                 k.review,
		"POST /apis/authentication.k8s.io/v1/selfsubjectreviews":           k.identity,
		"POST /apis/authorization.k8s.io/v1/selfsubjectaccessreviews":      k.selfAccess,
		"POST /apis/authorization.k8s.io/v1/selfsubjectrulesreviews":       k.selfRules,
		"POST /apis/authorization.k8s.io/v1/subjectaccessreviews":          k.access,
		"GET /api/v1/namespaces/{namespace}":                               k.namespace,
		"GET /api/v1/namespaces/{namespace}/serviceaccounts/{name}":        k.serviceAccount,
		"POST /api/v1/namespaces/{namespace}/serviceaccounts/{name}/token": k.mint,
		"GET /openid/v1/jwks": k.signingKeys,
		"/":                   k.elsewhere,
	} {
		k.routes.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) { k.asCaller(w, r, answer) })
	}
	return k
}

// Change modifies the fake while it serves requests.
func (k *Kubernetes) Change(change func(*Kubernetes)) {
	k.mu.Lock()
	defer k.mu.Unlock()
	change(k)
}

// Requests lists the resources that the exporter requested, in order. Requests of the fake
// Vault are not included.
func (k *Kubernetes) Requests() []string {
	k.mu.Lock()
	defer k.mu.Unlock()
	return slices.Clone(k.requests)
}

func (k *Kubernetes) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	resource := resourceOf(r.URL.Path)
	k.mu.Lock()
	if r.UserAgent() != pluginAgent {
		k.requests = append(k.requests, resource)
	}
	override := firstHandler(k.Handlers, resource)
	k.mu.Unlock()
	if override != nil {
		override(w, r)
		return
	}
	k.routes.ServeHTTP(w, r)
}

// resourceOf returns the resource in a path: the last segment that is not an object's name.
func resourceOf(path string) string {
	words := strings.Split(strings.TrimPrefix(path, "/api/v1/"), "/")
	if strings.HasPrefix(path, "/api/v1/") && len(words)%2 == 0 {
		return words[len(words)-2]
	}
	return words[len(words)-1]
}

func firstHandler(handlers map[string]http.HandlerFunc, key string) http.HandlerFunc {
	if h := handlers[key]; h != nil {
		return h
	}
	return handlers[""]
}

// asCaller authenticates the caller and lets answer respond for that user.
func (k *Kubernetes) asCaller(w http.ResponseWriter, r *http.Request, answer func(http.ResponseWriter, *http.Request, string)) {
	k.mu.Lock()
	defer k.mu.Unlock()
	user := anonymous
	if bearer, sent := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); sent {
		caller, err := k.authenticate(bearer, nil)
		if err != nil {
			writeStatus(w, 401, "Unauthorized", "Unauthorized")
			return
		}
		user = caller.username
	}
	answer(w, r, user)
}

func (k *Kubernetes) review(w http.ResponseWriter, r *http.Request, user string) {
	if !k.permit(w, user, request{verb: "create", group: "authentication.k8s.io", resource: "tokenreviews"}) {
		return
	}
	var question struct {
		Spec struct {
			Token     string
			Audiences []string
		}
	}
	if !readJSON(w, r, &question) {
		return
	}
	writeObject(w, "authentication.k8s.io/v1", "TokenReview", k.reviewed(question.Spec.Token, question.Spec.Audiences))
}

func (k *Kubernetes) reviewed(token string, audiences []string) map[string]any {
	found, err := k.authenticate(token, audiences)
	if err != nil {
		return map[string]any{"error": err.Error()}
	}
	return map[string]any{
		"authenticated": true, "audiences": found.audiences,
		"user": map[string]any{"username": found.username, "uid": found.uid},
	}
}

func (k *Kubernetes) identity(w http.ResponseWriter, _ *http.Request, user string) {
	writeObject(w, "authentication.k8s.io/v1", "SelfSubjectReview", map[string]any{"userInfo": map[string]any{"username": user}})
}

// noResource is the response for a resource that the API server does not offer.
func noResource(w http.ResponseWriter, _ *http.Request) {
	writeStatus(w, 404, "NotFound", "the server could not find the requested resource")
}

func (k *Kubernetes) namespace(w http.ResponseWriter, r *http.Request, user string) {
	name := r.PathValue("namespace")
	if !k.permit(w, user, request{verb: "get", resource: "namespaces", namespace: name, name: name}) {
		return
	}
	labels, exists := k.Labels[name]
	if !exists {
		writeNotFound(w, "namespaces", name)
		return
	}
	writeJSON(w, http.StatusOK, map[string]any{
		"apiVersion": "v1", "kind": "Namespace", "metadata": map[string]any{"name": name, "labels": labels},
	})
}

func (k *Kubernetes) serviceAccount(w http.ResponseWriter, r *http.Request, user string) {
	namespace, name := r.PathValue("namespace"), r.PathValue("name")
	if !k.permit(w, user, request{verb: "get", resource: "serviceaccounts", namespace: namespace, name: name}) {
		return
	}
	uid, exists := k.Accounts[namespace+"/"+name]
	if !exists {
		writeNotFound(w, "serviceaccounts", name)
		return
	}
	writeJSON(w, http.StatusOK, map[string]any{
		"apiVersion": "v1", "kind": "ServiceAccount", "metadata": map[string]any{"name": name, "namespace": namespace, "uid": uid},
	})
}

// mint responds to a TokenRequest.
func (k *Kubernetes) mint(w http.ResponseWriter, r *http.Request, user string) {
	namespace, name := r.PathValue("namespace"), r.PathValue("name")
	if !k.permit(w, user, request{verb: "create", resource: "serviceaccounts", subresource: "token", namespace: namespace, name: name}) {
		return
	}
	var question struct{ Spec struct{ Audiences []string } }
	if !readJSON(w, r, &question) {
		return
	}
	uid, exists := k.Accounts[namespace+"/"+name]
	if !exists {
		writeNotFound(w, "serviceaccounts", name)
		return
	}
	token := accountToken(namespace, name, orDefault(question.Spec.Audiences)...)
	token.UID = uid
	writeObject(w, "authentication.k8s.io/v1", "TokenRequest", map[string]any{"token": token.String()})
}

// signingKeys responds to every service account, as system:service-account-issuer-discovery
// permits by default.
func (k *Kubernetes) signingKeys(w http.ResponseWriter, r *http.Request, user string) {
	if !strings.HasPrefix(user, "system:serviceaccount:") {
		k.elsewhere(w, r, user)
		return
	}
	var set jose.JSONWebKeySet
	for _, key := range []*Key{clusterKey(), k.NextKey} {
		if key != nil {
			set.Keys = append(set.Keys, jose.JSONWebKey{Key: key.private.Public(), KeyID: key.id, Algorithm: "RS256", Use: "sig"})
		}
	}
	writeJSON(w, http.StatusOK, set)
}

// elsewhere responds to paths that belong to no resource.
func (k *Kubernetes) elsewhere(w http.ResponseWriter, r *http.Request, user string) {
	if !k.may("* *", user) {
		writeStatus(w, 403, "Forbidden", `forbidden: User "`+user+`" cannot `+strings.ToLower(r.Method)+` path "`+r.URL.Path+`"`)
		return
	}
	http.NotFound(w, r)
}

func readJSON(w http.ResponseWriter, r *http.Request, into any) bool {
	if err := json.NewDecoder(r.Body).Decode(into); err != nil {
		writeStatus(w, 400, "BadRequest", err.Error())
		return false
	}
	return true
}

func writeObject(w http.ResponseWriter, version, kind string, result any) {
	writeJSON(w, http.StatusCreated, map[string]any{"apiVersion": version, "kind": kind, "metadata": map[string]any{}, "spec": map[string]any{}, "status": result})
}

func writeNotFound(w http.ResponseWriter, resource, name string) {
	writeStatus(w, 404, "NotFound", resource+` "`+name+`" not found`)
}

func writeStatus(w http.ResponseWriter, code int, reason, message string) {
	writeJSON(w, code, status(code, reason, message))
}

func status(code int, reason, message string) map[string]any {
	return map[string]any{
		"apiVersion": "v1", "kind": "Status", "metadata": map[string]any{},
		"status": "Failure", "reason": reason, "message": message, "code": code,
	}
}

func writeJSON(w http.ResponseWriter, code int, value any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(value) // the client may have disconnected
}
