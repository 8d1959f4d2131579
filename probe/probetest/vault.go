package probetest

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// Vault is a fake Vault with auth mounts of the Kubernetes method. The zero value
// is not initialised.
type Vault struct {
	mu sync.Mutex // guards all below

	Initialized, Sealed bool
	// Clock is how far its clock is ahead.
	Clock time.Duration
	// Mounts maps a path below auth/ to what is mounted there.
	Mounts map[string]*Mount
	// Handlers answer for a path below /v1/ instead of the fake; "" is every path.
	Handlers map[string]http.HandlerFunc
	// KeepTokens refuses revocation, as a token without the policy default meets it.
	KeepTokens bool

	requests []string
	issued   int
	live     map[string]bool
}

// Mount is one auth mount of the Kubernetes method.
type Mount struct {
	// Type is another method's name; empty is kubernetes.
	Type string
	// Unconfigured has no config.
	Unconfigured bool
	Roles        map[string]Role
	// Review says whether Vault's own TokenReview of a JWT succeeds; nil: it does.
	Review func(jwt string) bool
	// EntityDisabled refuses whoever was found to be good.
	EntityDisabled bool
	// KeysRefuse refuses every JWT before it is looked at, as pem_keys of another
	// cluster do.
	KeysRefuse bool
	// Config is what a read of the config answers; CanaryReads lets the tokens of
	// logins read it, beside [ReaderToken].
	Config      map[string]any
	CanaryReads bool
}

// ReaderToken may read every config and role.
const ReaderToken = "hvs.reader" + Mark

// Role is a role of a Kubernetes auth mount.
type Role struct {
	Name, Namespace string
	Audience        string
	Batch           bool
	TTL             time.Duration
	// CIDRs refuse our address.
	CIDRs []string
	// Selector is what a role with a namespace selector answers: "namespace not
	// authorized", and what Vault's call to Kubernetes brought.
	Selector string
}

// Change alters the fake while it serves.
func (v *Vault) Change(change func(*Vault)) {
	v.mu.Lock()
	defer v.mu.Unlock()
	change(v)
}

// Requests lists the paths that were asked for, in order.
func (v *Vault) Requests() []string {
	v.mu.Lock()
	defer v.mu.Unlock()
	return slices.Clone(v.requests)
}

// Live counts the tokens that were issued and not revoked.
func (v *Vault) Live() int {
	v.mu.Lock()
	defer v.mu.Unlock()
	return len(v.live)
}

// Issued counts the tokens that were ever issued.
func (v *Vault) Issued() int {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.issued
}

func (v *Vault) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path := strings.TrimPrefix(r.URL.Path, "/v1/")
	v.mu.Lock()
	v.requests = append(v.requests, path)
	override := firstHandler(v.Handlers, path)
	v.mu.Unlock()
	if override != nil {
		override(w, r)
		return
	}
	v.Serve(w, r)
}

// Serve answers as the fake does where no handler stands in, so that a handler can
// pass a request on.
func (v *Vault) Serve(w http.ResponseWriter, r *http.Request) {
	path := strings.TrimPrefix(r.URL.Path, "/v1/")
	v.mu.Lock()
	defer v.mu.Unlock()
	switch {
	case path == "sys/health":
		v.health(w)
	case !v.Initialized || v.Sealed:
		refuse(w, 503, "Vault is sealed")
	case path == "auth/token/revoke-self":
		v.revoke(w, r.Header.Get("X-Vault-Token"))
	case strings.HasPrefix(path, "auth/") && strings.HasSuffix(path, "/login"):
		v.login(w, r, strings.TrimSuffix(strings.TrimPrefix(path, "auth/"), "/login"))
	default:
		v.read(w, path, r.Header.Get("X-Vault-Token"))
	}
}

// read answers for the config, the roles and the accessor of a mount.
func (v *Vault) read(w http.ResponseWriter, path, token string) {
	for name, mount := range v.Mounts {
		if token != ReaderToken && !(mount.CanaryReads && v.live[token]) {
			continue
		}
		role, isRole := strings.CutPrefix(path, "auth/"+name+"/role/")
		switch {
		case path == "auth/"+name+"/config" && mount.Config != nil:
			writeJSON(w, 200, map[string]any{"data": mount.Config})
			return
		case isRole:
			stored := mount.Roles[role]
			writeJSON(w, 200, map[string]any{"data": map[string]any{
				"audience": stored.Audience, "token_bound_cidrs": stored.CIDRs, "token_ttl": int(stored.TTL.Seconds()),
			}})
			return
		case path == "sys/internal/ui/mounts/auth/"+name:
			writeJSON(w, 200, map[string]any{"data": map[string]any{"accessor": "auth_kubernetes_0123abcd"}})
			return
		}
	}
	refuse(w, 403, "1 error occurred:\n\t* permission denied\n\n")
}

func (v *Vault) health(w http.ResponseWriter) {
	writeJSON(w, 299, map[string]any{
		"initialized": v.Initialized, "sealed": v.Sealed || !v.Initialized, "standby": false,
		"version": "1.21.4", "server_time_utc": time.Now().Add(v.Clock).Unix(),
	})
}

func (v *Vault) revoke(w http.ResponseWriter, token string) {
	if v.KeepTokens || !v.live[token] {
		refuse(w, 403, "1 error occurred:\n\t* permission denied\n\n")
		return
	}
	delete(v.live, token)
	w.WriteHeader(http.StatusNoContent)
}

// login checks in the order of the real plugin.
func (v *Vault) login(w http.ResponseWriter, r *http.Request, path string) {
	var question struct{ Role, JWT string }
	if err := json.NewDecoder(r.Body).Decode(&question); err != nil {
		refuse(w, 500, err.Error())
		return
	}
	mount := v.Mounts[path]
	if mount == nil {
		refuse(w, 403, "permission denied")
		return
	}
	if mount.Type != "" {
		refuse(w, 400, fmt.Sprintf("role %q could not be found", question.Role))
		return
	}
	role, known := mount.Roles[strings.ToLower(question.Role)]
	if !known {
		refuse(w, 400, fmt.Sprintf("invalid role name %q", question.Role))
		return
	}
	if len(role.CIDRs) > 0 {
		refuse(w, 403, "permission denied")
		return
	}
	if mount.Unconfigured {
		refuse(w, 500, "could not load backend configuration")
		return
	}
	if mount.KeysRefuse {
		refuse(w, 403, "permission denied")
		return
	}
	if text := v.claimsRefused(role, question.JWT); text != "" {
		refuse(w, 403, text)
		return
	}
	if role.Selector != "" {
		refuse(w, 403, role.Selector)
		return
	}
	if mount.EntityDisabled || mount.Review != nil && !mount.Review(question.JWT) {
		refuse(w, 403, "permission denied")
		return
	}
	v.issue(w, role)
}

// claimsRefused is what Vault says of claims that it checks by itself.
func (v *Vault) claimsRefused(role Role, jwt string) string {
	var claims struct {
		Audiences  []string `json:"aud"`
		Expires    int64    `json:"exp"`
		NotBefore  int64    `json:"nbf"`
		Kubernetes struct {
			Namespace      string
			ServiceAccount struct{ Name string }
		} `json:"kubernetes.io"`
	}
	parts := strings.Split(jwt, ".")
	if len(parts) != 3 {
		return "permission denied"
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil || json.Unmarshal(payload, &claims) != nil {
		return "permission denied"
	}
	now := time.Now().Add(v.Clock).Unix()
	switch {
	case role.Audience != "" && !slices.Contains(claims.Audiences, role.Audience):
		return "invalid audience (aud) claim: audience claim does not match any expected audience"
	case claims.NotBefore > now+60:
		return "invalid not before (nbf) claim: token not yet valid"
	case claims.Expires < now-60:
		return "invalid expiration time (exp) claim: token is expired"
	case claims.Kubernetes.ServiceAccount.Name != role.Name:
		return "service account name not authorized"
	case claims.Kubernetes.Namespace != role.Namespace:
		return "namespace not authorized"
	}
	return ""
}

func (v *Vault) issue(w http.ResponseWriter, role Role) {
	v.issued++
	token := fmt.Sprintf("hvs.%s%04d", Mark, v.issued)
	auth := map[string]any{
		"client_token": token, "accessor": fmt.Sprintf("accessor-%s-%04d", Mark, v.issued),
		"token_type": "service", "lease_duration": int(role.TTL.Seconds()), "policies": []string{"default"},
	}
	if role.Batch {
		auth["client_token"], auth["accessor"], auth["token_type"] = "hvb."+token, "", "batch"
	} else {
		if v.live == nil {
			v.live = map[string]bool{}
		}
		v.live[token] = true
	}
	writeJSON(w, 200, map[string]any{"request_id": "r", "auth": auth})
}

func refuse(w http.ResponseWriter, code int, text string) {
	writeJSON(w, code, map[string]any{"errors": []string{text}})
}
