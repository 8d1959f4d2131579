package setup

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/internal/kubeconfig"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/internal/redact"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
)

const asJSON = "application/json"

// readCluster asks only what the decision needs: for accounts and Secrets with tokens, only
// if Vault is known to review with one of them.
func readCluster(ctx context.Context, in Input, mount evidence.Fact[evidence.MountConfig], version string) Cluster {
	var c Cluster
	s, err := newAPIServer(in, "vault-k8s-auth-exporter/"+version)
	switch {
	case errors.Is(err, kubeconfig.ErrNone) && in.Kubeconfig == "":
		c.NoKubeconfig = redact.Clean(err.Error())
		return c
	case err != nil:
		c.Access = observe(func() (string, error) { return "", err })
		return c
	}
	c.Addresses = observe(func() ([]string, error) { return s.addresses(ctx) })
	c.Access = evidence.Fact[string]{State: evidence.Answered, Value: s.displayed()}
	if c.Addresses.Failed() && !c.Addresses.RefusedWith(http.StatusForbidden) && !c.Addresses.RefusedWith(http.StatusNotFound) {
		c.Access = evidence.Fact[string]{State: evidence.Failed, Failure: c.Addresses.Failure}
		return c
	}
	c.KubeconfigCA = s.ca
	c.Vaults = observe(func() ([]Server, error) { return s.vaults(ctx) })
	c.CA = observe(func() (string, error) { return s.rootCA(ctx) })
	c.Issuer = observe(func() (string, error) { return s.issuer(ctx) })
	if in.mustSearch(mount) {
		c.Delegators = observe(func() (Delegators, error) { return s.delegators(ctx) })
		c.TokenSecrets = observe(func() ([]TokenSecret, error) { return s.tokenSecrets(ctx) })
	}
	c.Reviewers = map[evidence.ServiceAccount]evidence.Fact[evidence.Access]{}
	for _, account := range accountsToReview(in, c) {
		c.Reviewers[account] = observe(func() (evidence.Access, error) { return s.mayReview(ctx, account) })
	}
	return c
}

// mustSearch reports whether the reviewer's token is a stored one that was not named.
func (in Input) mustSearch(mount evidence.Fact[evidence.MountConfig]) bool {
	switch given := in.Given.Reviewer; given.Source {
	case "":
		return mount.Ok() && mount.Value.ReviewerSet
	case evidence.SourceSecret:
		return given.Secret == evidence.SecretKey{}
	}
	return false
}

// accountsToReview are few: the API server is asked about each.
func accountsToReview(in Input, c Cluster) []evidence.ServiceAccount {
	unique := map[string]evidence.ServiceAccount{}
	for _, server := range c.Vaults.Value {
		unique[server.Account.String()] = server.Account
	}
	if given := in.Given.Reviewer.ServiceAccount; given != (evidence.ServiceAccount{}) {
		unique[given.String()] = given
	}
	const most = 10
	var accounts []evidence.ServiceAccount
	for _, name := range slices.Sorted(maps.Keys(unique)) {
		accounts = append(accounts, unique[name])
	}
	return accounts[:min(most, len(accounts))]
}

type metadata struct {
	Namespace, Name     string
	Labels, Annotations map[string]string
}

// account is a service account whose name a server sent: a name with a credential in it is
// no longer one.
func (s *apiServer) account(namespace, name string) evidence.ServiceAccount {
	return evidence.ServiceAccount{Namespace: s.redactor.Clean(namespace), Name: s.redactor.Clean(name)}
}

func (s *apiServer) addresses(ctx context.Context) ([]string, error) {
	var service struct {
		Spec struct{ ClusterIPs []string }
	}
	err := s.get(ctx, "/api/v1/namespaces/default/services/kubernetes", nil, asJSON, &service)
	return service.Spec.ClusterIPs, err
}

func (s *apiServer) rootCA(ctx context.Context) (string, error) {
	var bundle struct{ Data map[string]string }
	err := s.get(ctx, "/api/v1/namespaces/default/configmaps/kube-root-ca.crt", nil, asJSON, &bundle)
	return onlyCertificates(bundle.Data["ca.crt"]), err
}

func (s *apiServer) issuer(ctx context.Context) (string, error) {
	var discovery struct{ Issuer string }
	err := s.get(ctx, "/.well-known/openid-configuration", nil, asJSON, &discovery)
	return s.redactor.Clean(discovery.Issuer), err
}

func (s *apiServer) delegators(ctx context.Context) (Delegators, error) {
	type binding struct {
		RoleRef  struct{ Name string }
		Subjects []struct{ Kind, Namespace, Name string }
	}
	bindings, err := list[binding](ctx, s, "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings", url.Values{}, asJSON)
	var found Delegators
	for _, b := range bindings {
		if b.RoleRef.Name != "system:auth-delegator" {
			continue
		}
		for _, subject := range b.Subjects {
			account, isAccount := evidence.AccountOf(subject.Name)
			switch {
			case subject.Kind == "ServiceAccount":
				found.Accounts = append(found.Accounts, s.account(subject.Namespace, subject.Name))
			case subject.Kind == "User" && isAccount:
				found.Accounts = append(found.Accounts, s.account(account.Namespace, account.Name))
			default:
				found.Others = append(found.Others, s.redactor.Clean(subject.Kind+" "+subject.Name))
			}
		}
	}
	return found, err
}

// tokenSecrets never receives the content of a Secret from an API server.
func (s *apiServer) tokenSecrets(ctx context.Context) ([]TokenSecret, error) {
	type secret struct{ Metadata metadata }
	query := url.Values{"fieldSelector": {"type=kubernetes.io/service-account-token"}}
	secrets, err := list[secret](ctx, s, "/api/v1/secrets", query, metadataOnly)
	var found []TokenSecret
	for _, one := range secrets {
		m := one.Metadata
		found = append(found, TokenSecret{
			Secret:  evidence.SecretKey{Namespace: s.redactor.Clean(m.Namespace), Name: s.redactor.Clean(m.Name), Key: "token"},
			Account: s.account(m.Namespace, m.Annotations["kubernetes.io/service-account.name"]),
		})
	}
	return found, err
}

func (s *apiServer) mayReview(ctx context.Context, account evidence.ServiceAccount) (evidence.Access, error) {
	var answer struct {
		Status struct {
			Allowed bool
			Reason  string
		}
	}
	err := s.post(ctx, "/apis/authorization.k8s.io/v1/subjectaccessreviews", map[string]any{
		"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview",
		"spec": map[string]any{
			"user":               account.Username(),
			"groups":             []string{"system:serviceaccounts", "system:serviceaccounts:" + account.Namespace, "system:authenticated"},
			"resourceAttributes": map[string]string{"group": "authentication.k8s.io", "resource": "tokenreviews", "verb": "create"},
		},
	}, &answer)
	return evidence.Access{Allowed: answer.Status.Allowed, Why: s.redactor.Clean(answer.Status.Reason)}, err
}

type servicePort struct {
	Name       string
	Port       int
	TargetPort any // a number or a name
}

type service struct {
	Metadata metadata
	Spec     struct {
		Selector  map[string]string
		ClusterIP string
		Ports     []servicePort
	}
}

// vaults returns the servers by the accounts that their pods run as. The labels are those
// of the charts of HashiCorp, OpenBao and Bitnami, and of the bank-vaults operator.
func (s *apiServer) vaults(ctx context.Context) ([]Server, error) {
	type pod struct {
		Metadata metadata
		Spec     struct{ ServiceAccountName string }
	}
	query := url.Values{"labelSelector": {"app.kubernetes.io/name in (vault,openbao)"}}
	pods, err := list[pod](ctx, s, "/api/v1/pods", query, asJSON)
	if err != nil {
		return nil, err
	}
	var servers []Server
	for _, p := range pods {
		labels := p.Metadata.Labels
		if component := cmp.Or(labels["component"], labels["app.kubernetes.io/component"], "server"); component != "server" {
			continue // the injector, the CSI provider
		}
		account := s.account(p.Metadata.Namespace, cmp.Or(p.Spec.ServiceAccountName, "default"))
		if slices.ContainsFunc(servers, func(known Server) bool { return known.Account == account }) {
			continue
		}
		server := Server{Product: labels["app.kubernetes.io/name"], Account: account}
		services, err := list[service](ctx, s, "/api/v1/namespaces/"+url.PathEscape(account.Namespace)+"/services", url.Values{}, asJSON)
		if err != nil {
			return nil, err
		}
		server.URL, server.Port = serviceURL(services, labels)
		server.URL = s.redactor.Clean(server.URL)
		servers = append(servers, server)
	}
	return servers, nil
}

// serviceURL returns the URL of the Service before pods with these labels, and the port
// that it leads to. Of several, the one with the shortest name reaches every node.
func serviceURL(services []service, labels map[string]string) (address string, port int) {
	isVaults := func(p servicePort) bool { return p.Port == 8200 || p.Name == "https" || p.Name == "http" }
	candidates := slices.DeleteFunc(slices.Clone(services), func(s service) bool {
		return s.Spec.ClusterIP == "None" || len(s.Spec.Selector) == 0 || !matches(s.Spec.Selector, labels) || !slices.ContainsFunc(s.Spec.Ports, isVaults)
	})
	if len(candidates) == 0 {
		return "", 0
	}
	best := slices.MinFunc(candidates, func(a, b service) int {
		return cmp.Or(len(a.Metadata.Name)-len(b.Metadata.Name), cmp.Compare(a.Metadata.Name, b.Metadata.Name))
	})
	p, scheme := best.Spec.Ports[slices.IndexFunc(best.Spec.Ports, isVaults)], "https"
	if p.Name == "http" {
		scheme = "http"
	}
	number, _ := p.TargetPort.(float64) // a name leaves 0
	return fmt.Sprintf("%s://%s.%s.svc:%d", scheme, best.Metadata.Name, best.Metadata.Namespace, p.Port), int(number)
}

func matches(selector, labels map[string]string) bool {
	for key, value := range selector {
		if labels[key] != value {
			return false
		}
	}
	return true
}
