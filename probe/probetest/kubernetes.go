package probetest

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// APIServerAudience is what the fake API server demands of its callers' tokens.
const APIServerAudience = "https://kubernetes.default.svc"

// Kubernetes is a fake API server. The zero value knows nobody: every bearer is a
// stranger to it.
type Kubernetes struct {
	mu sync.Mutex // guards all below

	// Accounts maps a token to whose it is. A token that is not here is a 401 as a
	// bearer, and "invalid bearer token" under review.
	Accounts map[string]Token
	// Delegators are the usernames that may create TokenReviews.
	Delegators []string
	// Admins are the usernames that may do everything.
	Admins []string
	// Minters are the usernames that may mint tokens of service accounts.
	Minters []string
	// ReviewErrors maps a token under review to the status.error that it meets.
	ReviewErrors map[string]string
	// ReviewedAs maps a token under review to another username than its own.
	ReviewedAs map[string]string
	// AudienceUnaware leaves audiences out of every review.
	AudienceUnaware bool
	// Handlers answer for a resource, such as "tokenreviews", instead of the fake;
	// "" is every resource.
	Handlers map[string]http.HandlerFunc

	requests []string
}

// Change alters the fake while it serves.
func (k *Kubernetes) Change(change func(*Kubernetes)) {
	k.mu.Lock()
	defer k.mu.Unlock()
	change(k)
}

// Requests lists the resources that were asked for, in order.
func (k *Kubernetes) Requests() []string {
	k.mu.Lock()
	defer k.mu.Unlock()
	return slices.Clone(k.requests)
}

func (k *Kubernetes) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	resource := r.URL.Path[strings.LastIndex(r.URL.Path, "/")+1:] // "token" for a TokenRequest
	k.mu.Lock()
	k.requests = append(k.requests, resource)
	override := firstHandler(k.Handlers, resource)
	caller, known := k.Accounts[strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")]
	k.mu.Unlock()

	switch {
	case override != nil:
		override(w, r)
	case !known || !slices.Contains(caller.Audiences, APIServerAudience):
		writeStatus(w, 401, "Unauthorized", "Unauthorized")
	default:
		k.serve(w, r, resource, caller)
	}
}

func firstHandler(handlers map[string]http.HandlerFunc, key string) http.HandlerFunc {
	if h := handlers[key]; h != nil {
		return h
	}
	return handlers[""]
}

func (k *Kubernetes) serve(w http.ResponseWriter, r *http.Request, resource string, caller Token) {
	k.mu.Lock()
	defer k.mu.Unlock()
	allowed := slices.Contains(k.Delegators, caller.username())
	switch resource {
	case "tokenreviews":
		if !allowed {
			writeStatus(w, 403, "Forbidden", fmt.Sprintf("tokenreviews.authentication.k8s.io is forbidden: User %q cannot create resource "+
				`"tokenreviews" in API group "authentication.k8s.io" at the cluster scope`, caller.username()))
			return
		}
		k.review(w, r)
	case "token":
		k.mint(w, r, caller)
	case "selfsubjectreviews":
		writeObject(w, "authentication.k8s.io/v1", "SelfSubjectReview",
			map[string]any{"userInfo": map[string]any{"username": caller.username()}})
	case "selfsubjectaccessreviews":
		k.access(w, r, "SelfSubjectAccessReview", caller.username())
	case "subjectaccessreviews":
		if !allowed {
			writeStatus(w, 403, "Forbidden", fmt.Sprintf("subjectaccessreviews.authorization.k8s.io is forbidden: User %q cannot create resource", caller.username()))
			return
		}
		k.access(w, r, "SubjectAccessReview", "")
	default:
		writeStatus(w, 404, "NotFound", "the server could not find the requested resource")
	}
}

// mint answers a TokenRequest for a service account that the fake knows.
func (k *Kubernetes) mint(w http.ResponseWriter, r *http.Request, caller Token) {
	parts := strings.Split(r.URL.Path, "/") // …/namespaces/NAMESPACE/serviceaccounts/NAME/token
	namespace, name := parts[len(parts)-4], parts[len(parts)-2]
	var question struct{ Spec struct{ Audiences []string } }
	if err := json.NewDecoder(r.Body).Decode(&question); err != nil {
		writeStatus(w, 400, "BadRequest", err.Error())
		return
	}
	if !slices.Contains(k.Minters, caller.username()) {
		writeStatus(w, 403, "Forbidden", fmt.Sprintf(`serviceaccounts %q is forbidden: User %q cannot create resource "serviceaccounts/token"`, name, caller.username()))
		return
	}
	for _, account := range k.Accounts {
		if account.Namespace != namespace || account.Name != name {
			continue
		}
		account.Audiences = question.Spec.Audiences
		if len(account.Audiences) == 0 {
			account.Audiences = []string{APIServerAudience}
		}
		account.Issued, account.Expires = time.Now(), time.Now().Add(10*time.Minute)
		k.Accounts[account.String()] = account
		writeObject(w, "authentication.k8s.io/v1", "TokenRequest", map[string]any{"token": account.String()})
		return
	}
	writeStatus(w, 404, "NotFound", fmt.Sprintf("serviceaccounts %q not found", name))
}

// access answers for a user, or for the one that the question names.
func (k *Kubernetes) access(w http.ResponseWriter, r *http.Request, kind, user string) {
	var question struct {
		Spec struct {
			User               string
			ResourceAttributes struct{ Verb, Resource string }
		}
	}
	if err := json.NewDecoder(r.Body).Decode(&question); err != nil {
		writeStatus(w, 400, "BadRequest", err.Error())
		return
	}
	user = cmp.Or(user, question.Spec.User)
	status := map[string]any{"allowed": slices.Contains(k.Admins, user)}
	if question.Spec.ResourceAttributes.Resource == "tokenreviews" && slices.Contains(k.Delegators, user) {
		status = map[string]any{"allowed": true, "reason": `RBAC: allowed by ClusterRoleBinding "vault-auth-delegator" of ClusterRole "system:auth-delegator"`}
	}
	writeObject(w, "authorization.k8s.io/v1", kind, status)
}

func (k *Kubernetes) review(w http.ResponseWriter, r *http.Request) {
	var question struct {
		Spec struct {
			Token     string
			Audiences []string
		}
	}
	if err := json.NewDecoder(r.Body).Decode(&question); err != nil {
		writeStatus(w, 400, "BadRequest", err.Error())
		return
	}
	writeObject(w, "authentication.k8s.io/v1", "TokenReview", k.reviewed(question.Spec.Token, question.Spec.Audiences))
}

func (k *Kubernetes) reviewed(token string, audiences []string) map[string]any {
	subject, known := k.Accounts[token]
	refusal := k.ReviewErrors[token]
	switch {
	case refusal != "":
		return map[string]any{"error": refusal}
	case !known:
		return map[string]any{"error": "invalid bearer token"}
	}
	if len(audiences) == 0 {
		audiences = []string{APIServerAudience}
	}
	common := slices.DeleteFunc(slices.Clone(audiences), func(a string) bool { return !slices.Contains(subject.Audiences, a) })
	if len(common) == 0 {
		return map[string]any{"error": fmt.Sprintf("[invalid bearer token, token audiences %q is invalid for the target audiences %q]", subject.Audiences, audiences)}
	}
	username := subject.username()
	if other := k.ReviewedAs[token]; other != "" {
		username = other
	}
	status := map[string]any{
		"authenticated": true,
		"user":          map[string]any{"username": username, "uid": subject.UID},
	}
	if !k.AudienceUnaware {
		status["audiences"] = common
	}
	return status
}

func writeObject(w http.ResponseWriter, version, kind string, status any) {
	writeJSON(w, http.StatusCreated, map[string]any{"apiVersion": version, "kind": kind, "metadata": map[string]any{}, "spec": map[string]any{}, "status": status})
}

func writeStatus(w http.ResponseWriter, code int, reason, message string) {
	writeJSON(w, code, map[string]any{
		"apiVersion": "v1", "kind": "Status", "metadata": map[string]any{},
		"status": "Failure", "reason": reason, "message": message, "code": code,
	})
}

func writeJSON(w http.ResponseWriter, code int, value any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(value) // the peer may have gone
}
