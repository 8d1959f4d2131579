package diagnose

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/shell"
)

// The warnings that the config or the role is no longer what it was, and the writes that
// restore it.

func judgeMountDrift(t evidence.Target, e evidence.Evidence) (finding, bool) {
	baseline := e.Mount.ConfigBaseline
	if !e.Mount.Config.Ok() || baseline == nil {
		return unjudged()
	}
	changes := e.Mount.Config.Value.ChangesFrom(baseline.Value)
	if len(changes) == 0 {
		return finding{}, true
	}
	a := adviseDrift(readConfig(t, "what "+fieldsOf(changes)+" is now"))
	a.Fix = restoreConfig(t, e, changes)
	if slices.ContainsFunc(a.Fix, func(line string) bool { return strings.Contains(line, " "+reviewerJWT+"=") }) {
		a.Notes = append(a.Notes, "Vault never returns the reviewer's token, so the fix writes one again.")
	}
	return finding{
		holds:  true,
		detail: fmt.Sprintf("the config of %s was changed %s: %s", mountPath(t), between(baseline.At, baseline.Changed), described(changes)),
		advice: a,
	}, true
}

func judgeRoleDrift(t evidence.Target, e evidence.Evidence) (finding, bool) {
	baseline := e.Mount.RoleBaseline
	if !e.Mount.Role.Ok() || baseline == nil {
		return unjudged()
	}
	changes := e.Mount.Role.Value.ChangesFrom(baseline.Value)
	if len(changes) == 0 {
		return finding{}, true
	}
	a := adviseDrift(readRole(t, "what "+fieldsOf(changes)+" is now"))
	a.Fix = restoreRole(t, baseline.Value, changes)
	return finding{
		holds:  true,
		detail: fmt.Sprintf("the role %s of %s was changed %s: %s", t.Vault.Role, mountPath(t), between(baseline.At, baseline.Changed), described(changes)),
		advice: a,
	}, true
}

func adviseDrift(check Check) Advice {
	return Advice{
		Notes: []string{"If the change was intended, do nothing: after 24 h it is the new baseline. The fix restores the fields that were changed, and keeps the others as they are."},
		Check: []Check{check},
	}
}

// between says when something was changed: after one reading and before another.
func between(before, after time.Time) string {
	return "between " + date(before) + " and " + date(after)
}

func fieldsOf(changes []evidence.Change) string {
	var names []string
	for _, c := range changes {
		names = append(names, c.Field)
	}
	return strings.Join(names, ", ")
}

func described(changes []evidence.Change) string {
	var words []string
	for _, c := range changes {
		words = append(words, c.String())
	}
	return strings.Join(words, "; ")
}

// restoreConfig returns the commands that write fields of the config as they were at the
// baseline, and every other field as it is now.
func restoreConfig(t evidence.Target, e evidence.Evidence, changes []evidence.Change) []string {
	was := e.Mount.ConfigBaseline.Value
	var settings []setting
	for _, c := range changes {
		s := setting{name: c.Field}
		switch c.Field {
		case "kubernetes_host":
			s.value = untrusted(was.Host, c.Field)
		case kubernetesCA:
			s = pemSetting(c.Field, was.CACert, "kubernetes-ca.crt")
		case "pem_keys":
			s = pemSetting(c.Field, strings.Join(was.PEMKeys, ","), "pem-keys.pem")
		case "issuer":
			s.value = untrusted(was.Issuer, c.Field)
		case "disable_iss_validation":
			s.value = strconv.FormatBool(was.DisableISSValidation)
		case "disable_local_ca_jwt":
			s.value = strconv.FormatBool(was.DisableLocalCAJWT)
		case "use_annotations_as_alias_metadata":
			s.value = strconv.FormatBool(was.Annotations)
		case "token_reviewer_jwt_set":
			s = reviewerAsBefore(t, e, was.ReviewerSet)
		}
		settings = append(settings, s)
	}
	return changeConfig(t, e, settings...)
}

// reviewerAsBefore returns the setting that stores a reviewer's token again, or none.
func reviewerAsBefore(t evidence.Target, e evidence.Evidence, stored bool) setting {
	if !stored {
		return setting{name: reviewerJWT}
	}
	s := reviewerSetting(t, e)
	if s.value == "" {
		s.value = "@<reviewer-token-file>"
	}
	return s
}

// untrusted returns a value that Vault returned for the command line, empty if it was empty.
func untrusted(value, placeholder string) string {
	if value == "" {
		return ""
	}
	return shell.QuoteUntrusted(value, placeholder)
}

// pemSetting returns a setting whose value is the text of a file. Base64 on one line survives
// being pasted, and cannot be a command.
func pemSetting(name, text, file string) setting {
	if text == "" {
		return setting{name: name}
	}
	encoded := base64.StdEncoding.EncodeToString([]byte(text))
	return setting{name: name, value: "@" + file, fetch: []string{"echo " + encoded + " | openssl base64 -d -A > " + file}}
}

// restoreRole returns the command that writes fields of the role as they were.
func restoreRole(t evidence.Target, was evidence.RoleConfig, changes []evidence.Change) []string {
	var settings []string
	for _, c := range changes {
		settings = append(settings, c.Field+": "+roleValue(was, c.Field))
	}
	return changeRole(t, strings.Join(settings, ", "))
}

// roleValue returns a field of a role in the syntax of jq, in single quotes of a shell.
func roleValue(r evidence.RoleConfig, field string) string {
	switch field {
	case "bound_service_account_names":
		return jqList(r.Names, "service-account")
	case "bound_service_account_namespaces":
		return jqList(r.Namespaces, "namespace")
	case namespaceSelector:
		return jqSelector(r.Selector)
	case "audience":
		return jqText(r.Audience, "audience")
	case "alias_name_source":
		return jqText(r.AliasSource(), "alias_name_source")
	case "token_policies":
		return jqList(r.Policies, "policy")
	case "token_no_default_policy":
		return strconv.FormatBool(r.NoDefaultPolicy)
	case "token_bound_cidrs":
		return jqList(r.CIDRs, "cidr")
	case "token_ttl":
		return jqSeconds(r.TTL)
	case "token_max_ttl":
		return jqSeconds(r.MaxTTL)
	}
	return jqText(r.Type, "token_type")
}

func jqSeconds(d time.Duration) string { return fmt.Sprintf(`"%ds"`, int(d.Seconds())) }

// anyName admits every name, in a list of a role.
const anyName = "*"

// jqText returns a text that Vault returned. One that could do more than name something is a
// placeholder.
func jqText(value, placeholder string) string {
	if value == "" || value == anyName {
		return `"` + value + `"`
	}
	return `"` + unquoted(value, placeholder) + `"`
}

func jqList(values []string, placeholder string) string {
	var texts []string
	for _, value := range values {
		texts = append(texts, jqText(value, placeholder))
	}
	return "[" + strings.Join(texts, ", ") + "]"
}

// labelSelector is the part of a Kubernetes label selector that is written again as it was.
type labelSelector struct {
	MatchLabels      map[string]string `json:"matchLabels"`
	MatchExpressions []json.RawMessage `json:"matchExpressions"`
}

// jqSelector returns a selector of labels. Any other is a placeholder.
func jqSelector(selector string) string {
	var s labelSelector
	if selector == "" {
		return `""`
	}
	if json.Unmarshal([]byte(selector), &s) != nil || len(s.MatchExpressions) > 0 {
		return `"<selector>"`
	}
	var labels []string
	for name, value := range s.MatchLabels {
		labels = append(labels, jqText(name, "label")+": "+jqText(value, "value"))
	}
	slices.Sort(labels)
	return "({matchLabels: {" + strings.Join(labels, ", ") + "}} | tojson)"
}

// selectsAll reports whether a namespace selector admits every namespace.
func selectsAll(selector string) bool {
	var s labelSelector
	return selector != "" && json.Unmarshal([]byte(selector), &s) == nil && len(s.MatchLabels)+len(s.MatchExpressions) == 0
}
