package bench

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"

	"github.com/hashicorp/vault/api"
	authenticationv1 "k8s.io/api/authentication/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/client-go/rest"
)

// withLibraries makes the requests of [servers.bare] with client-go and vault/api, over the same transports.
func (s servers) withLibraries() func() error {
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM([]byte(s.CA))
	scheme := runtime.NewScheme()
	_ = authenticationv1.AddToScheme(scheme)
	_ = authorizationv1.AddToScheme(scheme)
	codecs := serializer.NewCodecFactory(scheme).WithoutConversion()
	runs := 0
	return func() error {
		runs++
		return s.probeWithLibraries(context.Background(), roots, codecs, runs%everyRuns == 0)
	}
}

func (s servers) probeWithLibraries(ctx context.Context, roots *x509.CertPool, codecs runtime.NegotiatedSerializer, more bool) error {
	overVault, overKubernetes := newHTTPClient(roots), newHTTPClient(roots)
	defer overVault.CloseIdleConnections()
	defer overKubernetes.CloseIdleConnections()
	vault, err := api.NewClient(&api.Config{Address: s.Vault, HttpClient: overVault, DisableRedirects: true})
	if err != nil {
		return err
	}
	authentication, err := s.group(overKubernetes, codecs, authenticationv1.SchemeGroupVersion)
	if err != nil {
		return err
	}
	authorization, err := s.group(overKubernetes, codecs, authorizationv1.SchemeGroupVersion)
	if err != nil {
		return err
	}
	create := func(ctx context.Context, client rest.Interface, resource string, question, answer runtime.Object) error {
		return client.Post().Resource(resource).Body(question).Do(ctx).Into(answer)
	}
	review := &authenticationv1.TokenReview{Spec: authenticationv1.TokenReviewSpec{Token: token("canary"), Audiences: []string{"vault"}}}
	access := &authorizationv1.SelfSubjectAccessReview{Spec: authorizationv1.SelfSubjectAccessReviewSpec{
		ResourceAttributes: &authorizationv1.ResourceAttributes{Verb: "create", Group: "authentication.k8s.io", Resource: "tokenreviews"},
	}}
	rules := &authorizationv1.SelfSubjectRulesReview{Spec: authorizationv1.SelfSubjectRulesReviewSpec{Namespace: "vault"}}
	login, err := json.Marshal(map[string]string{"role": "canary", "jwt": token("canary")})
	if err != nil {
		return err
	}
	var requests sync.WaitGroup
	var accessor string
	errs := make([]error, 4)
	toKubernetes, kubernetesConnected := connecting(ctx)
	toVault, vaultConnected := connecting(ctx)
	requests.Go(func() {
		errs[0] = create(toKubernetes, authentication, "tokenreviews", review, &authenticationv1.TokenReview{})
	})
	requests.Go(func() {
		<-kubernetesConnected
		if errs[1] = create(ctx, authentication, "selfsubjectreviews", &authenticationv1.SelfSubjectReview{}, &authenticationv1.SelfSubjectReview{}); errs[1] == nil {
			errs[1] = create(ctx, authorization, "selfsubjectaccessreviews", access, &authorizationv1.SelfSubjectAccessReview{})
		}
		if more && errs[1] == nil {
			errs[1] = create(ctx, authorization, "selfsubjectrulesreviews", rules, &authorizationv1.SelfSubjectRulesReview{})
		}
	})
	requests.Go(func() {
		var answer *api.Response
		if answer, errs[2] = vault.Logical().ReadRawWithContext(toVault, "sys/health"); errs[2] == nil {
			errs[2] = answer.DecodeJSON(&api.HealthResponse{})
			_ = answer.Body.Close()
		}
	})
	requests.Go(func() {
		<-vaultConnected
		var answer *api.Secret
		if answer, errs[3] = vault.Logical().WriteBytesWithContext(ctx, "auth/kubernetes/login", login); errs[3] == nil {
			accessor = answer.Auth.Accessor
			vault.SetToken(answer.Auth.ClientToken)
		}
		if more && errs[3] == nil {
			errs[3] = readMount(ctx, vault)
		}
	})
	requests.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	if accessor == "" {
		return fmt.Errorf("the login returned no token")
	}
	_, err = vault.Logical().WriteBytesWithContext(ctx, "auth/token/revoke-self", nil)
	return err
}

// readMount reads what the policy default does not permit, and what the token may do.
func readMount(ctx context.Context, vault *api.Client) error {
	for _, path := range []string{mountPath, configPath} {
		_, err := vault.Logical().ReadWithContext(ctx, strings.TrimPrefix(path, "/v1/"))
		if refused, ok := errors.AsType[*api.ResponseError](err); !ok || refused.StatusCode != http.StatusForbidden {
			return fmt.Errorf("reading %s: %v, want 403", path, err)
		}
	}
	_, err := vault.Logical().WriteWithContext(ctx, strings.TrimPrefix(capabilitiesPath, "/v1/"), map[string]any{"paths": guarded()})
	return err
}

func (s servers) group(over *http.Client, codecs runtime.NegotiatedSerializer, group schema.GroupVersion) (rest.Interface, error) {
	return rest.RESTClientForConfigAndClient(&rest.Config{
		Host: s.Kubernetes, APIPath: "/apis", BearerToken: token("vault-auth"), QPS: -1,
		ContentConfig: rest.ContentConfig{GroupVersion: &group, ContentType: runtime.ContentTypeJSON, NegotiatedSerializer: codecs},
	}, over)
}
