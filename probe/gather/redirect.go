package gather

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
)

// A standby that cannot forward a login answers 307 with the address of the active
// node, and the clients of pods follow. So does the canary, once: the JWT is sent there
// too. The redirect must lead to https, where the same CA verifies the node, or from
// plain HTTP to plain HTTP, as pods' clients demand. The only other request to that node
// revokes the token that it issued.

// loginFollowing logs in and, if the server redirects to the active node, logs in there,
// provided that standby reports the server to be a standby. It calls standby only then.
func (v *vaultServer) loginFollowing(ctx context.Context, x *requestTrace, role, jwt string, standby func() bool) (*loginAnswer, error) {
	answer, err := v.loginOnce(ctx, x, role, jwt)
	if err == nil {
		return answer, nil
	}
	active, redirected := v.activeNode(x)
	if !redirected || !standby() {
		return answer, err
	}
	x.again()
	return active.loginRedirected(ctx, x, role, jwt)
}

// loginRedirected logs in at the active node v, to which a standby redirected.
func (v *vaultServer) loginRedirected(ctx context.Context, x *requestTrace, role, jwt string) (*loginAnswer, error) {
	answer, err := v.loginOnce(ctx, x, role, jwt)
	answer.From = v.target.Addr
	if f, failed := errors.AsType[evidence.Failure](err); failed {
		f.Active = v.target.Addr
		if f.IsTransport() {
			f.Status, f.Text = http.StatusTemporaryRedirect, "the standby redirects to "+f.Active+", which fails: "+f.Error()
		}
		return answer, f
	}
	return answer, err
}

// loginOnce is login without redirects. It fails unless the status is 200, which is what
// Vault returns for a successful login.
func (v *vaultServer) loginOnce(ctx context.Context, x *requestTrace, role, jwt string) (*loginAnswer, error) {
	answer, err := v.login(ctx, x, role, jwt)
	if err == nil && x.status != http.StatusOK {
		return answer, x.notFromVault()
	}
	return answer, err
}

// activeNode returns the server that a login was redirected to, if that is the same path
// at another address whose scheme is no less secure.
func (v *vaultServer) activeNode(x *requestTrace) (*vaultServer, bool) {
	location, err := url.Parse(x.location)
	if x.status != http.StatusTemporaryRedirect || err != nil || !v.mayFollow(location.Scheme) || location.Host == "" ||
		location.User != nil || location.RawQuery != "" {
		return nil, false
	}
	address, isLogin := strings.CutSuffix(location.String(), "/v1/"+v.target.LoginPath())
	if !isLogin || x.redactor.Clean(address) != address {
		return nil, false
	}
	return v.at(address), true
}

// mayFollow reports whether a redirect to this scheme keeps the JWT as protected as it was.
func (v *vaultServer) mayFollow(scheme string) bool {
	return scheme == "https" || scheme == "http" && strings.HasPrefix(v.target.Addr, "http://")
}
