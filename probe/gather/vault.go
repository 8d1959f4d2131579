package gather

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hashicorp/vault/api"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
)

const vaultDialect = "Vault's JSON"

// notAToken is sent where the content of a JWT is never looked at.
const notAToken = "not-a-token"

// vaultServer is Vault in one run.
type vaultServer struct {
	target    evidence.Vault
	userAgent string
	endpoint  *endpoint
}

func newVaultServer(target evidence.Vault, userAgent string, network Network) (*vaultServer, error) {
	e, err := newEndpoint(tlsFiles{
		caCert: target.CACert, serverName: target.TLSServerName,
		clientCert: target.ClientCert, clientKey: target.ClientKey,
	}, network)
	if err != nil {
		return nil, err
	}
	return &vaultServer{target: target, userAgent: userAgent, endpoint: e}, nil
}

// client returns a vault/api client that sends this token, or none, and makes
// each request once. vault/api reads VAULT_* variables; what they set is undone
// here, and configuration has removed the ones that make it fail.
func (v *vaultServer) client(token evidence.Secret, namespace string) (*api.Client, error) {
	client, err := api.NewClient(&api.Config{
		Address:          v.target.Addr,
		HttpClient:       v.endpoint.client(nil),
		MaxRetries:       0,
		DisableRedirects: true,
	})
	if err != nil {
		return nil, err
	}
	client.SetToken(token.Reveal())
	client.ClearNamespace()
	if namespace != "" {
		client.SetNamespace(namespace)
	}
	client.AddHeader("User-Agent", v.userAgent)
	return client, nil
}

// askedStates has sys/health answer 299 in every state. A proxy may drop the question, and
// 429 is then a standby's own status.
var askedStates = map[string][]string{
	"uninitcode": {"299"}, "sealedcode": {"299"}, "standbycode": {"299"}, "drsecondarycode": {"299"},
	"performancestandbycode": {"299"}, "removedcode": {"299"}, "haunhealthycode": {"299"},
}

// health asks sys/health without a namespace, which restricted paths refuse. Whatever the
// status, the body says what state Vault is in.
func (v *vaultServer) health(ctx context.Context) (evidence.Health, error) {
	client, err := v.client(evidence.Secret{}, "")
	if err != nil {
		return evidence.Health{}, err
	}
	ctx, x := newRequestTrace(ctx)
	response, err := client.Logical().ReadRawWithDataWithContext(ctx, "sys/health", askedStates)
	if response == nil {
		return evidence.Health{}, vaultFailure(err, x)
	}
	defer response.Body.Close()
	var answer api.HealthResponse
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
		Version:      x.redactor.Clean(answer.Version),
		Skew:         time.Unix(answer.ServerTimeUTC, 0).Sub(time.Now().Truncate(time.Second)),
	}, nil
}

// loginAnswer is a login's outcome with the token, which stays inside the run.
type loginAnswer struct {
	evidence.Login
	token evidence.Secret
	// server is the one that answered, and the one to revoke the token at.
	server *vaultServer
	// unaccounted is set where Vault may have issued a token that never reached us.
	unaccounted bool
}

// login presents a JWT; ctx carries the exchange x. The answer's unaccounted holds
// also where err is not nil. A token that comes with another status than 200 is
// returned like any: it has to be revoked.
func (v *vaultServer) login(ctx context.Context, x *requestTrace, role, jwt string) (loginAnswer, error) {
	client, err := v.client(evidence.Secret{}, v.target.Namespace)
	if err != nil {
		return loginAnswer{server: v}, err
	}
	question, err := json.Marshal(map[string]string{"role": role, "jwt": jwt})
	if err != nil {
		return loginAnswer{server: v}, err
	}
	// vault/api's Secret lacks the token's type, and refuses a whole answer for one odd number in it.
	answer, err := client.Logical().WriteRawWithContext(ctx, v.target.LoginPath(), question)
	if answer != nil {
		defer answer.Body.Close()
	}
	var granted grant
	if err == nil {
		err = json.NewDecoder(answer.Body).Decode(&granted)
	}
	if _, ok := errors.AsType[*json.UnmarshalTypeError](err); ok && granted.Auth != nil {
		err = nil // the other fields were read
	}
	if err != nil {
		lost := x.sent.Load() && (x.status == 0 || isSuccess(x.status))
		return loginAnswer{server: v, unaccounted: lost}, vaultFailure(err, x)
	}
	auth := granted.Auth
	if auth == nil || !isSuccess(x.status) {
		return loginAnswer{server: v}, x.failure(x.unexpectedAnswer(vaultDialect))
	}
	if strings.TrimSpace(auth.Token) == "" {
		text := "the login was accepted, but brought no token"
		if auth.MFA != nil {
			text = evidence.TextMFARequired
		}
		return loginAnswer{server: v}, evidence.Failure{Class: evidence.ClassRefused, Status: x.status, Text: text}
	}
	x.redactor.Hold(auth.Token)
	x.redactor.Hold(auth.Accessor)
	return loginAnswer{
		Login:  evidence.Login{Type: auth.kind(), TTL: seconds(string(auth.Lease))},
		token:  evidence.NewSecret(auth.Token),
		server: v,
	}, nil
}

// grant is what a login's answer says of the token, which has to be revoked whatever
// else the answer says.
type grant struct{ Auth *auth }

type auth struct {
	Token    string          `json:"client_token"`
	Accessor string          `json:"accessor"`
	Type     string          `json:"token_type"`
	Lease    json.RawMessage `json:"lease_duration"`
	MFA      *struct{}       `json:"mfa_requirement"`
}

// kind is the token's type. Where the answer leaves a doubt it is a service token,
// which gets revoked: Vault refuses to revoke a batch token, and no harm is done.
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

// seconds reads a number of seconds. What no lifetime can be, below zero or beyond what
// a Duration holds, is the longest there is: it must not look short.
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

// revoke ends a token by itself. Vault answers 204, or 200 with JSON where it adds
// a warning; an answer to anything else, or of anybody else, revokes nothing.
func (v *vaultServer) revoke(ctx context.Context, token evidence.Secret) error {
	client, err := v.client(token, v.target.Namespace)
	if err != nil {
		return err
	}
	ctx, x := newRequestTrace(ctx)
	answer, err := client.Logical().WriteBytesWithContext(ctx, "auth/token/revoke-self", nil)
	if err != nil {
		return vaultFailure(err, x)
	}
	if x.status == http.StatusNoContent || x.status == http.StatusOK && answer != nil && answer.Auth == nil && len(answer.Data) == 0 {
		return nil
	}
	return x.failure(x.unexpectedAnswer(vaultDialect))
}

// vaultFailure tells Vault's own refusal, which is JSON with a list of errors,
// from the answer of something in front of it.
func vaultFailure(err error, x *requestTrace) evidence.Failure {
	refusal, ok := errors.AsType[*api.ResponseError](err)
	if !ok {
		return x.failure(err)
	}
	text := x.redactor.Clean(strings.Join(refusal.Errors, "; "))
	switch {
	case x.plain && evidence.Contains(text, evidence.TextPlainHTTP):
		return x.plainToTLS()
	case refusal.RawError || text == "":
		return x.failure(x.unexpectedAnswer(vaultDialect))
	}
	return evidence.Failure{Class: evidence.ClassRefused, Status: refusal.StatusCode, Text: text, RetryAfter: x.retryAfter}
}
