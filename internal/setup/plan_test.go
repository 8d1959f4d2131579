package setup

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/probetest"
)

func answered[T any](value T) evidence.Fact[T] {
	return evidence.Fact[T]{State: evidence.Answered, Value: value}
}

func failed[T any](status int, text string) evidence.Fact[T] {
	return evidence.Fact[T]{State: evidence.Failed, Failure: evidence.Failure{Class: evidence.ClassRefused, Status: status, Text: text}}
}

var (
	vaultAccount = evidence.ServiceAccount{Namespace: "vault", Name: "vault"}
	authAccount  = evidence.ServiceAccount{Namespace: "vault", Name: "vault-auth"}
	adapter      = evidence.ServiceAccount{Namespace: "monitoring", Name: "prometheus-adapter"}
)

// inside is a Vault in the cluster that reviews with the token of its own pod, as its chart
// installs it, read through a tunnel.
func inside() (Input, Reads) {
	in := Input{Account: evidence.ServiceAccount{Namespace: "monitoring", Name: "vault-k8s-auth-exporter"},
		ReadAddr: "https://127.0.0.1:8200", Token: evidence.NewSecret("hvs." + probetest.Mark)}
	in.Given.Vault.Mount, in.Given.Vault.Role = defaultMount, defaultRole
	var r Reads
	r.Vault.Health = answered(evidence.Health{Initialized: true, Version: "1.21.4"})
	r.Vault.Mount.Type = "kubernetes"
	r.Vault.Mount.Config = answered(evidence.MountConfig{Host: "https://10.96.0.1:443", DisableISSValidation: true, ReviewerSetKnown: true})
	r.Vault.Mount.Role = failed[evidence.RoleConfig](404, "there is nothing at auth/kubernetes/role/canary")
	r.Cluster = Cluster{
		Access:       answered("https://api.example.com:6443"),
		Vaults:       answered([]Server{{Product: "vault", Account: vaultAccount, URL: "https://vault.vault.svc:8200", Port: 8200}}),
		Addresses:    answered([]string{"10.96.0.1"}),
		Issuer:       answered("https://kubernetes.default.svc.cluster.local"),
		Delegators:   answered(Delegators{Accounts: []evidence.ServiceAccount{vaultAccount}}),
		TokenSecrets: answered([]TokenSecret(nil)),
		Reviewers:    map[evidence.ServiceAccount]evidence.Fact[evidence.Access]{vaultAccount: answered(evidence.Access{Allowed: true})},
	}
	return in, r
}

// outside is a Vault elsewhere with a stored token, which is also in a Secret.
func outside() (Input, Reads) {
	in, r := inside()
	in.ReadAddr = "https://vault.example.com:8200"
	r.Vault.Mount.Config.Value.Host = "https://api.example.com:6443"
	r.Vault.Mount.Config.Value.ReviewerSet, r.Vault.Mount.Config.Value.DisableLocalCAJWT = true, true
	r.Cluster.Vaults = answered([]Server(nil))
	r.Cluster.Delegators = answered(Delegators{Accounts: []evidence.ServiceAccount{authAccount, adapter, {Namespace: "kube-system", Name: "metrics-server"}, in.Account}})
	r.Cluster.TokenSecrets = answered([]TokenSecret{
		{Secret: evidence.SecretKey{Namespace: "vault", Name: "vault-auth-token", Key: "token"}, Account: authAccount},
		{Secret: evidence.SecretKey{Namespace: "apps", Name: "ci-token", Key: "token"}, Account: evidence.ServiceAccount{Namespace: "apps", Name: "ci"}},
	})
	return in, r
}

func offline(change func(*Input)) func() (Input, Reads) {
	return func() (Input, Reads) {
		in, _ := inside()
		in.ReadAddr, in.Token, in.Offline = "", evidence.Secret{}, true
		in.Given.Vault.Addr = "https://vault.example.com:8200"
		change(&in)
		return in, Reads{}
	}
}

func stored(r *Reads) *evidence.MountConfig { return &r.Vault.Mount.Config.Value }

// decisions are what was given and read, and what follows. Each entry of warns is part of
// one warning, in order; each of mistakes is part of one line.
var decisions = map[string]struct {
	from     func() (Input, Reads)
	change   func(*Input, *Reads)
	reviewer evidence.Origin
	check    func(Plan) bool
	warns    []string
	mistakes []string
}{
	"Vault in the cluster, own pod": {
		from:     inside,
		reviewer: evidence.Origin{Source: evidence.SourceAccessReview, ServiceAccount: vaultAccount},
		check: func(p Plan) bool {
			return p.Target.Vault.Addr == "https://vault.vault.svc:8200" && p.Target.Kubernetes.Host == "" && p.VaultNamespace == "vault" && p.VaultPort == 0 &&
				p.Permission.Resource == "subjectaccessreviews.authorization.k8s.io" && p.Audience() == "vault" && p.CLI == "vault"
		},
	},
	"a given address is kept": {
		from:     inside,
		change:   func(in *Input, _ *Reads) { in.Given.Vault.Addr = "https://vault.internal" },
		reviewer: evidence.Origin{Source: evidence.SourceAccessReview, ServiceAccount: vaultAccount},
		check:    func(p Plan) bool { return p.Target.Vault.Addr == "https://vault.internal" && p.VaultNamespace == "" },
	},
	"a Service that translates its port": {
		from:     inside,
		change:   func(_ *Input, r *Reads) { r.Cluster.Vaults.Value[0].URL = "https://vault.vault.svc:443" },
		reviewer: evidence.Origin{Source: evidence.SourceAccessReview, ServiceAccount: vaultAccount},
		check: func(p Plan) bool {
			return p.Target.Vault.Addr == "https://vault.vault.svc:443" && p.VaultPort == 8200
		},
	},
	"OpenBao": {
		from: inside,
		change: func(_ *Input, r *Reads) {
			r.Cluster.Vaults.Value[0] = Server{Product: "openbao", Account: evidence.ServiceAccount{Namespace: "openbao", Name: "openbao"}, URL: "http://openbao.openbao.svc:8200", Port: 8200}
		},
		reviewer: evidence.Origin{Source: evidence.SourceAccessReview, ServiceAccount: evidence.ServiceAccount{Namespace: "openbao", Name: "openbao"}},
		check:    func(p Plan) bool { return p.CLI == "bao" },
		warns:    []string{"http://openbao.openbao.svc:8200 is http: the canary's token"},
	},
	"an external address of this cluster, shown by the kubeconfig": {
		from:     inside,
		change:   func(_ *Input, r *Reads) { stored(r).Host = "https://API.example.com:6443/" },
		reviewer: evidence.Origin{Source: evidence.SourceAccessReview, ServiceAccount: vaultAccount},
		check:    func(p Plan) bool { return p.ThisCluster && p.Target.Kubernetes.Host == "https://API.example.com:6443" },
	},
	"an address that may be another cluster's": {
		from:     inside,
		change:   func(_ *Input, r *Reads) { stored(r).Host = "https://elsewhere.example.com:6443" },
		reviewer: evidence.Origin{Source: evidence.SourceAccessReview, ServiceAccount: vaultAccount},
		check:    func(p Plan) bool { return !p.ThisCluster && p.Target.Kubernetes.Host == "" },
		warns:    []string{"kubernetes_host=https://elsewhere.example.com:6443, which was not seen to be this cluster"},
	},
	"an address with a command in it": {
		from:     inside,
		change:   func(_ *Input, r *Reads) { stored(r).Host = "https://x/$(id)" },
		reviewer: evidence.Origin{Source: evidence.SourceAccessReview, ServiceAccount: vaultAccount},
		check:    func(p Plan) bool { return p.Target.Kubernetes.Host == "" },
		warns:    []string{"a kubernetes_host that is not an https URL"},
	},
	"no Vault in the cluster": {
		from:     inside,
		change:   func(_ *Input, r *Reads) { r.Cluster.Vaults.Value = nil },
		mistakes: []string{"--reviewer-service-account: is not set; Vault reviews with the token of its own pod, and no pod of this cluster has the label"},
	},
	"two Vaults in the cluster": {
		from: inside,
		change: func(_ *Input, r *Reads) {
			r.Cluster.Vaults.Value = append(r.Cluster.Vaults.Value, Server{Account: evidence.ServiceAccount{Namespace: "test", Name: "vault"}})
		},
		mistakes: []string{"more than one runs in this cluster, as these accounts: vault/vault, test/vault"},
	},
	"no kubeconfig": {
		from:     inside,
		change:   func(_ *Input, r *Reads) { r.Cluster = Cluster{NoKubeconfig: "there is no kubeconfig at /config"} },
		mistakes: []string{"and the cluster was not asked, because there is no kubeconfig at /config; allowed"},
	},
	"no kubeconfig, and the account given": {
		from: inside,
		change: func(in *Input, r *Reads) {
			r.Cluster = Cluster{NoKubeconfig: "there is no kubeconfig at /config"}
			in.Given.Vault.Addr = "https://vault.vault.svc:8200"
			in.Given.Reviewer = evidence.Origin{Source: evidence.SourceAccessReview, ServiceAccount: vaultAccount}
		},
		reviewer: evidence.Origin{Source: evidence.SourceAccessReview, ServiceAccount: vaultAccount},
		check: func(p Plan) bool {
			return slices.Contains(p.Asked, "The cluster was not asked: there is no kubeconfig at /config.")
		},
		warns: []string{"kubernetes_host=https://10.96.0.1:443, which was not seen to be this cluster"},
	},
	"pods may not be listed": {
		from:     inside,
		change:   func(_ *Input, r *Reads) { r.Cluster.Vaults = failed[[]Server](403, "pods is forbidden") },
		mistakes: []string{"the pods cannot be listed: 403 pods is forbidden"},
	},
	"an account with a command in its name": {
		from: inside,
		change: func(_ *Input, r *Reads) {
			r.Cluster.Vaults.Value[0].Account.Name = "vault'; id; '"
		},
		mistakes: []string{"no pod of this cluster has the label"},
	},
	"an old Vault that does not say whether a token is stored": {
		from: inside,
		change: func(_ *Input, r *Reads) {
			stored(r).ReviewerSetKnown = false
			r.Vault.Health.Value.Version = "1.15.6"
		},
		reviewer: evidence.Origin{Source: evidence.SourceAccessReview, ServiceAccount: vaultAccount},
		warns:    []string{"does not say whether the config has a token_reviewer_jwt"},
	},
	"an old Vault, and no token of its own pod": {
		from: inside,
		change: func(_ *Input, r *Reads) {
			stored(r).ReviewerSetKnown, stored(r).DisableLocalCAJWT = false, true
		},
		mistakes: []string{"--reviewer: is not set, and this version of Vault does not say"},
	},
	"a reviewer without the permission": {
		from: inside,
		change: func(_ *Input, r *Reads) {
			r.Cluster.Reviewers[vaultAccount] = answered(evidence.Access{})
		},
		reviewer: evidence.Origin{Source: evidence.SourceAccessReview, ServiceAccount: vaultAccount},
		warns:    []string{"vault/vault may not create TokenReviews"},
	},
	"a stored token in a Secret": {
		from:     outside,
		reviewer: evidence.Origin{Source: evidence.SourceSecret, Secret: evidence.SecretKey{Namespace: "vault", Name: "vault-auth-token", Key: "token"}},
		check: func(p Plan) bool {
			return p.Target.Kubernetes.Host == "https://api.example.com:6443" && !p.ThisCluster && p.Target.Vault.Addr == "https://vault.example.com:8200" &&
				p.Permission == evidence.Permission{Verb: "get", Resource: "secrets", Namespace: "vault", ResourceName: "vault-auth-token"}
		},
	},
	"a stored token although Vault runs in the cluster": {
		from: outside,
		change: func(_ *Input, r *Reads) {
			r.Cluster.Vaults = answered([]Server{{Product: "vault", Account: vaultAccount, URL: "https://vault.vault.svc:8200"}})
		},
		reviewer: evidence.Origin{Source: evidence.SourceSecret, Secret: evidence.SecretKey{Namespace: "vault", Name: "vault-auth-token", Key: "token"}},
		check:    func(p Plan) bool { return p.Target.Vault.Addr == "https://vault.example.com:8200" },
		warns:    []string{"has a token_reviewer_jwt although Vault runs in this cluster as vault/vault"},
	},
	"a stored token, by elimination of one account": {
		from: outside,
		change: func(_ *Input, r *Reads) {
			r.Cluster.Delegators, r.Cluster.TokenSecrets.Value = answered(Delegators{Accounts: []evidence.ServiceAccount{authAccount}}), nil
		},
		reviewer: evidence.Origin{Source: evidence.SourceAccessReview, ServiceAccount: authAccount},
		check: func(p Plan) bool {
			return strings.Contains(p.Why, "It sees neither the stored token nor its expiry") && p.ThisCluster
		},
	},
	"a stored token, by elimination, with users of the platform": {
		from: outside,
		change: func(_ *Input, r *Reads) {
			r.Cluster.Delegators = answered(Delegators{Accounts: []evidence.ServiceAccount{authAccount}, Others: []string{"User system:konnectivity-server", "Group system:masters"}})
			r.Cluster.TokenSecrets.Value = nil
		},
		reviewer: evidence.Origin{Source: evidence.SourceAccessReview, ServiceAccount: authAccount},
		check:    func(p Plan) bool { return strings.Contains(p.Why, "is the only account bound") },
	},
	"a stored token, and a user or group may review too": {
		from: outside,
		change: func(_ *Input, r *Reads) {
			r.Cluster.Delegators, r.Cluster.TokenSecrets.Value = answered(Delegators{Accounts: []evidence.ServiceAccount{authAccount}, Others: []string{"User jane@example.com", "Group system:serviceaccounts:vault", "Group reviewers"}}), nil
		},
		mistakes: []string{"it may be of any of these accounts: vault/vault-auth; these are bound to system:auth-delegator too: User jane@example.com, Group system:serviceaccounts:vault, Group reviewers"},
	},
	"a stored token of one of several accounts": {
		from:     outside,
		change:   func(_ *Input, r *Reads) { r.Cluster.TokenSecrets.Value = nil },
		mistakes: []string{"it may be of any of these accounts: vault/vault-auth, monitoring/prometheus-adapter"},
	},
	"a stored token in one of several Secrets": {
		from: outside,
		change: func(_ *Input, r *Reads) {
			r.Cluster.TokenSecrets.Value = append(r.Cluster.TokenSecrets.Value,
				TokenSecret{Secret: evidence.SecretKey{Namespace: "monitoring", Name: "adapter", Key: "token"}, Account: adapter})
		},
		mistakes: []string{"it may be in any of these Secrets: vault/vault-auth-token, monitoring/adapter"},
	},
	"a stored token, and Secrets may not be listed": {
		from:     outside,
		change:   func(_ *Input, r *Reads) { r.Cluster.TokenSecrets = failed[[]TokenSecret](403, "secrets is forbidden") },
		mistakes: []string{"no Secret with it was found (403 secrets is forbidden)"},
	},
	"--reviewer=secret, and several Secrets": {
		from: outside,
		change: func(in *Input, r *Reads) {
			in.Given.Reviewer.Source = evidence.SourceSecret
			r.Cluster.TokenSecrets.Value = append(r.Cluster.TokenSecrets.Value,
				TokenSecret{Secret: evidence.SecretKey{Namespace: "monitoring", Name: "adapter", Key: "token"}, Account: adapter})
		},
		mistakes: []string{"--reviewer-secret: is not set although --reviewer is secret or file: Vault never returns the stored token, and it may be in any of these Secrets: vault/vault-auth-token, monitoring/adapter"},
	},
	"a Secret that Vault has no token from": {
		from: inside,
		change: func(in *Input, _ *Reads) {
			in.Given.Reviewer = evidence.Origin{Source: evidence.SourceSecret, Secret: evidence.SecretKey{Namespace: "monitoring", Name: "reviewer", Key: "jwt"}}
		},
		reviewer: evidence.Origin{Source: evidence.SourceFile, Secret: evidence.SecretKey{Namespace: "monitoring", Name: "reviewer", Key: "jwt"}},
		check:    func(p Plan) bool { return p.Permission == evidence.Permission{} },
		warns:    []string{"has no token_reviewer_jwt, although --reviewer-secret names one"},
	},
	"each client reviews itself": {
		from: outside,
		change: func(_ *Input, r *Reads) {
			stored(r).ReviewerSet = false
		},
		reviewer: evidence.Origin{Source: evidence.SourceCanary},
		check: func(p Plan) bool {
			return p.Audience() == "" && p.Permission.Resource == "tokenreviews.authentication.k8s.io"
		},
	},
	"a diagnostic role where each client reviews itself": {
		from: outside,
		change: func(in *Input, r *Reads) {
			stored(r).ReviewerSet, in.DiagnosticCIDRs = false, []string{"10.0.0.0/8"}
		},
		reviewer: evidence.Origin{Source: evidence.SourceCanary},
		mistakes: []string{"--diagnostic-cidr: is not used, since each client reviews itself"},
	},
	"a diagnostic role in an old Vault": {
		from: inside,
		change: func(in *Input, r *Reads) {
			in.DiagnosticCIDRs, r.Vault.Health.Value.Version = []string{"10.0.0.0/8"}, "1.15.0"
		},
		reviewer: evidence.Origin{Source: evidence.SourceAccessReview, ServiceAccount: vaultAccount},
		check:    func(p Plan) bool { return p.Target.Vault.DiagnosticRole == diagnosticRole },
		warns:    []string{"needs Vault 1.16, this is 1.15.0"},
	},
	"the issuer is verified, and right": {
		from: inside,
		change: func(_ *Input, r *Reads) {
			stored(r).DisableISSValidation, stored(r).Issuer = false, r.Cluster.Issuer.Value
		},
		reviewer: evidence.Origin{Source: evidence.SourceAccessReview, ServiceAccount: vaultAccount},
	},
	"the issuer is verified, and another": {
		from: inside,
		change: func(_ *Input, r *Reads) {
			stored(r).DisableISSValidation, stored(r).Issuer = false, "kubernetes/serviceaccount"
		},
		reviewer: evidence.Origin{Source: evidence.SourceAccessReview, ServiceAccount: vaultAccount},
		warns:    []string{"the issuer kubernetes/serviceaccount; that of this cluster is https://kubernetes.default.svc.cluster.local"},
	},
	"pem_keys": {
		from:     inside,
		change:   func(_ *Input, r *Reads) { stored(r).PEMKeys = []string{"key"} },
		reviewer: evidence.Origin{Source: evidence.SourceAccessReview, ServiceAccount: vaultAccount},
		warns:    []string{"The config has pem_keys"},
	},
	"Enterprise, sealed": {
		from: outside,
		change: func(_ *Input, r *Reads) {
			r.Vault.Health.Value.Version, r.Vault.Health.Value.Sealed = "1.21.4+ent", true
		},
		reviewer: evidence.Origin{Source: evidence.SourceSecret, Secret: evidence.SecretKey{Namespace: "vault", Name: "vault-auth-token", Key: "token"}},
		warns:    []string{"Vault is sealed", "This is Vault Enterprise"},
	},
	"HCP without its namespace": {
		from:     outside,
		change:   func(in *Input, _ *Reads) { in.ReadAddr = "https://x.z1.hashicorp.cloud:8200" },
		reviewer: evidence.Origin{Source: evidence.SourceSecret, Secret: evidence.SecretKey{Namespace: "vault", Name: "vault-auth-token", Key: "token"}},
		warns:    []string{"below admin"},
	},
	"a mount of another cluster": {
		from: outside,
		change: func(_ *Input, r *Reads) {
			stored(r).Host, stored(r).CACert = "https://api.other.example.com", "of another cluster"
		},
		reviewer: evidence.Origin{Source: evidence.SourceSecret, Secret: evidence.SecretKey{Namespace: "vault", Name: "vault-auth-token", Key: "token"}},
		warns:    []string{"are not those of the cluster at https://api.example.com:6443"},
	},
	"a tunnel to Vault": {
		from:     outside,
		change:   func(in *Input, _ *Reads) { in.ReadAddr = "https://localhost:8200" },
		reviewer: evidence.Origin{Source: evidence.SourceSecret, Secret: evidence.SecretKey{Namespace: "vault", Name: "vault-auth-token", Key: "token"}},
		warns:    []string{"No pod reaches Vault at https://localhost:8200"},
	},
	"a role of somebody else, and a mount of another type": {
		from: inside,
		change: func(_ *Input, r *Reads) {
			r.Vault.Mount.Type = "jwt"
			r.Vault.Mount.Role = answered(evidence.RoleConfig{Names: []string{"web"}, Namespaces: []string{"shop"}})
		},
		reviewer: evidence.Origin{Source: evidence.SourceAccessReview, ServiceAccount: vaultAccount},
		mistakes: []string{"--vault-mount: is of the type jwt", "--vault-role: the role canary exists and admits web in shop: it would be overwritten"},
	},
	"its own role of an earlier run": {
		from: inside,
		change: func(in *Input, r *Reads) {
			r.Vault.Mount.Role = answered(evidence.RoleConfig{Names: []string{in.Account.Name}, Namespaces: []string{in.Account.Namespace}})
		},
		reviewer: evidence.Origin{Source: evidence.SourceAccessReview, ServiceAccount: vaultAccount},
	},
	"a token that may not read": {
		from: inside,
		change: func(_ *Input, r *Reads) {
			r.Vault.Mount.Config = failed[evidence.MountConfig](403, "permission denied")
		},
		mistakes: []string{"--reviewer: is not set, and the mount's config is not known (403 permission denied); allowed: a token of Vault"},
	},
	"a mount without a config": {
		from: inside,
		change: func(_ *Input, r *Reads) {
			r.Vault.Mount.Config = failed[evidence.MountConfig](404, "there is nothing")
		},
		mistakes: []string{"the mount exists without a config, or does not exist"},
	},
	"no token of Vault": {
		from: inside,
		change: func(in *Input, r *Reads) {
			in.Token, r.Vault.Mount.Config = evidence.Secret{}, evidence.Fact[evidence.MountConfig]{}
		},
		mistakes: []string{"(there is no token of Vault)"},
	},
	"offline, by an account": {
		from: offline(func(in *Input) {
			in.Given.Reviewer = evidence.Origin{Source: evidence.SourceAccessReview, ServiceAccount: vaultAccount}
		}),
		reviewer: evidence.Origin{Source: evidence.SourceAccessReview, ServiceAccount: vaultAccount},
		check:    func(p Plan) bool { return cmp.Equal(p.Asked, []string{"Nothing was asked (--offline)."}) },
		warns:    []string{"Whether the role canary exists is not known: if it does, it is overwritten"},
	},
	"an account implies how the reviewer is seen": {
		from: inside,
		change: func(in *Input, _ *Reads) {
			in.ReviewerImplied = true
			in.Given.Reviewer = evidence.Origin{Source: evidence.SourceAccessReview, ServiceAccount: vaultAccount}
		},
		reviewer: evidence.Origin{Source: evidence.SourceAccessReview, ServiceAccount: vaultAccount},
		check:    func(p Plan) bool { return p.Why == "--reviewer-service-account says so. The reviewer is vault/vault." },
	},
	"how the reviewer is seen, without its account": {
		from:     inside,
		change:   func(in *Input, _ *Reads) { in.Given.Reviewer.Source = evidence.SourceAccessReview },
		reviewer: evidence.Origin{Source: evidence.SourceAccessReview, ServiceAccount: vaultAccount},
		check:    func(p Plan) bool { return strings.HasPrefix(p.Why, "--reviewer says so, ") },
	},
	"offline, minted": {
		from: offline(func(in *Input) {
			in.Given.Reviewer = evidence.Origin{Source: evidence.SourceServiceAccount, ServiceAccount: authAccount}
		}),
		reviewer: evidence.Origin{Source: evidence.SourceServiceAccount, ServiceAccount: authAccount},
		warns:    []string{"Whether the role canary exists is not known", "may create tokens of vault/vault-auth, and so act as Vault's reviewer"},
	},
	"offline, and the account not given": {
		from:     offline(func(in *Input) { in.Given.Reviewer.Source = evidence.SourceAccessReview }),
		mistakes: []string{"although --reviewer is accessreview, and the cluster was not asked, because of --offline; allowed"},
	},
	"offline, nothing else": {
		from:     offline(func(in *Input) { in.Given.Vault.Addr = "" }),
		mistakes: []string{"--reviewer: is not set, and the mount's config is not known (--offline)", "--vault-addr: is not set"},
	},
}

func TestDecide(t *testing.T) {
	for name, c := range decisions {
		t.Run(name, func(t *testing.T) {
			in, r := c.from()
			if c.change != nil {
				c.change(&in, &r)
			}
			plan, err := Decide(in, r)
			wantParts(t, "mistakes", mistakes(err), c.mistakes)
			if diff := cmp.Diff(c.reviewer, plan.Target.Reviewer); diff != "" {
				t.Errorf("the reviewer (-want +got):\n%s", diff)
			}
			if err != nil {
				return
			}
			wantParts(t, "warnings", plan.Warnings, c.warns)
			if c.check != nil && !c.check(plan) {
				t.Errorf("the plan is %+v", plan)
			}
			for format, render := range Formats {
				if leaks := probetest.Leaks(render(plan)); len(leaks) > 0 {
					t.Errorf("%s has %q", format, leaks)
				}
			}
		})
	}
}

func mistakes(err error) []string {
	if err == nil {
		return nil
	}
	return strings.Split(err.Error(), "\n")
}

// wantParts requires as many texts as parts, each with its part.
func wantParts(t *testing.T, what string, texts, parts []string) {
	t.Helper()
	if len(texts) != len(parts) {
		t.Errorf("%d %s, want %d:\n%s", len(texts), what, len(parts), strings.Join(texts, "\n"))
		return
	}
	for i, part := range parts {
		if !strings.Contains(texts[i], part) {
			t.Errorf("%s: %q lacks %q", what, texts[i], part)
		}
	}
}
