package e2e

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/lab"
)

// user is a reviewer that is no service account: it has a token of the lab's identity provider.
const user = "auth0|jane"

func startLabOfUsers(t *testing.T) *lab.Lab {
	t.Helper()
	installation := shared.installation
	installation.IdentityProvider = true
	return startLabWith(t, installation)
}

// useUser makes the user the reviewer, with changed claims of its token.
func useUser(t *testing.T, l *lab.Lab, changed map[string]any) (username string) {
	t.Helper()
	token, username, err := l.UserToken(user, changed)
	if err != nil {
		t.Fatal(err)
	}
	if err := l.UseReviewer(t.Context(), token); err != nil {
		t.Fatal(err)
	}
	return username
}

// wantUsersVerdicts requires the verdicts without and with the optional evidence. Nothing may be advised
// that is for a service account.
func wantUsersVerdicts(t *testing.T, l *lab.Lab, bare, full lab.Verdict) {
	t.Helper()
	for i, want := range []lab.Verdict{bare, full} {
		_, r := check(t, environment(evidenceLevels[i].env(l)))
		got := r.Targets[0]
		if got.Reason != want.Reason || got.Certainty != want.Certainty {
			t.Errorf("with %s: %s, %s (%s), want %s, %s", evidenceLevels[i].name, got.Reason, got.Certainty, got.Detail, want.Reason, want.Certainty)
		}
		if fix := strings.Join(got.Fix, " "); strings.Contains(fix, "serviceaccount") || strings.Contains(fix, "create token") {
			t.Errorf("with %s, %s is fixed with %q", evidenceLevels[i].name, got.Reason, fix)
		}
	}
}

// TestReviewerOfAnIdentityProvider logs in through a reviewer that is no service account, and
// breaks its token.
func TestReviewerOfAnIdentityProvider(t *testing.T) {
	t.Parallel()
	l := startLabOfUsers(t)
	forbidden := lab.Verdict{Reason: "reviewer_forbidden", Certainty: "proven"}
	username := useUser(t, l, nil)
	wantUsersVerdicts(t, l, forbidden, forbidden)

	_, broken := check(t, environment(l.Env()))
	fix := broken.Targets[0].Fix
	if text := strings.Join(fix, " "); !strings.Contains(text, "--user='"+username+"'") {
		t.Errorf("the fix does not name the user %s: %s", username, text)
	}
	newShell(t, l).mustRun(fix...)
	for _, level := range evidenceLevels {
		last := targetReport{}
		eventually(t, detectionTimeout, "health with "+level.name, func() bool {
			_, r := check(t, environment(level.env(l)))
			last = r.Targets[0]
			return last.Healthy && len(last.Warnings) == 0
		}, func() string { return fmt.Sprintf("%s, %+v", last.Reason, last.Warnings) })
	}

	of := func(reason string) lab.Verdict { return lab.Verdict{Reason: reason, Certainty: "proven"} }
	unauthorized := of("reviewer_unauthorized")
	for _, broken := range []struct {
		claims     map[string]any
		bare, full lab.Verdict
	}{
		{map[string]any{"exp": time.Now().Add(-time.Hour).Unix()}, of("reviewer_expired"), of("reviewer_expired")},
		{map[string]any{"nbf": time.Now().Add(time.Hour).Unix()}, of("reviewer_not_yet_valid"), of("reviewer_not_yet_valid")},
		{map[string]any{"aud": "web"}, unauthorized, of("reviewer_wrong_audience")},
		{map[string]any{"iss": "https://elsewhere.example"}, unauthorized, unauthorized},
	} {
		useUser(t, l, broken.claims)
		wantUsersVerdicts(t, l, broken.bare, broken.full)
	}
	useUser(t, l, nil)
	healthy := of("none")
	wantUsersVerdicts(t, l, healthy, healthy)
}

// TestIdentityProviderDown: the API server rejects a valid token if it cannot fetch the keys of
// its issuer. A new token does not help, which an exporter with an identity of its own says.
func TestIdentityProviderDown(t *testing.T) {
	t.Parallel()
	l := startLabOfUsers(t)
	if err := l.StopIdentityProvider(); err != nil {
		t.Fatal(err)
	}
	useUser(t, l, nil)
	unauthorized := lab.Verdict{Reason: "reviewer_unauthorized", Certainty: "proven"}
	wantUsersVerdicts(t, l, unauthorized, unauthorized)
	_, r := check(t, environment(l.FullEnv()))
	got := r.Targets[0]
	if notes := strings.Join(got.Notes, " "); !strings.Contains(got.Detail, "oidc: ") || !strings.Contains(notes, "may be valid") || strings.Contains(notes, "get a new one") {
		t.Errorf("with all evidence: %s; %s", got.Detail, notes)
	}
}

// TestUserAsCandidate tries a user's token before it is the reviewer's, and then writes it as check says.
func TestUserAsCandidate(t *testing.T) {
	t.Parallel()
	l := startLabOfUsers(t)
	token, username, err := l.UserToken(user, nil)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "user.jwt")
	if err := lab.ReplaceFile(file, []byte(token)); err != nil {
		t.Fatal(err)
	}
	try := func() (int, targetReport) {
		o := run(t, environment(l.FullEnv()), "check", "--candidate", "--output=json", "--reviewer-token-file="+file)
		return o.code, decodeReport(t, o).Targets[0]
	}
	code, refused := try()
	if fix := strings.Join(refused.Fix, "\n"); code != 1 || refused.Reason != "reviewer_forbidden" || !strings.Contains(fix, "--user='"+username+"'") {
		t.Fatalf("check exits with %d and reports %s, which is fixed with %s", code, refused.Reason, fix)
	}
	sh := newShell(t, l)
	sh.mustRun(refused.Fix...)
	var accepted targetReport
	eventually(t, detectionTimeout, "the candidate to work", func() bool {
		code, accepted = try()
		return code == 0 && accepted.Healthy
	}, func() string {
		return fmt.Sprintf("check exits with %d and reports %s (%s)", code, accepted.Reason, accepted.Detail)
	})
	sh.mustRun(accepted.Fix...)
	// Logins rely on the user from here.
	sh.mustRun("kubectl delete clusterrolebinding vault-auth-delegator")
	sh.awaits(reviewerMayReview, "no")
	wantReviewer := environment(l.FullEnv(), "EXPORTER_REVIEWER_TOKEN_FILE="+file)
	if _, r := check(t, wantReviewer); !r.Targets[0].Healthy || len(r.Targets[0].Warnings) > 0 {
		t.Errorf("after the write: %s (%s), %+v", r.Targets[0].Reason, r.Targets[0].Detail, r.Targets[0].Warnings)
	}
}
