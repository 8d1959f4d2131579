package discover

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"unicode"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/workload"
)

// LoginsAnnotation declares, on a ServiceAccount, the logins that its pods make by themselves:
// mount/role, several separated by commas or blanks. A login may end with a query:
// ?audience=A&namespace=N, where audience may be repeated.
const LoginsAnnotation = "vault-k8s-auth-exporter/logins"

// The kind of ServiceAccounts, and the name of its source.
const (
	accountKind   = "ServiceAccount"
	accountSource = "serviceaccounts"
)

// accountSources are read last: an account that is created before an object that names it is
// there.
var accountSources = []Source{
	{
		Kind: accountKind, Plural: "serviceaccounts", Versions: []string{"v1"},
		Software: "any that logs in by itself",
		Reads:    "names, the annotation " + LoginsAnnotation,
		list:     into(func(f *facts) collector[declaringAccount] { return &f.accounts }),
	},
}

// declaringAccount is a ServiceAccount.
type declaringAccount struct {
	Metadata struct {
		Namespace, Name string
		Annotations     map[string]string
	}
}

func (a declaringAccount) identity() (namespace, name string) {
	return a.Metadata.Namespace, a.Metadata.Name
}

// accountFacts are the accounts that exist, with their annotations, most of which are empty.
type accountFacts map[key]string

func (f *accountFacts) discard() { *f = accountFacts{} }

func (f *accountFacts) add(a declaringAccount) {
	(*f)[key{a.Metadata.Namespace, a.Metadata.Name}] = a.Metadata.Annotations[LoginsAnnotation]
}

func (f accountFacts) resolve(b *builder) {
	for k, declared := range f {
		if declared == "" {
			continue
		}
		o := workload.Object{Kind: "ServiceAccount", Namespace: k.namespace, Name: k.name}
		logins, err := parseLogins(declared)
		if err != nil {
			b.skip(o, "its annotation "+LoginsAnnotation+" is wrong: "+err.Error(), 0)
		}
		for _, l := range logins {
			l.ServiceAccount = account(k.namespace, k.name)
			b.add(l, accountSource, o, 0)
		}
	}
}

// parseLogins parses the value of a [LoginsAnnotation]. It returns the logins that are right,
// and the first error.
func parseLogins(declared string) (logins []workload.Login, err error) {
	separator := func(r rune) bool { return r == ',' || unicode.IsSpace(r) }
	for i, text := range strings.FieldsFunc(declared, separator) {
		l, wrong := parseLogin(text)
		switch {
		case wrong == nil:
			logins = append(logins, l)
		case err == nil: // the text may be anything, and is not repeated
			err = fmt.Errorf("login %d %w", i+1, wrong)
		}
	}
	return logins, err
}

func parseLogin(text string) (workload.Login, error) {
	where, query, _ := strings.Cut(text, "?")
	where = strings.TrimPrefix(strings.Trim(where, "/"), "auth/")
	at := strings.LastIndexByte(where, '/')
	if at <= 0 || at == len(where)-1 {
		return workload.Login{}, errors.New("is not mount/role")
	}
	values, err := url.ParseQuery(query)
	if err != nil {
		return workload.Login{}, errors.New("has a query that cannot be parsed")
	}
	for name := range values {
		if name != "audience" && name != "namespace" {
			return workload.Login{}, errors.New("has a query with something else than audience and namespace")
		}
	}
	return workload.Login{
		Namespace: values.Get("namespace"), Mount: where[:at], Role: where[at+1:], Audiences: workload.JoinAudiences(values["audience"]),
	}, nil
}
