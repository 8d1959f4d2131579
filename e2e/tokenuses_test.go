package e2e

import "testing"

// TestTokensWithUses: Vault refuses even the revocation of a token whose uses are used up, so that one with few is only revoked.
func TestTokensWithUses(t *testing.T) {
	t.Parallel()
	l := startLab(t)
	sh := newShell(t, l)
	for _, uses := range []string{"1", "4", "5", "0"} {
		sh.mustRun(`export VAULT_ADDR="$EXPORTER_VAULT_ADDR"`, "vault write auth/kubernetes/role/canary token_num_uses="+uses)
		before, err := l.Accessors(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		_, report := check(t, environment(l.FullEnv()))
		if target := report.Targets[0]; !target.Healthy || len(target.Warnings) > 0 {
			t.Errorf("tokens with %s uses: %s, warnings %+v", uses, target.Reason, target.Warnings)
		}
		if after, err := l.Accessors(t.Context()); err != nil || after != before {
			t.Errorf("tokens with %s uses: %d tokens in Vault before, %d after (%v)", uses, before, after, err)
		}
	}
}
