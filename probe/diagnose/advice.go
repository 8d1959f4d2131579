package diagnose

import (
	"regexp"
	"slices"
	"strings"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/shell"
)

// Advice is what to do about a reason or warning at one target. Commands can be pasted into
// a shell, except that placeholders in angle brackets have to be replaced.
type Advice struct {
	// Check lists read-only commands that confirm the diagnosis.
	Check []Check
	// Fix lists commands that change something, in the order in which to run them.
	Fix []string
	// Notes lists sentences: steps that are not commands, and what to know before a fix.
	Notes []string
}

// Check is a command that only reads, and what confirms the diagnosis in its output.
type Check struct {
	Command string
	// Shows is a phrase to follow the word shows, such as Sealed true. It contains only what
	// a shell takes literally if it is pasted together with the command: values in it are
	// quoted. It is empty for the command that sets the vault CLI's environment.
	Shows string
}

// CheckLines returns the commands of the checks, each followed by a comment of what it shows.
// The comment has a line of its own, because zsh reads one after a command as arguments.
func (a Advice) CheckLines() []string {
	var lines []string
	for _, c := range a.Check {
		lines = append(lines, c.Command)
		if c.Shows != "" {
			lines = append(lines, "# shows "+c.Shows)
		}
	}
	return lines
}

// IsEmpty reports whether there is no advice at all.
func (a Advice) IsEmpty() bool { return len(a.Check)+len(a.Fix)+len(a.Notes) == 0 }

// Advice returns what to do about the reason at this target, given the evidence of the
// run.
func (r Reason) Advice(t evidence.Target, e evidence.Evidence) Advice {
	switch {
	case t.Candidate != nil && r == None:
		return adviseCandidate(t, e).at(t, e)
	case t.Candidate != nil && r.Component() == ComponentVaultToKubernetes:
		return adviseCandidateHost(r, t).at(t, e)
	case t.Candidate != nil && r == Unexplained:
		return adviseSourcePermission(t, e).at(t, e)
	}
	advise := specOf[r].advise
	if advise == nil {
		return Advice{}
	}
	a := advise(t, e).checkOwnSide(r, e)
	if r.Component() == ComponentVaultToKubernetes || r == ReviewerDrift || r == Unexplained {
		a.Notes = append(a.Notes, whereLogged(e))
	}
	if r != MountMissing && r != MountConfigMissing && r != RoleMissing { // nobody uses what is missing
		a.Notes = append(a.Notes, sharedWrites(t, a.Fix)...)
	}
	return a.at(t, e)
}

// whereLogged returns a note on where Vault logs why it rejected a login. Apart from the
// diagnostic role, Vault reports the cause nowhere else.
func whereLogged(e evidence.Evidence) string {
	if e.Mount.Accessor == "" {
		return `Vault logs the cause at level debug, in lines with "auth.kubernetes" and "login unauthorized".`
	}
	accessor := strings.Trim(shell.QuoteUntrusted(e.Mount.Accessor, "accessor"), "'")
	return `Vault logs the cause at level debug, in lines with "auth.kubernetes.` + accessor + `: login unauthorized"; ` +
		`its audit log has the requests, with mount_accessor ` + accessor + `.`
}

// at completes the advice for a target: it adds a command that sets the vault CLI's
// environment, and notes on the token that a fix creates, on files that only the exporter's
// pod has, and on an address that only pods reach.
func (a Advice) at(t evidence.Target, e evidence.Evidence) Advice {
	if slices.ContainsFunc(a.Fix, func(line string) bool { return strings.Contains(line, tokenSecretType) }) {
		a.Notes = append(a.Notes, "The fix stores the token of a new Secret, which is valid until the Secret is deleted. "+vaultsPlatform(t, e).mintedTokens())
	}
	isVaults := func(line string) bool {
		return strings.HasPrefix(line, "vault ") || strings.HasPrefix(line, "bao ") || strings.Contains(line, "$(vault ")
	}
	checks := commands(a.Check)
	if slices.ContainsFunc(slices.Concat(checks, a.Fix), func(line string) bool { return namesFile(t, line) }) {
		a.Notes = append(a.Notes, "The files in the commands are in the exporter's pod: use copies of them.")
	}
	if slices.ContainsFunc(slices.Concat(checks, a.Fix), func(line string) bool { return strings.Contains(line, evidence.PlaceholderOfInput) }) {
		a.Notes = append(a.Notes, "Replace "+evidence.PlaceholderOfInput+" by the file that was given on standard input.")
	}
	if slices.ContainsFunc(slices.Concat(checks, a.Fix), isVaults) {
		a.Notes = append(a.Notes, sentences(fromOutside(t))...)
	}
	a.Check = located(t, a.Check)
	if slices.ContainsFunc(checks, isVaults) {
		a.Check = append([]Check{{Command: environment(t)}}, a.Check...)
	}
	if slices.ContainsFunc(a.Fix, isVaults) {
		a.Fix = append([]string{environment(t)}, a.Fix...)
	}
	if e.Health.Value.OpenBao {
		return a.withBao()
	}
	return a
}

// runsVault matches where a command line runs the vault CLI, or a note names one of its commands.
var runsVault = regexp.MustCompile(`(^|[|;&(:] ?|\$\()vault ([a-z])`)

// vaultVariable matches the variables of the vault CLI that commands and notes set.
var vaultVariable = regexp.MustCompile(`\bVAULT_(ADDR|NAMESPACE|TLS_SERVER_NAME)\b`)

// withBao returns the advice with the CLI of OpenBao, which has the same commands. It reads VAULT_*
// too, but BAO_* of the same name, which the shell may have for another server, wins.
func (a Advice) withBao() Advice {
	withBao := func(line string) string {
		return vaultVariable.ReplaceAllString(runsVault.ReplaceAllString(line, "${1}bao $2"), "BAO_$1")
	}
	a.Check, a.Fix, a.Notes = slices.Clone(a.Check), slices.Clone(a.Fix), slices.Clone(a.Notes)
	for i := range a.Check {
		a.Check[i].Command = withBao(a.Check[i].Command)
	}
	for _, lines := range [][]string{a.Fix, a.Notes} {
		for i := range lines {
			lines[i] = withBao(lines[i])
		}
	}
	return a
}

// sharedWrites returns a sentence for each object that a fix writes and that other pods than
// the canary may log in with.
func sharedWrites(t evidence.Target, fix []string) []string {
	var notes []string
	writes := func(path string) bool {
		return slices.ContainsFunc(fix, func(line string) bool { return strings.Contains(line, vault("write", path)+" ") })
	}
	if writes(configPath(t)) {
		notes = append(notes, "The fix writes the config of "+mountPath(t)+", which every login at this mount uses.")
	}
	if writes(shell.Quote(rolePath(t))) {
		notes = append(notes, "The fix writes the role "+t.Vault.Role+", which other pods may log in with too.")
	}
	return notes
}

// tokenSecretType is the type of the Secrets that a fix creates for their token.
const tokenSecretType = "kubernetes.io/service-account-token"

// located adds to what checks show that a Service has to be addressed from a pod.
func located(t evidence.Target, checks []Check) []Check {
	var list []Check
	for _, c := range checks {
		for _, address := range []string{t.Vault.Addr, t.Kubernetes.Host, t.Home.Host} {
			connects := strings.HasPrefix(c.Command, "curl ") || strings.HasPrefix(c.Command, "openssl ")
			if connects && evidence.ServiceNamespace(address) != "" && strings.Contains(c.Command, hostOf(address)) {
				c.Shows += ", if run in a pod"
				break
			}
		}
		list = append(list, c)
	}
	return list
}

func commands(checks []Check) []string {
	list := make([]string, 0, len(checks))
	for _, c := range checks {
		list = append(list, c.Command)
	}
	return list
}

// namesFile reports whether a command names a file in the exporter's pod.
func namesFile(t evidence.Target, line string) bool {
	files := []string{t.Vault.CACert, t.Vault.ClientCert, t.Vault.ClientKey, t.Home.CACert, t.Canary.TokenFile}
	if c := t.Candidate; c == nil || !c.CACert { // a candidate's files are where the command runs
		files = append(files, t.Kubernetes.CACert)
	}
	if c := t.Candidate; c == nil || !c.Reviewer {
		files = append(files, t.Reviewer.TokenFile)
	}
	return slices.ContainsFunc(files, func(file string) bool { return file != "" && strings.Contains(line, shell.Quote(file)) })
}

// environment returns the command that points the vault CLI at the target's Vault. It does
// not set VAULT_CACERT, because the exporter's file is in its pod.
func environment(t evidence.Target) string {
	command := "export"
	for _, variable := range []struct{ name, value string }{
		{"VAULT_ADDR", t.Vault.Addr},
		{"VAULT_NAMESPACE", t.Vault.Namespace},
	} {
		if variable.value != "" {
			command += " " + variable.name + "=" + shell.Quote(variable.value)
		}
	}
	return command
}

func vault(words ...string) string { return "vault " + strings.Join(words, " ") }

// certificate returns the command that shows these fields of the certificate that a server
// sends.
func certificate(address, serverName, fields string) string {
	return connect(address, serverName, "") + " | openssl x509 -noout " + fields
}

// connect returns the command that prints what a server sends in its TLS handshake: its own
// certificate or, with -showcerts, all of them.
func connect(address, serverName, flag string) string {
	host := hostOf(address)
	if !strings.Contains(host[strings.LastIndex(host, "]")+1:], ":") {
		host += ":443"
	}
	command := "openssl s_client -connect " + shell.Quote(host)
	if serverName != "" {
		command += " -servername " + shell.Quote(serverName)
	}
	if flag != "" {
		command += " " + flag
	}
	return command + " </dev/null 2>/dev/null"
}

// certificateNames returns the check for a certificate without the name that is called.
// LibreSSL cannot print a single extension.
func certificateNames(address, serverName string) Check {
	name := serverName
	if name == "" {
		name = evidence.Hostname(address)
	}
	return Check{
		certificate(address, serverName, "-text | grep -A1 'Subject Alternative Name'"),
		"no " + shell.Quote(name),
	}
}

// hostOf returns the host and port of a URL.
func hostOf(address string) string {
	host := strings.TrimPrefix(strings.TrimPrefix(address, "https://"), "http://")
	host, _, _ = strings.Cut(host, "/")
	return host
}

// account returns a service account in the format of kubectl's flag --serviceaccount.
func account(c evidence.Claims, placeholder string) string {
	if c.Namespace == "" || c.ServiceAccount == "" {
		return "<namespace:" + placeholder + ">"
	}
	return shell.QuoteUntrusted(c.Namespace+":"+c.ServiceAccount, "namespace:"+placeholder)
}

func rolePath(t evidence.Target) string { return mountPath(t) + "/role/" + t.Vault.Role }

// describeSetting describes the value of the variable that selects a token.
func describeSetting(pod evidence.Pod, source evidence.Source, o evidence.Origin) string {
	if o.TokenFile != "" {
		return pod.Describe(o.TokenFile)
	}
	return orNone(source.Value(o))
}

func orNone(value string) string {
	if value == "" {
		return "not set"
	}
	return value
}
