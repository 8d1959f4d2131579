package e2e

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestProbesLeaveNoTokenInVault counts accessors before and after 50 probes.
func TestProbesLeaveNoTokenInVault(t *testing.T) {
	before := accessors(t)
	var checks sync.WaitGroup
	for range 5 {
		checks.Go(func() {
			for range 10 {
				if o := run(t, sharedEnv(), "check"); o.code != 0 {
					t.Errorf("check exits with %d:\n%s%s", o.code, o.stdout, o.stderr)
				}
			}
		})
	}
	checks.Wait()
	if after := accessors(t); after != before {
		t.Errorf("%d tokens in Vault before 50 probes, %d after", before, after)
	}
}

// TestTerminationLeavesNoToken stops the exporter repeatedly, during or after its first run.
func TestTerminationLeavesNoToken(t *testing.T) {
	before := accessors(t)
	for range 10 {
		exporter := serve(t, sharedEnv())
		exporter.address("health") // the first run begins within 100 ms
		if code, elapsed := exporter.terminate(); code != 0 || elapsed > 5*time.Second {
			t.Errorf("after SIGTERM the exporter exited with %d after %s", code, elapsed)
		}
	}
	if after := accessors(t); after != before {
		t.Errorf("%d tokens in Vault before, %d after", before, after)
	}
}

func accessors(t *testing.T) int {
	t.Helper()
	n, err := shared.lab.Accessors(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// tokenLike matches anything that looks like a JWT or a Vault token.
var tokenLike = regexp.MustCompile(`eyJ[A-Za-z0-9_-]{20,}|\b(hv[sbr]|[sb])\.[A-Za-z0-9_-]{20,}`)

// noSecretWasPrinted searches the output of all tests. If it ran them all, it requires that there is some.
func noSecretWasPrinted(allRan bool) error {
	everything := allOutput.String()
	if allRan && (len(everything) < 10_000 || !strings.Contains(everything, "vault_k8s_auth_up")) {
		return fmt.Errorf("only %d bytes of the exporters' output were collected", len(everything))
	}
	everything = distinct(everything)
	credentials, err := fileTokens()
	if err != nil {
		return err
	}
	if leaks := leaksIn(everything, credentials); len(leaks) > 0 {
		return fmt.Errorf("the exporters printed %d secrets, such as %q", len(leaks), leaks[0][:8])
	}
	for _, credential := range credentials {
		if len(leaksIn(everything+"x "+credential+" x", credentials)) == 0 {
			return errors.New("a planted secret is not found in the exporters' output")
		}
	}
	return nil
}

// distinct removes repeated lines, of which scrapes have many.
func distinct(text string) string {
	lines := map[string]bool{}
	for line := range strings.Lines(text) {
		lines[line] = true
	}
	return strings.Join(slices.Collect(maps.Keys(lines)), "")
}

// fileTokens returns the exporter's credentials at the shared lab.
func fileTokens() (tokens []string, err error) {
	for _, variable := range shared.lab.Env() {
		name, path, _ := strings.Cut(variable, "=")
		if !strings.HasSuffix(name, "_TOKEN_FILE") {
			continue
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		tokens = append(tokens, strings.TrimSpace(string(content)))
	}
	if len(tokens) < 2 {
		return nil, fmt.Errorf("the environment has only %d token files", len(tokens))
	}
	return tokens, nil
}

func leaksIn(text string, credentials []string) []string {
	leaks := tokenLike.FindAllString(text, -1)
	for _, credential := range credentials {
		for part := range strings.SplitSeq(credential, ".") {
			if len(part) > 12 && strings.Contains(text, part) {
				leaks = append(leaks, part)
			}
		}
	}
	return leaks
}
