package setup

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/gather"
)

// Reads is what the servers said. The zero value is that of nobody who was asked.
type Reads struct {
	// Vault is about the mount and the role that the input names.
	Vault gather.Inspection
	// Cluster is that of the kubeconfig's context.
	Cluster Cluster
}

// Cluster is what the API server said. Names are as it sent them: what they are used for
// checks them first.
type Cluster struct {
	// Access is the outcome of the first request, with the API server's address.
	Access evidence.Fact[string]
	// NoKubeconfig says that there is none, and where; empty if there is one, or if --offline asks
	// for nothing.
	NoKubeconfig string
	// Vaults are the accounts that pods of Vault or OpenBao run as.
	Vaults evidence.Fact[[]Server]
	// Addresses are the cluster IPs of the API server's own Service.
	Addresses evidence.Fact[[]string]
	// CA is the bundle that pods verify the API server with, KubeconfigCA that of the
	// kubeconfig. They differ where a proxy stands before the API server.
	CA           evidence.Fact[string]
	KubeconfigCA string
	// Issuer is that of the tokens of service accounts.
	Issuer evidence.Fact[string]
	// Delegators are who is bound to system:auth-delegator.
	Delegators evidence.Fact[Delegators]
	// TokenSecrets are the Secrets that hold a token of a service account. Their content
	// was not requested.
	TokenSecrets evidence.Fact[[]TokenSecret]
	// Reviewers says whether an account may create TokenReviews, for those that Vault may
	// review with.
	Reviewers map[evidence.ServiceAccount]evidence.Fact[evidence.Access]
}

// refusals says what was asked in vain, and why.
func (c Cluster) refusals() []string {
	var all []string
	add := func(what string, failed bool, failure evidence.Failure) {
		if failed {
			all = append(all, fmt.Sprintf("%s (%s)", what, failure.Error()))
		}
	}
	add("pods or Services of Vault", c.Vaults.Failed(), c.Vaults.Failure)
	add("the Service kubernetes", c.Addresses.Failed(), c.Addresses.Failure)
	add("the ConfigMap kube-root-ca.crt", c.CA.Failed(), c.CA.Failure)
	add("the issuer", c.Issuer.Failed(), c.Issuer.Failure)
	add("ClusterRoleBindings", c.Delegators.Failed(), c.Delegators.Failure)
	add("names of Secrets", c.TokenSecrets.Failed(), c.TokenSecrets.Failure)
	for account, fact := range c.Reviewers {
		add("what "+account.String()+" may do", fact.Failed(), fact.Failure)
	}
	slices.Sort(all)
	return all
}

// Server is a Vault or an OpenBao in the cluster.
type Server struct {
	// Product is the value of the label app.kubernetes.io/name: vault or openbao.
	Product string
	Account evidence.ServiceAccount
	// URL is that of the Service before it, empty if none was found. Port is what the
	// Service's port is translated to, 0 if it has a name.
	URL  string
	Port int
}

// TokenSecret is a Secret with a token of an account.
type TokenSecret struct {
	Secret  evidence.SecretKey
	Account evidence.ServiceAccount
}

// timeout bounds each of the two servers, and is generous: a plugin of the kubeconfig may
// have to get a token first.
const timeout = 30 * time.Second

// Read asks Vault and the API server. It changes nothing, and returns no error: each fact
// says why it is not known.
func Read(ctx context.Context, in Input, version string) Reads {
	var r Reads
	if in.Offline {
		return r
	}
	if in.ReadAddr != "" {
		vault := in.Given.Vault
		vault.Addr = in.ReadAddr
		ctx, cancel := context.WithTimeout(ctx, timeout)
		defer cancel()
		r.Vault = gather.Inspect(ctx, vault, in.Token, version)
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	r.Cluster = readCluster(ctx, in, r.Vault.Mount.Config, version)
	return r
}

// Delegators are the subjects of ClusterRoleBindings to one ClusterRole.
type Delegators struct {
	Accounts []evidence.ServiceAccount
	// Others are users and groups, each with its kind.
	Others []string
}
