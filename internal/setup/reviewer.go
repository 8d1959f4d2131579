package setup

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
)

// reviewer decides how the exporter sees the identity that Vault reviews tokens with: from
// what was given, or else from the mount's config.
func (d *decision) reviewer() {
	given := d.in.Given.Reviewer
	switch {
	case given.Source == evidence.SourceSecret:
		d.givenSecret(given.Secret)
	case given.Source.Spec().OwnIdentity:
		d.givenAccount(given)
	case given.Source == evidence.SourceCanary:
		d.choose(given, "--reviewer says that each client reviews itself.")
	default:
		d.readReviewer()
	}
}

func (d *decision) choose(origin evidence.Origin, why string) {
	d.plan.Target.Reviewer, d.plan.Why = origin, why
}

// fromSecret is the reviewer's token in a Secret: in the exporter's own namespace it is
// mounted, and needs no permission.
func (d *decision) fromSecret(secret evidence.SecretKey, why string) {
	if secret.Namespace == d.in.Account.Namespace {
		d.choose(evidence.Origin{Source: evidence.SourceFile, Secret: secret},
			why+" It is in the exporter's own namespace, so it is mounted, and the exporter needs no permission for it.")
		return
	}
	d.choose(evidence.Origin{Source: evidence.SourceSecret, Secret: secret}, why+" The exporter reads that one Secret in every run, so a renewed token needs no restart.")
}

func (d *decision) givenSecret(secret evidence.SecretKey) {
	if secret == (evidence.SecretKey{}) {
		if found := d.tokenSecrets(); len(found) == 1 {
			d.fromSecret(found[0].Secret, foundSecret(found[0]))
			return
		}
		d.refuse("--reviewer-secret", "is not set although --reviewer is secret or file: Vault never returns the stored token, and "+d.candidateSecrets(),
			"the Secret with the token that Vault has as token_reviewer_jwt, as namespace/name or namespace/name/key")
		return
	}
	if c := d.reads.Vault.Mount.Config; c.Ok() && c.Value.ReviewerSetKnown && !c.Value.ReviewerSet {
		d.note("The mount's config has no token_reviewer_jwt, although --reviewer-secret names one: Vault reviews with another token.")
	}
	d.fromSecret(secret, fmt.Sprintf("--reviewer-secret names the reviewer's token in %s.", secret))
}

func (d *decision) givenAccount(given evidence.Origin) {
	why := "--reviewer and --reviewer-service-account say so."
	if d.in.ReviewerImplied {
		why = "--reviewer-service-account says so."
	}
	if given.ServiceAccount == (evidence.ServiceAccount{}) {
		server, err := d.onlyServer()
		if err != nil {
			d.refuseAccount(fmt.Sprintf("is not set although --reviewer is %s, and %v", given.Source, err))
			return
		}
		given.ServiceAccount = server.Account
		why = "--reviewer says so, and the account is that of Vault's pods in this cluster."
	}
	d.choose(given, fmt.Sprintf("%s The reviewer is %s.", why, given.ServiceAccount))
}

func (d *decision) refuseAccount(what string) {
	d.refuse("--reviewer-service-account", what, "the service account that Vault reviews tokens as, as namespace/name")
}

// readReviewer follows the order in which Vault's plugin looks for a token: the stored one,
// that of its own pod, the client's.
func (d *decision) readReviewer() {
	c := d.reads.Vault.Mount.Config
	switch {
	case !c.Ok():
		d.refuse("--reviewer", "is not set, and the mount's config is not known"+d.whyNoConfig(),
			"a token of Vault that may read the config (VAULT_TOKEN); or, by hand: --reviewer-service-account=NAMESPACE/NAME if Vault reviews with its own pod's token, "+
				"--reviewer-secret=NAMESPACE/NAME if the config has token_reviewer_jwt, --reviewer=canary if each client reviews itself")
	case c.Value.ReviewerSet:
		d.storedReviewer()
	case !c.Value.DisableLocalCAJWT:
		d.ownPod(c.Value.ReviewerSetKnown)
	case !c.Value.ReviewerSetKnown:
		d.refuse("--reviewer", "is not set, and this version of Vault does not say whether the config has a token_reviewer_jwt",
			"--reviewer-secret=NAMESPACE/NAME if it has, --reviewer=canary if each client reviews itself")
	default:
		d.choose(evidence.Origin{Source: evidence.SourceCanary},
			"The mount's config has no token_reviewer_jwt, and disable_local_ca_jwt=true: Vault reviews each client's token with that same token. "+
				"So every client, and the canary, must be allowed to create TokenReviews.")
	}
}

func (d *decision) whyNoConfig() string {
	c := d.reads.Vault.Mount.Config
	switch {
	case d.in.Offline:
		return " (--offline)"
	case d.in.ReadAddr == "":
		return " (neither VAULT_ADDR nor --vault-addr is set)"
	case d.reads.Vault.Health.Failed():
		return fmt.Sprintf(" (Vault at %s: %s)", d.in.ReadAddr, d.reads.Vault.Health.Failure.Error())
	case d.in.Token.IsZero():
		return " (there is no token of Vault)"
	case c.RefusedWith(404):
		return " (the mount exists without a config, or does not exist: see " + installationPage + ")"
	}
	return fmt.Sprintf(" (%s)", c.Failure.Error())
}

// ownPod is a Vault that reviews with the token of its own pod.
func (d *decision) ownPod(known bool) {
	server, err := d.onlyServer()
	if err != nil {
		d.refuseAccount("is not set; Vault reviews with the token of its own pod, and " + err.Error())
		return
	}
	if !known {
		d.note("This version of Vault does not say whether the config has a token_reviewer_jwt. If it has, Vault reviews with that: add --reviewer-secret=NAMESPACE/NAME.")
	}
	d.choose(evidence.Origin{Source: evidence.SourceAccessReview, ServiceAccount: server.Account},
		fmt.Sprintf("Vault reviews with the token of its own pod: the config has no token_reviewer_jwt, and disable_local_ca_jwt=false. Vault's pods in this cluster run as %s. "+
			"The exporter does not need that token: it asks the API server what the account may do.", server.Account))
}

// onlyServer returns the only Vault in the cluster. The error completes a sentence.
func (d *decision) onlyServer() (Server, error) {
	cluster := d.reads.Cluster
	switch {
	case cluster.Access.State == evidence.NotAsked:
		return Server{}, errors.New("the cluster was not asked" + d.whyNotAsked())
	case cluster.Access.Failed():
		return Server{}, fmt.Errorf("the cluster cannot be asked: %s", cluster.Access.Failure.Error())
	case cluster.Vaults.Failed():
		return Server{}, fmt.Errorf("the pods cannot be listed: %s", cluster.Vaults.Failure.Error())
	}
	servers := slices.DeleteFunc(slices.Clone(cluster.Vaults.Value), func(s Server) bool { return !validAccount(s.Account) })
	switch len(servers) {
	case 1:
		return servers[0], nil
	case 0:
		return Server{}, errors.New("no pod of this cluster has the label app.kubernetes.io/name=vault (or openbao)")
	}
	return Server{}, fmt.Errorf("more than one runs in this cluster, as these accounts: %s", names(servers, func(s Server) string { return s.Account.String() }))
}

// storedReviewer is a Vault with a reviewer's token in the config, which Vault never
// returns: it is found by elimination, among the accounts that may review.
func (d *decision) storedReviewer() {
	const stored = "The mount's config has a token_reviewer_jwt, which Vault never returns. "
	secrets, accounts, others := d.tokenSecrets(), d.delegators(), d.otherDelegators()
	switch {
	case len(secrets) == 1:
		d.fromSecret(secrets[0].Secret, stored+foundSecret(secrets[0])+" If Vault has the token of another one, name it with --reviewer-secret.")
	case len(secrets) == 0 && len(accounts) == 1 && len(others) == 0:
		d.choose(evidence.Origin{Source: evidence.SourceAccessReview, ServiceAccount: accounts[0]},
			stored+fmt.Sprintf("%s is the only account bound to system:auth-delegator, and no Secret with a token of it was found: the exporter asks the API server what that account may do. "+
				"It sees neither the stored token nor its expiry. If that token is also in a Secret, name it with --reviewer-secret.", accounts[0]))
	default:
		found := d.candidateSecrets()
		if len(secrets) == 0 && len(accounts) > 0 {
			found += "; it may be of any of these accounts: " + names(accounts, evidence.ServiceAccount.String)
		}
		if len(secrets) == 0 && len(others) > 0 {
			found += "; these are bound to system:auth-delegator too: " + strings.Join(others, ", ")
		}
		d.refuse("--reviewer-secret", "is not set; the mount's config has a token_reviewer_jwt, which Vault never returns, and "+found,
			"the Secret with that token, as namespace/name or namespace/name/key; or --reviewer-service-account=NAMESPACE/NAME, the account that it is of")
	}
}

func (d *decision) whyNotAsked() string {
	if d.in.Offline {
		return ", because of --offline"
	}
	return ", because " + d.reads.Cluster.NoKubeconfig
}

// names lists what was found.
func names[T any](found []T, of func(T) string) string {
	var all []string
	for _, one := range found {
		all = append(all, of(one))
	}
	return strings.Join(all, ", ")
}

// candidateSecrets says where the stored token may be, if that is not one Secret.
func (d *decision) candidateSecrets() string {
	if found := d.tokenSecrets(); len(found) > 0 {
		return "it may be in any of these Secrets: " + names(found, func(s TokenSecret) string { return s.Secret.Namespace + "/" + s.Secret.Name })
	}
	return "no Secret with it was found" + d.whyNoSecrets()
}

func (d *decision) whyNoSecrets() string {
	cluster := d.reads.Cluster
	switch {
	case d.in.Offline:
		return " (--offline)"
	case cluster.Access.State == evidence.NotAsked:
		return " (the cluster was not asked" + d.whyNotAsked() + ")"
	case cluster.Access.Failed():
		return fmt.Sprintf(" (the cluster: %s)", cluster.Access.Failure.Error())
	case cluster.TokenSecrets.Failed():
		return fmt.Sprintf(" (%s)", cluster.TokenSecrets.Failure.Error())
	case cluster.Delegators.Failed():
		return fmt.Sprintf(" (%s)", cluster.Delegators.Failure.Error())
	}
	return ""
}

func foundSecret(s TokenSecret) string {
	return fmt.Sprintf("The Secret %s/%s is the only one with a token of an account that is bound to system:auth-delegator, %s.", s.Secret.Namespace, s.Secret.Name, s.Account)
}

// delegators are the accounts that may be Vault's reviewer. Those of kube-system are the
// platform's.
func (d *decision) delegators() []evidence.ServiceAccount {
	var accounts []evidence.ServiceAccount
	for _, a := range d.reads.Cluster.Delegators.Value.Accounts {
		if validAccount(a) && a != d.in.Account && a.Namespace != "kube-system" && !slices.Contains(accounts, a) {
			accounts = append(accounts, a)
		}
	}
	return accounts
}

// otherDelegators are the users and groups whose token Vault may have. Those of the platform begin with
// system:, such as the user system:konnectivity-server, but for the groups that service accounts are in.
func (d *decision) otherDelegators() []string {
	return slices.DeleteFunc(slices.Clone(d.reads.Cluster.Delegators.Value.Others), func(other string) bool {
		_, name, _ := strings.Cut(other, " ")
		return strings.HasPrefix(name, "system:") && !strings.HasPrefix(other, "Group system:serviceaccounts") && other != "Group system:authenticated"
	})
}

func (d *decision) tokenSecrets() []TokenSecret {
	accounts := d.delegators()
	return slices.DeleteFunc(slices.Clone(d.reads.Cluster.TokenSecrets.Value), func(s TokenSecret) bool {
		return !slices.Contains(accounts, s.Account) || !validSecret(s.Secret)
	})
}
