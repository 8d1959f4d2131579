// Package okta replaces github.com/okta/okta-sdk-golang, which Vault uses for one kind of login MFA. Its 12 MB of
// generated code are a sixth of what there is to compile for Vault. It has only what Vault names, and
// [NewConfiguration] returns an error before any of it is used.
package okta

import (
	"context"
	"errors"
	"net/http"
)

var errReplaced = errors.New("the lab's Vault is compiled without Okta's client")

type (
	// Configuration has no settings.
	Configuration struct{ Context context.Context }
	// ConfigSetter does nothing.
	ConfigSetter func(*Configuration)
	// APIClient cannot be configured.
	APIClient struct {
		UserAPI       userAPI
		UserFactorAPI userFactorAPI
	}
	// User is an element of a list that is always empty.
	User struct{}
	// UserFactorPush is never found.
	UserFactorPush struct{}
)

// NewConfiguration returns an error.
func NewConfiguration(...ConfigSetter) (*Configuration, error) { return nil, errReplaced }

// WithToken does nothing.
func WithToken(string) ConfigSetter { return nil }

// WithOrgUrl does nothing.
func WithOrgUrl(string) ConfigSetter { return nil }

// WithCache does nothing.
func WithCache(bool) ConfigSetter { return nil }

// NewAPIClient needs a configuration, which there is none of.
func NewAPIClient(*Configuration) *APIClient { return new(APIClient) }

// GetConfig returns an empty configuration.
func (*APIClient) GetConfig() *Configuration { return new(Configuration) }

// GetId is empty.
func (*User) GetId() string { return "" }

// GetId is empty.
func (*UserFactorPush) GetId() string { return "" }

type (
	userAPI       struct{}
	userFactorAPI struct{}

	request[R any] struct{}

	factor       struct{ UserFactorPush *UserFactorPush }
	verification struct{ Links map[string]any }
	transaction  struct {
		UserFactorPushTransaction, UserFactorPushTransactionWaiting         *struct{}
		UserFactorPushTransactionRejected, UserFactorPushTransactionTimeout *struct{}
	}
)

func (userAPI) ListUsers(context.Context) request[[]User] { return request[[]User]{} }

func (userFactorAPI) ListFactors(context.Context, string) request[[]factor] {
	return request[[]factor]{}
}

func (userFactorAPI) VerifyFactor(context.Context, string, string) request[*verification] {
	return request[*verification]{}
}

func (userFactorAPI) GetFactorTransactionStatus(context.Context, string, string, string) request[*transaction] {
	return request[*transaction]{}
}

func (r request[R]) Filter(string) request[R] { return r }

func (request[R]) Execute() (result R, _ *http.Response, _ error) { return result, nil, errReplaced }

func (*verification) GetFactorResult() string { return "" }
