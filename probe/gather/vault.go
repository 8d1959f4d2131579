package gather

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/hashicorp/vault/api"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
)

const vaultDialect = "Vault's JSON"

// notAToken is sent instead of a JWT when its content does not matter.
const notAToken = "not-a-token"

// vaultServer is the connection to Vault in one run.
type vaultServer struct {
	target    evidence.Vault
	userAgent string
	endpoint  *endpoint
	send      sender
}

func newVaultServer(target evidence.Vault, userAgent string, network Network) (*vaultServer, error) {
	e, err := newEndpoint(tlsFiles{
		caCert: target.CACert, serverName: target.TLSServerName,
		clientCert: target.ClientCert, clientKey: target.ClientKey,
	}, network)
	if err != nil {
		return nil, err
	}
	server := &vaultServer{userAgent: userAgent, endpoint: e, target: target}
	return server.at(target.Addr), nil
}

// at returns the same server at another address, over connections of the same endpoint.
func (v *vaultServer) at(address string) *vaultServer {
	other := *v
	other.target.Addr = address
	other.send = newSender(address, v.userAgent, v.endpoint.client(nil))
	return &other
}

// askedStates are query parameters that make sys/health respond with 299 in every state. A
// proxy may drop them; a standby then responds with its default, 429.
var askedStates = map[string][]string{
	"uninitcode": {"299"}, "sealedcode": {"299"}, "standbycode": {"299"}, "drsecondarycode": {"299"},
	"performancestandbycode": {"299"}, "removedcode": {"299"}, "haunhealthycode": {"299"},
}

// health reads sys/health without a namespace, which Vault rejects on this path. The body
// describes Vault's state whatever the status is.
func (v *vaultServer) health(ctx context.Context) (evidence.Health, error) {
	ctx, x := newRequestTrace(ctx)
	response, err := v.send(ctx, vaultRequest{method: http.MethodGet, path: "sys/health", query: askedStates}, nil)
	return healthFrom(x, response, err)
}

// healthFrom reads the answer of sys/health. It is apart from health, whose stack frame is held while
// Vault is waited for.
func healthFrom(x *requestTrace, response *api.Response, err error) (evidence.Health, error) {
	if response == nil {
		return evidence.Health{}, vaultFailure(err, x)
	}
	defer response.Body.Close()
	var answer struct {
		api.HealthResponse
		Enterprise *bool `json:"enterprise"`
	}
	if decoding := response.DecodeJSON(&answer); decoding != nil || answer.ServerTimeUTC == 0 {
		if err == nil {
			err = x.unexpectedAnswer(vaultDialect)
		}
		return evidence.Health{}, vaultFailure(err, x)
	}
	return evidence.Health{
		Initialized:  answer.Initialized,
		Sealed:       answer.Sealed,
		Standby:      answer.Standby || answer.PerformanceStandby,
		Disconnected: answer.Standby && answer.HAConnectionHealthy != nil && !*answer.HAConnectionHealthy,
		DRSecondary:  answer.ReplicationDRMode == "secondary",
		Removed:      answer.RemovedFromCluster != nil && *answer.RemovedFromCluster,
		Community:    answer.Enterprise != nil && !*answer.Enterprise,
		OpenBao:      answer.Enterprise == nil && isOpenBaos(answer.Version),
		Version:      x.redactor.Clean(answer.Version),
		Skew:         time.Unix(answer.ServerTimeUTC, 0).Sub(time.Now().Truncate(time.Second)),
	}, nil
}

// isOpenBaos reports whether a version is one of OpenBao, which are 2.0.0 and later. Those of Vault
// too, but from 1.16 on its sys/health has the field enterprise, which that of OpenBao lacks.
func isOpenBaos(version string) bool {
	major, _, _ := strings.Cut(strings.TrimPrefix(version, "v"), ".")
	n, err := strconv.Atoi(major)
	return err == nil && n >= 2
}

// loginAnswer is the result of a login with the token, which never becomes evidence.
type loginAnswer struct {
	evidence.Login
	token evidence.Secret
	// server is the node that responded, where the token has to be revoked.
	server *vaultServer
	// unaccounted is set if Vault may have issued a token that was not received.
	unaccounted bool
}

// loginRequest is the body of a login.
type loginRequest struct {
	Role string `json:"role"`
	JWT  string `json:"jwt"`
}

// login logs in with a JWT; x is the trace in ctx. The answer is never nil, and its field
// unaccounted is valid even if the error is not nil. A token in a response whose status is not 200
// is returned too, because it has to be revoked.
func (v *vaultServer) login(ctx context.Context, x *requestTrace, role, jwt string) (*loginAnswer, error) {
	body, err := json.Marshal(loginRequest{role, jwt})
	if err != nil {
		return &loginAnswer{server: v}, err
	}
	// vault/api's Secret lacks the token's type, and fails to decode the whole response if one
	// number is invalid.
	answer, err := v.send(ctx, v.put(evidence.Secret{}, v.target.LoginPath()), body)
	return v.granted(x, answer, err)
}

// granted reads the answer to a login. It is apart from login, whose stack frame is held while Vault is
// waited for.
func (v *vaultServer) granted(x *requestTrace, answer *api.Response, err error) (*loginAnswer, error) {
	if answer != nil {
		defer answer.Body.Close()
	}
	var g grant
	if err == nil {
		err = g.decode(answer.Body, x)
	}
	if err != nil {
		lost := !x.isIncomplete(err) && (x.status == 0 || isSuccess(x.status))
		return &loginAnswer{server: v, unaccounted: lost}, vaultFailure(err, x)
	}
	issued := g.Auth
	if issued == nil || !isSuccess(x.status) {
		return &loginAnswer{server: v}, x.notFromVault()
	}
	if strings.TrimSpace(issued.Token) == "" {
		text := "the login succeeded, but returned no token"
		if issued.MFA != nil {
			text = evidence.TextMFARequired
		}
		return &loginAnswer{server: v}, evidence.Failure{Class: evidence.ClassRefused, Status: x.status, Text: text}
	}
	if !fitsHeader(issued.Token) || len(issued.Accessor) > maxToken { // not Vault's
		return &loginAnswer{server: v, unaccounted: true}, x.notFromVault()
	}
	x.redactor.Hold(issued.Token)
	x.redactor.Hold(issued.Accessor)
	return &loginAnswer{
		Login:  evidence.Login{Type: issued.kind(), TTL: seconds(string(issued.Lease)), Uses: max(0, issued.Uses)},
		token:  evidence.NewSecret(issued.Token),
		server: v,
	}, nil
}

// fitsHeader reports whether a token can be sent.
func fitsHeader(token string) bool {
	return len(token) <= maxToken && !strings.ContainsFunc(token, func(c rune) bool { return !unicode.IsPrint(c) })
}

// grant is the part of a login's response that describes the token, which has to be
// revoked whatever the rest contains.
type grant struct{ Auth *auth }

// decode decodes a response. If it is empty or does not describe a token, Auth remains
// nil.
func (g *grant) decode(body io.Reader, x *requestTrace) error {
	err := json.NewDecoder(body).Decode(g)
	if _, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		if g.Auth == nil {
			return x.unexpectedAnswer(vaultDialect)
		}
		return nil // encoding/json has decoded all other fields
	}
	if err == io.EOF { // an empty body; one that was cut off is io.ErrUnexpectedEOF
		return nil
	}
	return err
}

type auth struct {
	Token    string          `json:"client_token"`
	Accessor string          `json:"accessor"`
	Type     string          `json:"token_type"`
	Lease    json.RawMessage `json:"lease_duration"`
	Uses     int             `json:"num_uses"`
	MFA      *struct{}       `json:"mfa_requirement"`
}

// kind returns the token's type. If the response is ambiguous, that is a service token,
// which gets revoked: if it is a batch token after all, Vault only rejects the request.
func (a auth) kind() string {
	isBatch := a.Type == evidence.BatchToken || a.Type == "" && hasPrefix(a.Token, "hvb.", "b.")
	if isBatch && a.Accessor == "" && !hasPrefix(a.Token, "hvs.", "s.") {
		return evidence.BatchToken
	}
	return evidence.ServiceToken
}

func hasPrefix(token string, prefixes ...string) bool {
	return slices.ContainsFunc(prefixes, func(prefix string) bool { return strings.HasPrefix(token, prefix) })
}

// seconds parses a number of seconds. An invalid number, one below zero or one that
// overflows a Duration becomes the longest Duration, so that it does not look short.
func seconds(number string) time.Duration {
	const longest = time.Duration(math.MaxInt64) / time.Second * time.Second
	n, err := strconv.ParseInt(number, 10, 64)
	switch {
	case number == "" || number == "null":
		return 0
	case err != nil, n < 0, n > int64(longest/time.Second):
		return longest
	}
	return time.Duration(n) * time.Second
}

func isSuccess(status int) bool { return status/100 == 2 }

// revoke revokes a token with revoke-self. Vault responds with 204, or with 200 and JSON if
// it adds a warning; after any other response the token counts as not revoked.
func (v *vaultServer) revoke(ctx context.Context, token evidence.Secret) error {
	ctx, x := newRequestTrace(ctx)
	answer, err := v.send(ctx, v.put(token, "auth/token/revoke-self"), nil)
	if answer != nil {
		defer answer.Body.Close()
	}
	if err != nil {
		return vaultFailure(err, x)
	}
	if x.status == http.StatusNoContent {
		return nil
	}
	body, err := api.ParseSecret(answer.Body)
	if err != nil {
		return vaultFailure(err, x)
	}
	if x.status == http.StatusOK && body != nil && body.Auth == nil && len(body.Data) == 0 {
		return nil
	}
	return x.notFromVault()
}

// notFromVault returns the failure of a response that Vault does not give.
func (x *requestTrace) notFromVault() evidence.Failure {
	return x.failure(x.unexpectedAnswer(vaultDialect))
}

// vaultFailure distinguishes an error of Vault, which is JSON with a list of errors, from
// the response of a server in front of it.
func vaultFailure(err error, x *requestTrace) evidence.Failure {
	refusal, ok := errors.AsType[*api.ResponseError](err)
	if !ok {
		f := x.failure(err)
		if f.Text == "" { // vault/api takes a null for a list of errors
			f = x.notFromVault()
		}
		return f
	}
	text := x.redactor.Clean(strings.Join(refusal.Errors, "; "))
	switch {
	case x.plain && evidence.Contains(text, evidence.TextPlainHTTP):
		return x.plainToTLS()
	case refusal.RawError || text == "":
		return x.notFromVault()
	}
	return evidence.Failure{Class: evidence.ClassRefused, Status: refusal.StatusCode, Text: text, RetryAfter: x.retryAfter}
}
