package e2e

import (
	"context"
	"sync"
	"testing"
)

// TestTokenRotationCausesNoFailure rotates all tokens while checks run continuously: the canary's
// token as a kubelet does, by a symbolic link; the reviewer's in Vault first, and then in the
// exporter's source. No check may find a fault.
func TestTokenRotationCausesNoFailure(t *testing.T) {
	t.Parallel()
	l := startLab(t)
	administrator := newShell(t, l)
	administrator.mustRun(
		"mkdir -p canary/..1",
		`cp "$EXPORTER_CANARY_TOKEN_FILE" canary/..1/token`,
		"ln -s ..1 canary/..data",
		"ln -s ..data/token canary/token",
		`kubectl -n vault create secret generic reviewer --from-literal=token="$(cat "$EXPORTER_REVIEWER_TOKEN_FILE")"`,
		"kubectl -n vault create role probe --verb=get --resource=secrets --resource-name=reviewer",
		"kubectl -n vault create rolebinding probe --role=probe --serviceaccount=monitoring:exporter",
	)
	binary, pod := inPod(t, l)
	canary := "EXPORTER_CANARY_TOKEN_FILE=" + administrator.dir + "/canary/token"
	checks := []*continuousCheck{
		startContinuousCheck(t, shared.exporter, environment(l.Env(), canary)),
		startContinuousCheck(t, binary, append(environment(l.Env(), canary,
			"EXPORTER_REVIEWER=secret", "EXPORTER_REVIEWER_TOKEN_FILE=", "EXPORTER_REVIEWER_SECRET=vault/reviewer"), pod.Env...)),
	}
	for range 3 {
		administrator.mustRun(
			`next=..$(date +%s%N); mkdir canary/$next`,
			"kubectl -n monitoring create token canary --audience=vault > canary/$next/token",
			"ln -s $next canary/..tmp",
			"old=$(readlink canary/..data)",
			"mv -T canary/..tmp canary/..data",
			"rm -r canary/$old",

			"kubectl -n vault create token vault-auth > reviewer-token",
			`export VAULT_ADDR="$EXPORTER_VAULT_ADDR" VAULT_CACERT="$EXPORTER_VAULT_CACERT"`,
			`vault write auth/kubernetes/config kubernetes_host="$EXPORTER_KUBERNETES_HOST" kubernetes_ca_cert=@"$EXPORTER_KUBERNETES_CACERT" `+
				"token_reviewer_jwt=@reviewer-token disable_local_ca_jwt=true",
			"sleep 1",
			`cp reviewer-token "$EXPORTER_REVIEWER_TOKEN_FILE.new"`,
			`mv "$EXPORTER_REVIEWER_TOKEN_FILE.new" "$EXPORTER_REVIEWER_TOKEN_FILE"`,
			`kubectl -n vault create secret generic reviewer --from-file=token=reviewer-token --dry-run=client -o yaml | kubectl replace -f -`,
		)
	}
	for _, c := range checks {
		if probes := c.finish(); probes < 10 {
			t.Errorf("only %d checks were made", probes)
		}
	}
}

// A continuousCheck repeats check until it is stopped, and requires health.
type continuousCheck struct {
	stop  context.CancelFunc
	done  sync.WaitGroup
	count int
}

func startContinuousCheck(t *testing.T, binary string, env []string) *continuousCheck {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	c := &continuousCheck{stop: stop}
	c.done.Go(func() {
		for ; ctx.Err() == nil; c.count++ {
			if o := runAs(t, binary, env, "check", "--output=json"); o.code != 0 {
				t.Errorf("during the rotation, check exits with %d: %s%s", o.code, o.stdout, o.stderr)
			}
		}
	})
	return c
}

// finish stops the checks and returns how many were made.
func (c *continuousCheck) finish() int {
	c.stop()
	c.done.Wait()
	return c.count
}
