package config

import (
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
)

// needs says which key each source of a token needs: it is required with that
// source, and a mistake with any other.
type needs map[evidence.SourceName]string

var (
	reviewerNeeds = needsOf("REVIEWER_", func(evidence.Source) bool { return true })
	canaryNeeds   = needsOf("CANARY_", func(s evidence.Source) bool { return s.ForCanary })
)

func needsOf(prefix string, fits func(evidence.Source) bool) needs {
	n := needs{}
	for _, s := range evidence.Sources {
		switch {
		case !fits(s):
		case s.Key == "":
			n[s.Name] = ""
		default:
			n[s.Name] = prefix + s.Key
		}
	}
	return n
}

// source takes where a token comes from.
func (n needs) source(value string) (evidence.SourceName, error) {
	if err := bare(value); err != nil {
		return "", err
	}
	if _, known := n[evidence.SourceName(value)]; !known {
		return "", wrong(quote(value)+" is not supported", n.allowed())
	}
	return evidence.SourceName(value), nil
}

func (n needs) allowed() string {
	var sources []string
	for _, s := range slices.Sorted(maps.Keys(n)) {
		sources = append(sources, string(s))
	}
	return strings.Join(sources, ", ")
}

// choice is the source that was chosen under a key.
type choice struct {
	key   string
	from  evidence.SourceName
	needs needs
}

func (r *resolver) choose(key, value string, from needs) choice {
	return choice{key, take(r, key, value, from.source), from}
}

// takeFor judges the value of a key that only some sources need.
func takeFor[T any](r *resolver, c choice, key, value, allowed string, check func(string) (T, error)) T {
	needed, known := c.needs[c.from]
	switch {
	case !known:
		return take(r, key, value, optional(check))
	case needed == key:
		return take(r, key, value, required(allowed, check))
	case value != "" && !r.place.inherited[key]:
		r.refuse(key, incomplete(fmt.Sprintf("is not used, since %s is %s", r.place.name(c.key), c.from), "nothing, or a source that uses it"))
	}
	return *new(T)
}

func (r *resolver) reviewer(text targetText) evidence.Reviewer {
	c := r.choose("REVIEWER", text.Reviewer, reviewerNeeds)
	return evidence.Reviewer{
		Source: c.from,
		TokenFile: takeFor(r, c, "REVIEWER_TOKEN_FILE", text.ReviewerTokenFile,
			"the path of the file that also feeds Vault's token_reviewer_jwt", r.tokenFor(text.KubernetesHost)),
		Secret:         takeFor(r, c, "REVIEWER_SECRET", text.ReviewerSecret, allowedSecret, secretKey),
		ServiceAccount: takeFor(r, c, "REVIEWER_SERVICE_ACCOUNT", text.ReviewerServiceAccount, allowedAccount, serviceAccount),
	}
}

func (r *resolver) canary(text targetText) evidence.Canary {
	c := r.choose("CANARY", text.Canary, canaryNeeds)
	return evidence.Canary{
		Source: c.from,
		TokenFile: takeFor(r, c, "CANARY_TOKEN_FILE", text.CanaryTokenFile,
			"the path of the file with the canary's service account token", path),
		ServiceAccount: takeFor(r, c, "CANARY_SERVICE_ACCOUNT", text.CanaryServiceAccount, allowedAccount, serviceAccount),
		Audiences:      take(r, "CANARY_AUDIENCES", text.CanaryAudiences, optional(audiences)),
	}
}

// identity demands the tokens of its own that the exporter needs for the sources.
func (r *resolver) identity(text targetText, t *evidence.Target) {
	if key := ownIdentityFor(*t); key != "" && text.KubernetesTokenFile == "" {
		r.refuse("KUBERNETES_TOKEN_FILE", incomplete(
			"is not set although "+r.place.name(key)+" needs the exporter's own identity at the API server",
			"the path of the file with the exporter's own service account token; only for the API server of its own pod has it a default"))
	}
	if t.Reviewer.Source.Spec().Home {
		t.Home = r.home("REVIEWER", "secret")
		if r.pod.serves(t.Kubernetes.Host) { // one server goes by one name
			t.Home.Host, t.Home.CACert, t.Home.TLSServerName = t.Kubernetes.Host, t.Kubernetes.CACert, t.Kubernetes.TLSServerName
		}
	}
}

// ownIdentityFor returns the key of a source that has the exporter itself ask the
// API server, empty where none does.
func ownIdentityFor(t evidence.Target) string {
	switch {
	case t.Reviewer.Source.Spec().OwnIdentity:
		return "REVIEWER"
	case t.Canary.Source.Spec().OwnIdentity:
		return "CANARY"
	}
	return ""
}

// home is the cluster that the exporter runs in, for what can be nowhere else.
func (r *resolver) home(key, value string) evidence.Kubernetes {
	if !r.pod.exists() {
		r.refuse(key, incomplete(value+" is of the cluster that the exporter runs in, and this is no pod", "it in a pod only"))
		return evidence.Kubernetes{}
	}
	if _, err := os.Stat(r.pod.tokenFile()); err != nil {
		r.refuse(key, incomplete(value+" needs the pod's own token, and there is no "+shown(r.pod.tokenFile()),
			"it where the pod's spec mounts a service account token there"))
	}
	return r.pod.home()
}

// tokenFor takes the path of a token that is sent to the API server at host. The
// pod's own token goes to its own API server alone.
func (r *resolver) tokenFor(host string) func(string) (string, error) {
	return func(value string) (string, error) {
		file, err := path(value)
		if err == nil && host != "" && isPodToken(file) && !r.pod.serves(host) {
			return "", incomplete("is the pod's own token, and "+r.place.name("KUBERNETES_HOST")+" is not the pod's own API server",
				"a token that is meant for that API server")
		}
		return file, err
	}
}

const (
	allowedAccount = "a service account as namespace/name"
	allowedSecret  = "a Secret as namespace/name or namespace/name/key; the key is token by default"
)

// The names that Kubernetes gives to namespaces, to other objects, and to the keys
// of a Secret.
var (
	dnsLabel   = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)
	dnsName    = regexp.MustCompile(`^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$`)
	secretsKey = regexp.MustCompile(`^[A-Za-z0-9._-]{1,253}$`)
)

// object takes namespace/name.
func object(value, kind, allowed string) (namespace, name string, err error) {
	if err := bare(value); err != nil {
		return "", "", err
	}
	namespace, name, _ = strings.Cut(value, "/")
	if !dnsLabel.MatchString(namespace) || !dnsName.MatchString(name) {
		return "", "", wrong(quote(value)+" names no "+kind, allowed)
	}
	return namespace, name, nil
}

func serviceAccount(value string) (evidence.ServiceAccount, error) {
	namespace, name, err := object(value, "service account", allowedAccount)
	return evidence.ServiceAccount{Namespace: namespace, Name: name}, err
}

// secretKey takes namespace/name or namespace/name/key.
func secretKey(value string) (evidence.SecretKey, error) {
	key := "token"
	whole := value
	if parts := strings.SplitN(value, "/", 3); len(parts) == 3 {
		whole, key = parts[0]+"/"+parts[1], parts[2]
	}
	namespace, name, err := object(whole, "Secret", allowedSecret)
	if err == nil && !secretsKey.MatchString(key) {
		err = wrong(quote(value)+" names no key of a Secret", allowedSecret)
	}
	if err != nil {
		return evidence.SecretKey{}, err
	}
	return evidence.SecretKey{Namespace: namespace, Name: name, Key: key}, nil
}
