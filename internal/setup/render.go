package setup

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
)

// Formats maps the values of --output to what renders a plan so.
var Formats = map[string]func(Plan) string{"sh": Plan.Shell, "hcl": Plan.HCL, "values": Plan.Values}

// FormatNames are the keys of [Formats].
func FormatNames() []string { return slices.Sorted(maps.Keys(Formats)) }

// Write prints the plan.
func (p Plan) Write(w io.Writer, format string) error {
	_, err := io.WriteString(w, Formats[format](p))
	return err
}

// width is that of comments, in characters.
const width = 110

// comment returns a text as lines of a comment. In sh, HCL and YAML they begin alike.
func comment(text string) string {
	var out strings.Builder
	line := "#"
	for word := range strings.FieldsSeq(text) {
		if len(line)+1+len(word) > width && line != "#" {
			out.WriteString(line + "\n")
			line = "#"
		}
		line += " " + word
	}
	return out.String() + line + "\n"
}

// header says what the output rests on, and warns.
func (p Plan) header(title string) string {
	out := comment(title)
	out += "#\n"
	for _, line := range p.Asked {
		out += comment(line)
	}
	out += comment(p.Why)
	for _, warning := range p.Warnings {
		out += "#\n" + comment("WARNING: "+warning)
	}
	return out + "\n"
}

// accountWhy says what the exporter's account is for.
func (p Plan) accountWhy() string {
	if p.Permission == (evidence.Permission{}) {
		return "The exporter's service account, which is also the canary. It needs no permission in Kubernetes."
	}
	return "The exporter's service account, which is also the canary, and its only permission: " + describe(p.Permission) + "."
}

func describe(p evidence.Permission) string {
	text := p.Verb + " " + p.Resource
	if p.ResourceName != "" {
		text += fmt.Sprintf(" %s in the namespace %s", p.ResourceName, p.Namespace)
	}
	return text
}

const (
	roleWhy = "The canary's role. Batch tokens with a TTL of 60 s are not stored in Vault and need no revocation. " +
		"The policy allows only the reads that the exporter compares with what it finds, and asking what it allows."
	apiServerAudienceWhy = "Vault reviews each token with that same token, so that it must be valid for the API server: the role requires the API server's own audience."
	diagnosticWhy        = "The diagnostic role admits nobody: no namespace has that label. Vault's refusal says how its own call to Kubernetes ended, " +
		"to every client from these addresses (docs/security.md)."
	noDiagnosticWhy = "Optional: with --diagnostic-cidr=ADDRESS, the exporter's address as Vault sees it, a diagnostic role is added, " +
		"which proves more causes (docs/evidence.md)."
	caWhy         = "The CA that verifies Vault."
	neverSelector = `{"matchLabels":{"vault-k8s-auth-exporter/never-set":"true"}}`
)

// rolePath is the path of a role at the mount.
func (p Plan) rolePath(role string) string { return "auth/" + p.Target.Vault.Mount + "/role/" + role }

// policy is the canary's policy.
func (p Plan) policy() string {
	permissions := [][2]string{
		{"auth/" + p.Target.Vault.Mount + "/config", "read"}, {p.rolePath(p.Target.Vault.Role), "read"}, {"sys/capabilities-self", "update"},
	}
	width := 0
	for _, permission := range permissions {
		width = max(width, len(permission[0])+2)
	}
	var rules strings.Builder
	for _, permission := range permissions {
		fmt.Fprintf(&rules, "path %-*q { capabilities = [%q] }\n", width, permission[0], permission[1])
	}
	return rules.String()
}

// objectName is the name of the roles in Kubernetes and of their bindings.
func (p Plan) objectName() string { return p.Account.Namespace + "-" + p.Account.Name }

var plainYAML = regexp.MustCompile(`^[A-Za-z/][A-Za-z0-9._/-]*(:[A-Za-z0-9._/-]+)*$`)

// yamlWords are plain words that are no strings in YAML 1.1.
var yamlWords = []string{"true", "false", "yes", "no", "on", "off", "null", "y", "n"}

// yamlString is a string as YAML.
func yamlString(s string) string {
	if plainYAML.MatchString(s) && !slices.Contains(yamlWords, strings.ToLower(s)) {
		return s
	}
	quoted, _ := json.Marshal(s) // a string always encodes
	return string(quoted)
}

func indent(text, by string) string {
	var out strings.Builder
	for line := range strings.Lines(text) {
		if strings.TrimSpace(line) != "" {
			out.WriteString(by)
		}
		out.WriteString(line)
	}
	return out.String()
}
