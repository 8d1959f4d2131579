package gather

import (
	"context"
	"errors"
	"net/http"
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
		Version:      evidence.Clean(answer.Version),
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
// also where err is not nil.
func (v *vaultServer) login(ctx context.Context, x *requestTrace, role, jwt string) (loginAnswer, error) {
	client, err := v.client(evidence.Secret{}, v.target.Namespace)
	if err != nil {
		return loginAnswer{server: v}, err
	}
	secret, err := client.Logical().WriteWithContext(ctx, v.target.LoginPath(),
		map[string]any{"role": role, "jwt": jwt})
	if err != nil {
		lost := x.sent.Load() && (x.status == 0 || x.status == http.StatusOK)
		return loginAnswer{server: v, unaccounted: lost}, vaultFailure(err, x)
	}
	if x.status != http.StatusOK || secret == nil || secret.Auth == nil {
		return loginAnswer{server: v}, x.failure(x.unexpectedAnswer(vaultDialect))
	}
	auth := secret.Auth
	if auth.ClientToken == "" {
		text := "the login was accepted, but brought no token"
		if auth.MFARequirement != nil {
			text = evidence.TextMFARequired
		}
		return loginAnswer{server: v}, evidence.Failure{Class: evidence.ClassRefused, Status: x.status, Text: text}
	}
	kind := evidence.ServiceToken
	if auth.Accessor == "" {
		kind = evidence.BatchToken // only a batch token has no accessor
	}
	return loginAnswer{
		Login:  evidence.Login{Type: kind, TTL: time.Duration(auth.LeaseDuration) * time.Second},
		token:  evidence.NewSecret(auth.ClientToken),
		server: v,
	}, nil
}

// revoke ends a token by itself.
func (v *vaultServer) revoke(ctx context.Context, token evidence.Secret) error {
	client, err := v.client(token, v.target.Namespace)
	if err != nil {
		return err
	}
	ctx, x := newRequestTrace(ctx)
	if err := client.Auth().Token().RevokeSelfWithContext(ctx, ""); err != nil {
		return vaultFailure(err, x)
	}
	if x.status != http.StatusNoContent && x.status != http.StatusOK {
		return x.failure(x.unexpectedAnswer(vaultDialect))
	}
	return nil
}

// vaultFailure tells Vault's own refusal, which is JSON with a list of errors,
// from the answer of something in front of it.
func vaultFailure(err error, x *requestTrace) evidence.Failure {
	refusal, ok := errors.AsType[*api.ResponseError](err)
	if !ok {
		return x.failure(err)
	}
	text := evidence.Clean(strings.Join(refusal.Errors, "; "))
	switch {
	case x.plain && evidence.Contains(text, evidence.TextPlainHTTP):
		return x.plainToTLS()
	case refusal.RawError || text == "":
		return x.failure(x.unexpectedAnswer(vaultDialect))
	}
	return evidence.Failure{Class: evidence.ClassRefused, Status: refusal.StatusCode, Text: text, RetryAfter: x.retryAfter}
}
