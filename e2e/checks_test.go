package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/lab"
)

// notRun are the checks that the lab cannot run, as a part of their command, by the reason why.
var notRun = map[string][]string{
	"the command has a placeholder":                          {"<vault-namespace>"},
	"the lab has no kubelet, and so no pods":                 {"get pods -l k8s-app=kube-dns", "get pods -A -l"},
	"the lab uses the clock of its host, which is right":     {"chronyc tracking"},
	"the lab's proxy throttles requests, not the API server": {"dump_priority_levels"},
}

// alwaysShown are the faults whose checks show the sign after healing too, by the reason why.
var alwaysShown = map[string][]string{
	"the fault is a setting of the exporter, which is in the command": {"kubernetes_dns", "vault_dns"},
	"the lab heals the setting that needs the permission":             {"mount_annotations_forbidden", "role_namespace_selector_failed", "reviewer_forbidden_self_review"},
	"the API server keeps the older key":                              {"token_signing_key_rotated"},
	"the token's object stays deleted, and the lab uses another token": {
		"canary_revoked", "canary_revoked_account_deleted", "canary_revoked_account_recreated", "canary_revoked_secret",
		"reviewer_revoked", "reviewer_revoked_account_deleted", "reviewer_revoked_account_recreated", "reviewer_revoked_legacy_secret", "reviewer_revoked_legacy_secret_unused",
		"reviewer_revoked_secret",
	},
}

// A sign is what a check says that its command shows, and how that looks in the output.
type sign struct {
	// phrase matches all of what the check says.
	phrase string
	// isIn reports whether an output has the sign. The groups are those of the phrase.
	isIn func(output string, groups []string) bool
}

// signs has the first sign whose phrase matches first.
var signs = []sign{
	{`the answer no`, contains(`(?m)^no( |$)`)},
	{`no field (initialized|errors)`, lacks(`"$1":`)},
	{`'\*' in (\w+)`, contains(`(?m)^$1 +\[(|.* )\*(| .*)\]$`)},
	{`a kubernetes_host other than (\S+)`, func(output string, groups []string) bool {
		return contains(`(?m)^kubernetes_host +\S`)(output, groups) && lacks(`(?m)^kubernetes_host +$1$`)(output, groups)
	}},
	{`no (\S+)`, lacks(`(?m)(^|[\s:,])$1($|[\s,])`)},
	{`no (\S+) in (\w+)`, func(output string, groups []string) bool {
		return contains(`(?m)^$2 +\[.*\]$`)(output, groups) && lacks(`(?m)^$2 +\[(|.* )$1(| .*)\]$`)(output, groups)
	}},
	{`no file, an empty one, or one that the exporter may not read`, contains(`No such file`)},
	{`anything but ok, Unauthorized or Forbidden`, lacks(`(?m)^ok$|Unauthorized|Forbidden`)},
	{`the subject of a CA that is not in EXPORTER_(VAULT|KUBERNETES)_CACERT`, contains(`issuer=.*somebody else's CA`)},
	{`notAfter in the past, or notBefore in the future`, outOfValidity},
	{`No value found`, contains(`No value found`)},
	{`Could not resolve host`, contains(`Could not resolve host`)},
	{`HA Mode standby`, contains(`(?m)^HA Mode +standby$`)},
	{`(\w+) (true|false)`, contains(`(?m)^$1 +$2$`)},
	{`(\S+) with a type other than kubernetes`, func(output string, groups []string) bool {
		return contains(`(?m)^$1 `)(output, groups) && lacks(`(?m)^$1 +kubernetes `)(output, groups)
	}},
	{`an audience other than (\S+)`, func(output string, groups []string) bool {
		return contains(`(?m)^audience +\S`)(output, groups) && lacks(`(?m)^audience +$1$`)(output, groups)
	}},
	{`pem_keys that are not empty`, contains(`(?m)^pem_keys +\[[^]]`)},
	{`token_bound_cidrs without the address of the exporter`, func(output string, groups []string) bool {
		return contains(`(?m)^token_bound_cidrs +\[[^]]`)(output, groups) && lacks(`127\.0\.0\.1`)(output, groups)
	}},
	{`a policy in token_policies that no login may have, such as root`, contains(`(?m)^token_policies +\[root\]$`)},
	{`the enforcement that requires it`, contains(`(?m)^lab$`)},
	{`the quota that refuses the logins`, contains(`(?m)^lab$`)},
	{`internal error, if no audit device can write`, contains(`internal error`)},
	{`a role other than '?[a-z-]+'? or system:auth-delegator`, contains(`ClusterRole/(cluster-admin|lab-secrets)`)},
	{`a policy in token_policies other than default and vault-k8s-auth-exporter`, contains(`(?m)^token_policies +\[.*lab-everything.*\]$`)},
	{`NotFound, or a time after the token was issued`, contains(`NotFound`)},
	{`NotFound, a time after the token was issued, or the label (\S+)`, contains(`NotFound|$1`)},
	{`(Not After : .+)`, contains(`$1`)},
	{`more than one kid`, contains(`"kid":.*"kid":`)},
	{`NotFound, or a UID other than (\S+)`, func(output string, groups []string) bool {
		return contains(`NotFound|^\S+$`)(output, groups) && lacks(`$1`)(output, groups)
	}},
	{`NotFound`, contains(`NotFound`)},
	{`NotFound, or no (\S+) with content`, func(output string, groups []string) bool {
		return contains(`NotFound`)(output, groups) || lacks(`(?m)^$1: +[1-9]\d* bytes$`)(output, groups)
	}},
	{`login unauthorized with its cause at the next login, until Ctrl-C`, contains(`login unauthorized: err=`)},
}

// contains and lacks match a regular expression, in which $1 and so on stand for the groups of
// the phrase.
func contains(expression string) func(output string, groups []string) bool {
	return func(output string, groups []string) bool {
		expanded := expression
		for i, group := range groups {
			expanded = strings.ReplaceAll(expanded, fmt.Sprintf("$%d", i+1), regexp.QuoteMeta(strings.Trim(group, "'")))
		}
		return regexp.MustCompile(expanded).MatchString(output)
	}
}

func lacks(expression string) func(output string, groups []string) bool {
	return func(output string, groups []string) bool { return !contains(expression)(output, groups) }
}

func outOfValidity(output string, _ []string) bool {
	const layout = "Jan _2 15:04:05 2006 MST"
	dates := regexp.MustCompile(`notBefore=(.*)\nnotAfter=(.*)\n`).FindStringSubmatch(output)
	if dates == nil {
		return false
	}
	begin, beginErr := time.Parse(layout, dates[1])
	end, endErr := time.Parse(layout, dates[2])
	return beginErr == nil && endErr == nil && (time.Now().After(end) || time.Now().Before(begin))
}

// findSign returns the sign of a phrase, and the groups in it. The lab's shell runs where its Vault
// runs.
func findSign(phrase string) (n int, groups []string, found bool) {
	phrase = strings.TrimSuffix(phrase, ", if run where Vault runs")
	for n, s := range signs {
		if groups := regexp.MustCompile("^(?:" + s.phrase + ")$").FindStringSubmatch(phrase); groups != nil {
			return n, groups[1:], true
		}
	}
	return 0, nil, false
}

// hasCandidates reports whether a verdict has several candidates, each with a check of its own:
// at least one of the checks shows its sign.
func hasCandidates(reason string) bool {
	return slices.Contains([]string{"vault_to_kubernetes_failed", "reviewer_drift"}, reason)
}

// A checkTally counts what was done to the checks of all faults.
type checkTally struct {
	mu           sync.Mutex // guards the rest
	printed, run int
	notRun       map[string]int // by the part of the command
	seen         map[int]bool   // the signs that an output had
}

// TestChecksShowTheirSign runs every check as printed, for every fault, with bare and with all
// evidence, and requires the sign that it promises. When the fault is healed, no check shows its
// sign any more.
func TestChecksShowTheirSign(t *testing.T) {
	needsTools(t)
	t.Parallel()
	tally := &checkTally{notRun: map[string]int{}, seen: map[int]bool{}}
	faults := make(chan lab.Fault, len(faultsOf(shared.installation)))
	for _, fault := range faultsOf(shared.installation) {
		faults <- fault
	}
	close(faults)
	t.Run("lab", func(t *testing.T) {
		for range fixtureCount {
			t.Run("fixture", func(t *testing.T) {
				t.Parallel()
				l := startLab(t)
				for fault := range faults {
					t.Run(fault.Name, func(t *testing.T) { testChecks(t, l, fault, tally) })
				}
			})
		}
		testChecksOfSources(t, tally)
	})
	t.Logf("%d checks were printed, and %d run; not run: %v", tally.printed, tally.run, tally.notRun)
	for n, s := range signs {
		if !tally.seen[n] {
			t.Errorf("no check showed %q", s.phrase)
		}
	}
	for why, commands := range notRun {
		for _, command := range commands {
			if tally.notRun[command] == 0 {
				t.Errorf("no check has %q, but is left out: %s", command, why)
			}
		}
	}
}

// testChecksOfSources runs the checks of token sources that the faults do not have, for an object
// that is gone, and that is there again.
func testChecksOfSources(t *testing.T, tally *checkTally) {
	t.Helper()
	for name, commands := range map[string]struct{ remove, restore string }{
		"canary serviceaccount": {"kubectl -n monitoring delete serviceaccount canary", "kubectl -n monitoring create serviceaccount canary"},
		"serviceaccount":        {"kubectl -n vault delete serviceaccount vault-auth", "kubectl -n vault create serviceaccount vault-auth"},
		"secret":                {"kubectl -n vault delete secret vault-auth-token", sources["secret"].grant[0]},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := startLab(t)
			administrator := newShell(t, l)
			binary, token, env := sources[name].identity(t, l, administrator)
			administrator.mustRun(sources[name].grant...)
			administrator.awaitPermissions(token, true, sources[name].permissions)
			administrator.mustRun(commands.remove)
			broken := checkAs(t, binary, env)
			checks := broken.Check
			for _, w := range broken.Warnings {
				checks = append(checks, w.Check...)
			}
			ran := runChecks(t, l, env, checks, false, tally)
			if len(ran) == 0 {
				t.Errorf("%s (%s), warnings %+v: there is no check", broken.Reason, broken.Detail, broken.Warnings)
			}
			administrator.mustRun(commands.restore)
			for _, c := range ran {
				if shown, output := c.run(t, l); shown {
					t.Errorf("%s still shows %s:\n%s", strings.Join(c.lines, "\n"), c.phrase, output)
				}
			}
		})
	}
}

// A ranCheck is a check that showed its sign, or may have.
type ranCheck struct {
	lines  []string
	phrase string
	env    []string
	shown  bool // when the fault was there
}

func testChecks(t *testing.T, l *lab.Lab, fault lab.Fault, tally *checkTally) {
	t.Helper()
	if err := l.Inject(t.Context(), fault.Name); err != nil {
		t.Fatal(err)
	}
	var ran []ranCheck
	for _, level := range evidenceLevels {
		env := environment(level.env(l), l.Expand(fault.Env)...)
		_, r := check(t, env)
		target := r.Targets[0]
		ofVerdict := runChecks(t, l, env, target.Check, hasCandidates(target.Reason), tally)
		if hasCandidates(target.Reason) {
			wantNamed(t, fault, ofVerdict)
		}
		ran = append(ran, ofVerdict...)
		for _, w := range target.Warnings {
			ran = append(ran, runChecks(t, l, env, w.Check, false, tally)...)
		}
	}
	if _, err := l.Heal(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, names := range alwaysShown {
		if slices.Contains(names, fault.Name) {
			return
		}
	}
	for _, c := range ran {
		if shown, output := c.run(t, l); shown {
			t.Errorf("without the fault %s still shows %s:\n%s", strings.Join(c.lines, "\n"), c.phrase, output)
		}
	}
}

// onlyLogged are the faults of verdicts with several candidates whose cause no check names but the
// one of Vault's log, by the reason why.
var onlyLogged = map[string][]string{
	"Vault never returns the token that it stores": {"reviewer_drift", "reviewer_drift_forbidden"},
}

// wantNamed requires a check of a candidate that shows its sign, besides that of Vault's log, which
// has something to show whatever the cause.
func wantNamed(t *testing.T, fault lab.Fault, ran []ranCheck) {
	t.Helper()
	named := slices.ContainsFunc(ran, func(c ranCheck) bool { return c.shown && !strings.HasPrefix(c.phrase, "login unauthorized") })
	logged := false
	for _, names := range onlyLogged {
		logged = logged || slices.Contains(names, fault.Name)
	}
	if named == logged {
		t.Errorf("a check names the cause: %t, want %t", named, !logged)
	}
}

// TestCheckInAccessReviewFindsTheCA requires that where the config cannot be read, and Vault may use
// the CA of its pod or that of its config, the check that connects as Vault does tells a wrong one.
func TestCheckInAccessReviewFindsTheCA(t *testing.T) {
	needsTools(t)
	t.Parallel()
	l := startLab(t)
	env := environment(l.Env(), l.Expand(accessReviewEnv())...)
	connects := func() bool {
		_, r := check(t, env)
		for _, c := range r.Targets[0].Check {
			if strings.Contains(c.Command, "curl ") {
				shown, _ := ranCheck{lines: []string{`export VAULT_ADDR="$EXPORTER_VAULT_ADDR"`, c.Command}, phrase: c.Shows, env: env}.run(t, l)
				return !shown
			}
		}
		t.Fatalf("no check of %s connects: %+v", r.Targets[0].Reason, r.Targets[0].Check)
		return false
	}
	for fault, want := range map[string]bool{"vault_to_kubernetes_tls": false, "vault_to_kubernetes_tls_name": false, "reviewer_revoked": true} {
		if err := l.Inject(t.Context(), fault); err != nil {
			t.Fatal(err)
		}
		if got := connects(); got != want {
			t.Errorf("%s: the check connects: %t, want %t", fault, got, want)
		}
		if _, err := l.Heal(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

// needsTools leaves a test out where a command that checks use is not installed. CI must have them.
func needsTools(t *testing.T) {
	t.Helper()
	for _, tool := range []string{"curl", "openssl"} {
		if _, err := exec.LookPath(tool); err != nil {
			if os.Getenv("CI") == "true" {
				t.Fatalf("%s is not installed, which CI must have: apt-get install %s", tool, tool)
			}
			t.Skipf("%s is not installed: apt-get install %s", tool, tool)
		}
	}
}

// runChecks runs the checks of one verdict or warning, and returns them.
func runChecks(t *testing.T, l *lab.Lab, env []string, checks []checkLine, candidates bool, tally *checkTally) []ranCheck {
	t.Helper()
	var setup []string
	var ran []ranCheck
	shown, outputs := 0, ""
	for _, c := range checks {
		if c.Shows == "" {
			setup = append(setup, c.Command)
			continue
		}
		n, _, found := findSign(c.Shows)
		if tally.leaveOut(c.Command) {
			continue
		}
		if !found {
			t.Errorf("%s shows %q, for which there is no sign", c.Command, c.Shows)
			continue
		}
		r := ranCheck{lines: append(slices.Clone(setup), c.Command), phrase: c.Shows, env: env}
		isShown, output := r.run(t, l)
		r.shown = isShown
		ran = append(ran, r)
		switch {
		case isShown:
			shown++
			tally.see(n)
		case !candidates:
			t.Errorf("%s does not show %s:\n%s", c.Command, c.Shows, output)
		}
		outputs += output
	}
	if candidates && shown == 0 {
		t.Errorf("none of these shows its sign: %+v\n%s", checks, outputs)
	}
	return ran
}

// leaveOut counts a check, and reports whether the lab cannot run it.
func (c *checkTally) leaveOut(command string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.printed++
	for _, parts := range notRun {
		for _, part := range parts {
			if strings.Contains(command, part) {
				c.notRun[part]++
				return true
			}
		}
	}
	c.run++
	return false
}

func (c *checkTally) see(sign int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.seen[sign] = true
}

// run runs the check, and reports whether its output has the sign. A check that runs until it
// is interrupted is ended after a few seconds, in which the exporter logs in.
func (c ranCheck) run(t *testing.T, l *lab.Lab) (shown bool, output string) {
	t.Helper()
	lines := slices.Clone(c.lines)
	if last := len(lines) - 1; strings.HasSuffix(c.phrase, "until Ctrl-C") {
		lines[last] = "timeout 4 " + lines[last]
		logins := sync.WaitGroup{}
		ended := make(chan struct{})
		logins.Go(func() {
			for {
				select {
				case <-ended:
					return
				default:
					check(t, c.env)
				}
			}
		})
		defer logins.Wait()
		defer close(ended)
	}
	output, _ = newShell(t, l).run(lines...) // a command that finds nothing may fail
	n, groups, _ := findSign(c.phrase)
	return signs[n].isIn(output, groups), output
}
