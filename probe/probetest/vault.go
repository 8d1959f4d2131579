package probetest

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Vault is a fake Vault with auth mounts. The zero value is not initialised.
type Vault struct {
	mu sync.Mutex // guards the fields below

	// Dialect is the server that the fake imitates.
	Dialect Dialect
	// Plugin is the version of the Kubernetes auth plugin; empty means the one in the lab.
	Plugin string
	// Namespace is the namespace of all mounts; empty means the root. No other one exists.
	// NamespaceRefusal is the error text if the namespace is locked or sealed, else empty.
	Namespace, NamespaceRefusal string

	Initialized, Sealed, Standby bool
	// Disconnected is set for a standby that has lost its connection to the active node.
	Disconnected bool
	// Version is the version in sys/health; empty means the dialect's own.
	Version string
	// Clock is how far the server's clock is ahead.
	Clock time.Duration
	// Mounts maps a path below auth/ to the mount there.
	Mounts map[string]*Mount
	// DisabledEntities are the aliases (see [Role]) whose identity entity is disabled.
	DisabledEntities []string
	// Handlers replace the fake's response for a path below /v1/; "" is every path.
	Handlers map[string]http.HandlerFunc

	requests []string
	issued   int
	live     map[string]Role // by token
}

// ReaderToken is a Vault token that may read every config and role, and look up entities.
const ReaderToken = "hvs.reader" + Mark

// Change modifies the fake while it serves requests.
func (v *Vault) Change(change func(*Vault)) {
	v.mu.Lock()
	defer v.mu.Unlock()
	change(v)
}

// Requests lists the requested paths, in order.
func (v *Vault) Requests() []string {
	v.mu.Lock()
	defer v.mu.Unlock()
	return slices.Clone(v.requests)
}

// Live returns the number of tokens that were issued and not revoked.
func (v *Vault) Live() int {
	v.mu.Lock()
	defer v.mu.Unlock()
	return len(v.live)
}

// Issued returns the number of tokens that were issued.
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

// Serve responds without regard to Handlers, so that a handler can pass a request on to the
// fake.
func (v *Vault) Serve(w http.ResponseWriter, r *http.Request) {
	path := strings.TrimPrefix(r.URL.Path, "/v1/")
	mount, isLogin := strings.CutSuffix(strings.TrimPrefix(path, "auth/"), "/login")
	v.mu.Lock()
	serving := v.Initialized && !v.Sealed
	defer v.use(r.Header.Get("X-Vault-Token"))
	foreign := v.refuseNamespace(path, r.Header.Get("X-Vault-Namespace"))
	v.mu.Unlock()
	switch {
	case path == "sys/health" && foreign == nil:
		v.health(w, r)
	case !serving:
		refuse(w, 503, "Vault is sealed")
	case foreign != nil:
		refuseWith(w, foreign)
	case path == "auth/token/revoke-self":
		v.revoke(w, r.Header.Get("X-Vault-Token"))
	case isLogin:
		v.login(w, r, mount)
	case r.URL.Query().Has("help"):
		v.help(w, path)
	case path == "identity/lookup/entity":
		v.lookupEntity(w, r)
	case path == "sys/capabilities-self":
		v.capabilities(w, r)
	default:
		v.read(w, path, r.Header.Get("X-Vault-Token"))
	}
}

// use spends one of a token's uses, even on a request that is refused. The last one ends the token, after
// its request.
func (v *Vault) use(token string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if role, lives := v.live[token]; lives && role.Uses > 0 {
		if role.Uses--; role.Uses == 0 {
			delete(v.live, token)
			return
		}
		v.live[token] = role
	}
}

// help responds to anybody for a path at which userpass logs in.
func (v *Vault) help(w http.ResponseWriter, path string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	mount, _, isNamed := strings.Cut(strings.TrimPrefix(path, "auth/"), "/login/")
	if m := v.Mounts[mount]; !isNamed || m == nil || m.Type != "userpass" {
		refuseWith(w, denied)
		return
	}
	writeJSON(w, 200, map[string]any{"help": "how to log in"})
}

// lookupEntity responds to [ReaderToken], which the fake lets look up entities. Every
// service account has one.
func (v *Vault) lookupEntity(w http.ResponseWriter, r *http.Request) {
	var question struct {
		Alias string `json:"alias_name"`
	}
	if r.Header.Get("X-Vault-Token") != ReaderToken || json.NewDecoder(r.Body).Decode(&question) != nil {
		refuse(w, 403, denied.ofToken())
		return
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	writeJSON(w, 200, map[string]any{"data": map[string]any{"disabled": slices.Contains(v.DisabledEntities, question.Alias)}})
}

// AdminPolicy is the policy of a [Role] with which its tokens may do everything.
const AdminPolicy = "admin"

// capabilities requires the policy default, as revoke does.
func (v *Vault) capabilities(w http.ResponseWriter, r *http.Request) {
	var question struct{ Paths []string }
	v.mu.Lock()
	defer v.mu.Unlock()
	role, lives := v.live[r.Header.Get("X-Vault-Token")]
	if !lives || role.NoDefaultPolicy || json.NewDecoder(r.Body).Decode(&question) != nil {
		refuse(w, 403, denied.ofToken())
		return
	}
	data := map[string]any{}
	for _, path := range question.Paths {
		data[path] = []string{"deny"}
		if slices.Contains(role.Policies, AdminPolicy) {
			data[path] = []string{"create", "delete", "read", "sudo", "update"}
		}
	}
	data["capabilities"] = data[question.Paths[0]]
	writeJSON(w, 200, map[string]any{"data": data})
}

// health responds with the status that the query selects for the state, or the default.
func (v *Vault) health(w http.ResponseWriter, r *http.Request) {
	v.mu.Lock()
	defer v.mu.Unlock()
	chosen, code := "activecode", 200
	switch {
	case !v.Initialized:
		chosen, code = "uninitcode", 501
	case v.Sealed:
		chosen, code = "sealedcode", 503
	case v.Standby && v.Disconnected && v.Dialect != OpenBao:
		chosen, code = "haunhealthycode", 474
	case v.Standby:
		chosen, code = "standbycode", 429
	}
	if wanted, err := strconv.Atoi(r.URL.Query().Get(chosen)); err == nil {
		code = wanted
	}
	answer := map[string]any{
		"initialized": v.Initialized, "sealed": v.Sealed || !v.Initialized, "standby": v.Standby,
		"version": cmp.Or(v.Version, v.Dialect.version()), "server_time_utc": time.Now().Add(v.Clock).Unix(),
	}
	if v.Dialect != OpenBao {
		answer["enterprise"] = v.Dialect == Enterprise
	}
	if v.Standby && v.Dialect != OpenBao {
		answer["ha_connection_healthy"] = !v.Disconnected
	}
	writeJSON(w, code, answer)
}

// revoke requires the policy default, which permits revoke-self.
func (v *Vault) revoke(w http.ResponseWriter, token string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if role, lives := v.live[token]; !lives || role.NoDefaultPolicy {
		refuse(w, 403, denied.ofToken())
		return
	}
	delete(v.live, token)
	w.WriteHeader(http.StatusNoContent)
}

// read responds with the config, a role or the accessor of a mount.
func (v *Vault) read(w http.ResponseWriter, path, token string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for name, mount := range v.Mounts {
		_, lives := v.live[token]
		if token != ReaderToken && !(mount.CanaryReads && lives) {
			continue
		}
		if data, known := v.plugin(*mount).read(name, path); known {
			if data == nil && mount.Type != "" {
				refuse(w, 404, "1 error occurred:\n\t* unsupported path\n\n")
				return
			}
			if data == nil {
				writeJSON(w, 404, map[string]any{"errors": []string{}})
				return
			}
			writeJSON(w, 200, map[string]any{"data": data})
			return
		}
	}
	if token == ReaderToken && strings.HasPrefix(path, "auth/") {
		refuse(w, 404, fmt.Sprintf("no handler for route %q. route entry not found.", path))
		return
	}
	refuse(w, 403, denied.ofToken())
}

// login is the part of a login in Vault's core: it calls the plugin, then checks the
// identity entity, login MFA and the policies. mu is not held while the plugin calls
// Kubernetes.
func (v *Vault) login(w http.ResponseWriter, r *http.Request, path string) {
	var question struct{ Role, JWT string }
	if err := json.NewDecoder(r.Body).Decode(&question); err != nil {
		refuse(w, 500, err.Error())
		return
	}
	v.mu.Lock()
	mounted, exists := v.Mounts[path]
	var mount Mount
	if exists {
		mount = v.plugin(mounted.clone())
	}
	now := time.Now().Add(v.Clock)
	v.mu.Unlock()
	if !exists {
		refuse(w, 403, denied.text)
		return
	}
	role, alias, err := mount.login(r, now, question.Role, question.JWT)
	if err != nil {
		refuseWith(w, err)
		return
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	switch {
	case slices.Contains(v.DisabledEntities, alias):
		refuse(w, 403, denied.text)
	case mount.MFA:
		writeJSON(w, 200, map[string]any{"auth": map[string]any{
			"client_token": "", "mfa_requirement": map[string]any{"mfa_request_id": "x", "mfa_constraints": map[string]any{}},
		}})
	case slices.Contains(role.Policies, "root"):
		refuse(w, 400, "auth methods cannot create root tokens")
	default:
		v.issue(w, role)
	}
}

func (v *Vault) issue(w http.ResponseWriter, role Role) {
	v.issued++
	service, batch := v.Dialect.prefixes()
	token := fmt.Sprintf("%s%s%04d", service, Mark, v.issued)
	auth := map[string]any{
		"client_token": token, "accessor": fmt.Sprintf("accessor-%s-%04d", Mark, v.issued),
		"token_type": "service", "lease_duration": int(role.TTL.Seconds()), "num_uses": role.Uses, "policies": []string{"default"},
	}
	if role.Batch {
		auth["client_token"], auth["accessor"], auth["token_type"] = batch+token, "", "batch"
	} else {
		if v.live == nil {
			v.live = map[string]Role{}
		}
		v.live[token] = role
	}
	writeJSON(w, 200, map[string]any{"request_id": "r", "auth": auth})
}

// refuseWith responds with an error as Vault's core does: one without a status is a 500.
func refuseWith(w http.ResponseWriter, err error) {
	if r, ok := errors.AsType[refusal](err); ok {
		refuse(w, r.status, r.text)
		return
	}
	refuse(w, 500, err.Error())
}

func refuse(w http.ResponseWriter, code int, text string) {
	writeJSON(w, code, map[string]any{"errors": []string{text}})
}
