package gather

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-logr/logr"
	authenticationv1 "k8s.io/api/authentication/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	"k8s.io/client-go/rest"
	"k8s.io/klog/v2"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
)

const kubernetesDialect = "the API server's JSON"

// kubernetesIdle is how long a connection to the API server stays open without a request: longer than
// a run in which both servers respond, so that it needs one connection, and shorter than one that waits for
// a Vault that hangs, of which there may be hundreds at once. Follow-ups open another.
const kubernetesIdle = 2 * time.Second

// kubernetesServer is the connection to the API server in one run.
type kubernetesServer struct {
	target    evidence.Kubernetes
	userAgent string
	endpoint  *endpoint
}

func newKubernetesServer(target evidence.Kubernetes, userAgent string, network Network) (*kubernetesServer, error) {
	e, err := newEndpoint(tlsFiles{caCert: target.CACert, serverName: target.TLSServerName}, network)
	if err != nil {
		return nil, err
	}
	e.transport.IdleConnTimeout = kubernetesIdle
	return &kubernetesServer{target: target, userAgent: userAgent, endpoint: e}, nil
}

// caller is a client of the API server with one identity.
type caller struct{ authentication, authorization, core rest.Interface }

// as returns a client that authenticates with a token. Its configuration is built here,
// so that no kubeconfig and no environment variable has an effect.
func (k *kubernetesServer) as(bearer evidence.Secret) (caller, error) {
	config := &rest.Config{
		Host:           k.target.Host,
		BearerToken:    bearer.Reveal(),
		UserAgent:      k.userAgent,
		ContentConfig:  rest.ContentConfig{ContentType: runtime.ContentTypeJSON},
		QPS:            -1, // no client-side rate limit: its delay would look like the server's
		WarningHandler: rest.NoWarnings{},
	}
	var wrapping error
	client := k.endpoint.client(func(below http.RoundTripper) http.RoundTripper {
		var wrapped http.RoundTripper
		wrapped, wrapping = rest.HTTPWrappersForConfig(config, below)
		return wrapped
	})
	authentication, err := groupClient(*config, "/apis", authenticationv1.SchemeGroupVersion, client)
	if err != nil {
		return caller{}, errors.Join(wrapping, err)
	}
	authorization, err := groupClient(*config, "/apis", authorizationv1.SchemeGroupVersion, client)
	if err != nil {
		return caller{}, errors.Join(wrapping, err)
	}
	core, err := groupClient(*config, "/api", schema.GroupVersion{Version: "v1"}, client)
	if err != nil {
		return caller{}, errors.Join(wrapping, err)
	}
	return caller{authentication, authorization, core}, wrapping
}

// groupClient returns a client for one API group. client-go's typed clients would link the
// types of every group.
func groupClient(config rest.Config, path string, group schema.GroupVersion, client *http.Client) (rest.Interface, error) {
	config.APIPath, config.GroupVersion, config.NegotiatedSerializer = path, &group, requestSerializer
	return rest.RESTClientForConfigAndClient(&config, client)
}

// requestSerializer encodes requests and decodes a Status. ask decodes all other responses.
var requestSerializer = func() runtime.NegotiatedSerializer {
	scheme := runtime.NewScheme()
	utilruntime.Must(authenticationv1.AddToScheme(scheme))
	utilruntime.Must(authorizationv1.AddToScheme(scheme))
	return serializer.NewCodecFactory(scheme).WithoutConversion()
}()

// review creates a TokenReview of a token for these audiences. Without a token it reviews
// a placeholder, which still checks the caller.
func (c caller) review(ctx context.Context, token evidence.Secret, audiences []string) (evidence.Review, error) {
	spec := authenticationv1.TokenReviewSpec{Token: token.Reveal(), Audiences: audiences}
	if token.IsZero() {
		spec.Token = notAToken
	}
	var answer authenticationv1.TokenReview
	if err := create(ctx, c.authentication, "TokenReview", &authenticationv1.TokenReview{Spec: spec}, &answer); err != nil {
		return evidence.Review{}, err
	}
	if !answer.Status.Authenticated && answer.Status.Error == "" {
		return evidence.Review{}, evidence.Failure{Class: evidence.ClassBadResponse, Status: http.StatusCreated, Text: "the TokenReview has no status"}
	}
	clean := redactorOf(ctx).Clean
	return evidence.Review{
		Authenticated: answer.Status.Authenticated && answer.Status.Error == "", // as Vault judges
		Username:      clean(answer.Status.User.Username),
		UID:           clean(answer.Status.User.UID),
		Audiences:     cleanAll(clean, answer.Status.Audiences),
		Error:         clean(answer.Status.Error),
		Placeholder:   token.IsZero(),
	}, nil
}

// identity returns the user that the API server authenticates the caller as.
func (c caller) identity(ctx context.Context) (evidence.Identity, error) {
	var answer authenticationv1.SelfSubjectReview
	err := create(ctx, c.authentication, "SelfSubjectReview", &authenticationv1.SelfSubjectReview{}, &answer)
	return evidence.Identity{Username: redactorOf(ctx).Clean(answer.Status.UserInfo.Username)}, err
}

// access returns whether the caller may create TokenReviews.
func (c caller) access(ctx context.Context) (evidence.Access, error) {
	return c.may(ctx, createTokenReviews)
}

var createTokenReviews = authorizationv1.ResourceAttributes{
	Verb: "create", Group: authenticationv1.GroupName, Resource: "tokenreviews",
}

func (c caller) may(ctx context.Context, what authorizationv1.ResourceAttributes) (evidence.Access, error) {
	question := &authorizationv1.SelfSubjectAccessReview{
		Spec: authorizationv1.SelfSubjectAccessReviewSpec{ResourceAttributes: &what},
	}
	var answer accessAnswer
	if err := create(ctx, c.authorization, "SelfSubjectAccessReview", question, &answer); err != nil {
		return evidence.Access{}, err
	}
	return answer.access(ctx)
}

// accessOfOther returns whether another user may create TokenReviews.
func (c caller) accessOfOther(ctx context.Context, username string) (evidence.Access, error) {
	question := &authorizationv1.SubjectAccessReview{
		Spec: authorizationv1.SubjectAccessReviewSpec{
			ResourceAttributes: &createTokenReviews, User: username, Groups: groupsOf(username),
		},
	}
	var answer accessAnswer
	if err := create(ctx, c.authorization, "SubjectAccessReview", question, &answer); err != nil {
		return evidence.Access{}, err
	}
	return answer.access(ctx)
}

// accessAnswer is either kind of access review. Every API server says whether it is allowed.
type accessAnswer struct {
	metav1.TypeMeta
	Status struct {
		Allowed, Denied         *bool
		Reason, EvaluationError string
	}
}

// access is the answer of an authorizer. One that failed has answered nothing: the API
// server answers 500 to what it cannot judge. That a binding names no ClusterRole is no
// failure.
func (a accessAnswer) access(ctx context.Context) (evidence.Access, error) {
	s, clean := a.Status, redactorOf(ctx).Clean
	switch {
	case s.Allowed == nil:
		return evidence.Access{}, evidence.Failure{Class: evidence.ClassBadResponse, Status: http.StatusCreated, Text: "the access review has no status"}
	case !*s.Allowed && !(s.Denied != nil && *s.Denied) && s.EvaluationError != "" && !strings.HasSuffix(s.EvaluationError, "not found"):
		return evidence.Access{}, evidence.Failure{Class: evidence.ClassRefused, Status: http.StatusInternalServerError, Text: "an authorizer failed: " + clean(s.EvaluationError)}
	}
	return evidence.Access{Allowed: *s.Allowed, Why: clean(s.Reason + " " + s.EvaluationError)}, nil
}

// groupsOf lists the groups of a user. A SubjectAccessReview considers bindings to a group
// only if it names the group.
func groupsOf(username string) []string {
	groups := []string{"system:authenticated"}
	if account, ok := evidence.AccountOf(username); ok {
		groups = append(groups, "system:serviceaccounts", "system:serviceaccounts:"+account.Namespace)
	}
	return groups
}

// mint creates a token for a service account with the shortest lifetime that the API server
// grants. No audiences means the API server's own.
func (c caller) mint(ctx context.Context, account evidence.ServiceAccount, audiences []string) (evidence.Token, error) {
	question := &authenticationv1.TokenRequest{
		Spec: authenticationv1.TokenRequestSpec{Audiences: audiences, ExpirationSeconds: &shortestLifetime},
	}
	var answer authenticationv1.TokenRequest
	request := c.core.Post().Namespace(account.Namespace).Resource("serviceaccounts").Name(account.Name).SubResource("token")
	if err := ask(ctx, request, "TokenRequest", question, &answer); err != nil {
		return evidence.Token{}, err
	}
	token, err := parseToken([]byte(answer.Status.Token), "the answer to the TokenRequest")
	if err != nil {
		return evidence.Token{}, evidence.Failure{Class: evidence.ClassBadResponse, Status: http.StatusCreated, Text: failureOf(err).Text}
	}
	return token, nil
}

// shortestLifetime is in seconds. The API server rejects shorter ones.
var shortestLifetime int64 = 600

// signingKeys reads the API server's JWKS, and returns the ID of each key (see [evidence.KeyID]).
func (c caller) signingKeys(ctx context.Context) ([]string, error) {
	ctx, x := newRequestTrace(klog.NewContext(ctx, logr.Discard()))
	result := c.core.Get().AbsPath("/openid/v1/jwks").MaxRetries(0).Do(ctx)
	if err := result.Error(); err != nil {
		return nil, kubernetesFailure(err, x)
	}
	body, err := result.Raw()
	if err != nil {
		return nil, x.failure(err)
	}
	var set jose.JSONWebKeySet
	if json.Unmarshal(body, &set) != nil || len(set.Keys) == 0 {
		return nil, x.failure(x.unexpectedAnswer(kubernetesDialect))
	}
	var ids []string
	for _, key := range set.Keys {
		if id := evidence.KeyID(key.Public().Key); id != "" {
			ids = append(ids, id)
		}
	}
	return ids, nil
}

// create posts an object of this kind and decodes the response into answer.
func create(ctx context.Context, client rest.Interface, kind string, question runtime.Object, answer kubernetesObject) error {
	return ask(ctx, client.Post().Resource(strings.ToLower(kind)+"s"), kind, question, answer)
}

// ask sends a request once, with question as its body if that is not nil, and decodes the
// response into answer. client-go's typed Create would retry and lose the cause of a
// failure.
func ask(ctx context.Context, request *rest.Request, kind string, question runtime.Object, answer kubernetesObject) error {
	ctx, x := newRequestTrace(klog.NewContext(ctx, logr.Discard()))
	if question != nil {
		request = request.Body(question)
	}
	result := request.MaxRetries(0).Do(ctx)
	if err := result.Error(); err != nil {
		return kubernetesFailure(err, x)
	}
	if x.status != http.StatusCreated && x.status != http.StatusOK {
		return x.failure(x.unexpectedAnswer(kubernetesDialect))
	}
	body, err := result.Raw()
	if err != nil {
		return x.failure(err)
	}
	if json.Unmarshal(body, answer) != nil || answer.GetObjectKind().GroupVersionKind().Kind != kind {
		return x.failure(x.unexpectedAnswer(kubernetesDialect))
	}
	return nil
}

// kubernetesObject is an API object that has a kind.
type kubernetesObject interface{ GetObjectKind() schema.ObjectKind }
