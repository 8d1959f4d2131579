package evidence

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Baseline is an earlier reading of a config or role that later readings are compared with.
type Baseline[T any] struct {
	Value T
	// At is when it was last read. Changed is when a reading first differed from it; zero if
	// none has.
	At, Changed time.Time
}

// Change is a field of a config or role whose value differs from an earlier reading.
type Change struct {
	// Field is Vault's name of the field.
	Field string
	// From and To are its values, cleaned. Certificates and keys are named by their
	// fingerprints.
	From, To string
}

func (c Change) String() string { return c.Field + " from " + c.From + " to " + c.To }

// setting is a field of a config or role.
type setting struct {
	name, value string
	describe    func(value string) string // nil means the value itself
}

// ChangesFrom lists the fields in which the config differs from an earlier one.
func (c MountConfig) ChangesFrom(earlier MountConfig) []Change {
	return changes(earlier.settings(), c.settings())
}

// ChangesFrom lists the fields in which the role differs from an earlier one.
func (r RoleConfig) ChangesFrom(earlier RoleConfig) []Change {
	return changes(earlier.settings(), r.settings())
}

func changes(from, to []setting) []Change {
	var list []Change
	for i, now := range to {
		if before := from[i]; before.value != now.value {
			list = append(list, Change{now.name, before.text(), now.text()})
		}
	}
	return list
}

func (s setting) text() string {
	switch {
	case s.value == "":
		return "nothing"
	case s.describe != nil:
		return s.describe(s.value)
	}
	return Clean(s.value)
}

func (c MountConfig) settings() []setting {
	return []setting{
		{"kubernetes_host", c.Host, nil},
		{"kubernetes_ca_cert", c.CACert, describeCertificates},
		{"pem_keys", strings.Join(c.PEMKeys, "\n"), describeKeys},
		{"issuer", c.Issuer, nil},
		{"disable_iss_validation", strconv.FormatBool(c.DisableISSValidation), nil},
		{"disable_local_ca_jwt", strconv.FormatBool(c.DisableLocalCAJWT), nil},
		{"token_reviewer_jwt_set", strconv.FormatBool(c.ReviewerSet), nil},
		{"use_annotations_as_alias_metadata", strconv.FormatBool(c.Annotations), nil},
	}
}

func (r RoleConfig) settings() []setting {
	return []setting{
		{"bound_service_account_names", listed(r.Names), nil},
		{"bound_service_account_namespaces", listed(r.Namespaces), nil},
		{"bound_service_account_namespace_selector", r.Selector, nil},
		{"audience", r.Audience, nil},
		{"alias_name_source", r.AliasSource(), nil},
		{"token_policies", listed(r.Policies), nil},
		{"token_no_default_policy", strconv.FormatBool(r.NoDefaultPolicy), nil},
		{"token_bound_cidrs", listed(r.CIDRs), nil},
		{"token_ttl", r.TTL.String(), nil},
		{"token_max_ttl", r.MaxTTL.String(), nil},
		{"token_type", r.Type, nil},
	}
}

// AliasSource is Vault's name of what the aliases of entities are.
func (r RoleConfig) AliasSource() string {
	if r.AliasByName {
		return "serviceaccount_name"
	}
	return "serviceaccount_uid"
}

// listed does not depend on the order of the values, which has no meaning.
func listed(values []string) string {
	return strings.Join(slices.Sorted(slices.Values(values)), ", ")
}

func describeCertificates(text string) string {
	var all []string
	for _, c := range Certificates(text) {
		all = append(all, fmt.Sprintf("the certificate %s (SHA-256 %.16s, until %s)",
			Clean(c.Subject.String()), fingerprint(c.Raw), c.NotAfter.UTC().Format(time.DateOnly)))
	}
	if all == nil {
		return "no certificate"
	}
	return strings.Join(all, ", ")
}

func describeKeys(text string) string {
	ids := KeyIDs(text)
	if ids == nil {
		return "no key"
	}
	return "the keys " + strings.Join(ids, ", ")
}
