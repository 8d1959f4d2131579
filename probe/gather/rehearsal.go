package gather

import (
	"context"
	"net/http"
	"time"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
)

// Rehearser rehearses the logins of workloads at one target, one after the other. It keeps one
// connection, which ends after connectionIdle without a request or with Close. It is not safe for
// concurrent use.
type Rehearser struct {
	gatherer *Gatherer
	target   evidence.Target
	vault    *vaultServer
}

// connectionIdle is longer than turnInterval, so that the rehearsals of one round share a
// connection.
const connectionIdle = 5 * time.Second

// forgedUID is the UID of the service account in forged JWTs. Vault requires one, and compares it
// only after the API server has authenticated the JWT.
const forgedUID = "00000000-0000-0000-0000-000000000000"

// rehearsalTurn is the key of the rehearsals' turns. No target has this name.
const rehearsalTurn = "rehearsal of a workload"

// Rehearser returns a Rehearser for the target. It reads the target's CA bundle now. The error is
// an [evidence.Failure].
func (g *Gatherer) Rehearser(target evidence.Target) (*Rehearser, error) {
	server, err := newVaultServer(target.Vault, g.userAgent, g.network)
	if err != nil {
		return nil, failureOf(err)
	}
	server.endpoint.transport.IdleConnTimeout = connectionIdle
	return &Rehearser{g, target, server}, nil
}

// Close closes the connection.
func (s *Rehearser) Close() { s.vault.endpoint.close() }

// Rehearse makes at most three requests, each at its turn: one Vault gets one rehearsal's request
// or one round of follow-ups a second. If expired was answered, it is the answer to the expired
// JWT, which other service accounts with the same role share, and is not asked again. A token that
// Vault issues nevertheless is revoked. The rehearsal of a context that is canceled says nothing.
func (s *Rehearser) Rehearse(ctx context.Context, login evidence.WorkloadLogin, expired evidence.Fact[evidence.Refusal]) evidence.Rehearsal {
	r := &run{gatherer: s.gatherer, caller: ctx, target: &s.target, memory: new(Memory), evidence: new(evidence.Evidence), vault: s.vault}
	ctx, r.redactor = withRedactor(ctx)
	r.holdTokens()
	rehearsal := evidence.Rehearsal{Login: login, At: time.Now(), Expired: expired}
	r.guard(func() { r.rehearse(ctx, &rehearsal) })
	if r.panicked != "" {
		rehearsal.Unexpired = evidence.Fact[evidence.Refusal]{
			State: evidence.Failed, Failure: evidence.Failure{Class: evidence.ClassBadResponse, Text: "the rehearsal panicked: " + r.panicked},
		}
	}
	return rehearsal
}

func (r *run) rehearse(ctx context.Context, rehearsal *evidence.Rehearsal) {
	login := rehearsal.Login
	claims := evidence.Claims{
		Issuer: login.Issuer, Subject: login.ServiceAccount.Username(), Audiences: login.Audiences,
		Namespace: login.ServiceAccount.Namespace, ServiceAccount: login.ServiceAccount.Name, UID: forgedUID,
	}
	if !rehearsal.Expired.Ok() {
		rehearsal.Expired = atTurn(ctx, r, func(ctx context.Context) (evidence.Refusal, error) {
			return r.refusedLogin(ctx, login.Role, forgeExpired(claims))
		})
	}
	if evidence.CameToExpiry(rehearsal.Expired) {
		rehearsal.Unexpired = atTurn(ctx, r, func(ctx context.Context) (evidence.Refusal, error) {
			now := time.Now() // Vault's clock may be behind
			return r.refusedLogin(ctx, login.Role, forge(claims, now.Add(-10*time.Minute), now.Add(time.Hour)))
		})
	}
	if isAboutRole(*rehearsal) && evidence.ValidRole(login.Role) {
		rehearsal.Role = r.readWorkloadRole(ctx, login.Role)
	}
}

// holdTokens has the redactor know the tokens in the target's files. A rehearsal sends none of them, but
// Vault may know them from the canary's logins.
func (r *run) holdTokens() {
	t := r.target
	for _, file := range []string{t.Canary.TokenFile, t.Reviewer.TokenFile, t.Kubernetes.TokenFile, t.Vault.TokenFile} {
		if file == "" {
			continue
		}
		if token, err := r.gatherer.files.loadToken(file); err == nil {
			r.redactor.Hold(token.Reveal())
		}
	}
}

// isAboutRole reports whether what the role requires, of the address or the audience, may explain
// the answer.
func isAboutRole(r evidence.Rehearsal) bool {
	return r.Expired.Ok() && r.Expired.Value.Status == http.StatusForbidden && !evidence.CameToExpiry(r.Expired)
}

// readWorkloadRole reads a role with the token in the token file, if there is one.
func (r *run) readWorkloadRole(ctx context.Context, role string) evidence.Fact[evidence.RoleConfig] {
	r.loadReader()
	if r.reader.IsZero() {
		return evidence.Fact[evidence.RoleConfig]{}
	}
	server := *r.vault
	server.target.Role = role
	return atTurn(ctx, r, func(ctx context.Context) (evidence.RoleConfig, error) { return server.readRole(ctx, r.reader) })
}

// atTurn makes one request at the next turn of the target's Vault.
func atTurn[T any](ctx context.Context, r *run, ask func(context.Context) (T, error)) evidence.Fact[T] {
	if _, ok := r.gatherer.limiter.wait(ctx, r.target.Vault.Addr, rehearsalTurn); !ok {
		return evidence.Fact[T]{State: evidence.Failed, Failure: evidence.Failure{Class: evidence.ClassCanceled, Text: "canceled"}}
	}
	ctx, cancel := context.WithTimeout(ctx, r.target.Timeout)
	defer cancel()
	return observe(func() (T, error) { return ask(ctx) })
}
