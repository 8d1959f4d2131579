package probe_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/diagnose"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/probetest"
)

// After a 101, net/http hands over the connection, which then has no deadline.
func TestSwitchingProtocolsIsABadResponse(t *testing.T) {
	for name, arrange := range map[string]func(*probetest.World, http.HandlerFunc){
		"Vault":          func(w *probetest.World, answer http.HandlerFunc) { w.OnVault("", answer) },
		"the API server": func(w *probetest.World, answer http.HandlerFunc) { w.OnKubernetes("", answer) },
	} {
		t.Run(name, func(t *testing.T) {
			w := probetest.NewWorldOver(t, probetest.HTTP1)
			w.Target.Timeout = 5 * time.Second
			var open sync.WaitGroup
			switched := probetest.SwitchProtocols(open.Done)
			arrange(w, func(rw http.ResponseWriter, r *http.Request) {
				if !strings.HasPrefix(r.UserAgent(), "vault-k8s-auth-exporter/") {
					probetest.Close(rw, r) // a request of the fake Vault
				}
				open.Add(1)
				switched(rw, r)
			})
			start := time.Now()
			result, _ := w.Probe(probe.Memory{})
			open.Wait() // until every connection is closed
			if took := time.Since(start); took > w.Target.Timeout {
				t.Errorf("the run took %s, which is too long", took)
			}
			failures := []evidence.Failure{result.Evidence.Review.Failure, result.Evidence.Access.Failure}
			if name == "Vault" {
				failures = []evidence.Failure{result.Evidence.Health.Failure, result.Evidence.Login.Failure}
			}
			for _, f := range failures {
				if f.Class != evidence.ClassBadResponse || f.Status != http.StatusSwitchingProtocols {
					t.Errorf("class = %s, %v; want %s with the status", f.Class, f, evidence.ClassBadResponse)
				}
			}
		})
	}
}

// alterLogin lets the fake respond to the login, and changes the response.
func alterLogin(w *probetest.World, status int, change func(auth map[string]any)) {
	w.OnLogin(func(rw http.ResponseWriter, r *http.Request) {
		recorder := httptest.NewRecorder()
		w.Vault.Serve(recorder, r)
		var answer struct {
			Auth map[string]any `json:"auth"`
		}
		if recorder.Code != 200 || json.NewDecoder(recorder.Body).Decode(&answer) != nil {
			panic("the fake does not log in")
		}
		change(answer.Auth)
		body, err := json.Marshal(answer)
		if err != nil {
			panic(err)
		}
		probetest.JSON(status, string(body))(rw, r)
	})
}

// Whatever else a login's response contains, its token is counted and, unless it is a batch
// token, revoked.
func TestEveryTokenIsCountedAndRevoked(t *testing.T) {
	service := []evidence.TokenEvent{evidence.IssuedService, evidence.Revoked}
	batch := []evidence.TokenEvent{evidence.IssuedBatch}
	for name, test := range map[string]struct {
		status int
		change func(auth map[string]any)
		want   []evidence.TokenEvent
		reason diagnose.Reason
	}{
		"as it is":                           {200, func(map[string]any) {}, service, diagnose.None},
		"without an accessor":                {200, func(a map[string]any) { a["accessor"] = "" }, service, diagnose.None},
		"without accessor and type":          {200, func(a map[string]any) { delete(a, "accessor"); delete(a, "token_type") }, service, diagnose.None},
		"batch by type, with accessor":       {200, func(a map[string]any) { a["token_type"] = "batch" }, service, diagnose.None},
		"batch by type, of service's prefix": {200, func(a map[string]any) { a["token_type"], a["accessor"] = "batch", "" }, service, diagnose.None},
		"batch":                              {200, func(a map[string]any) { a["token_type"], a["accessor"], a["client_token"] = "batch", "", "hvb.AAAA" }, batch, diagnose.None},
		"batch by prefix":                    {200, func(a map[string]any) { a["client_token"] = "hvb.AAAA"; delete(a, "accessor"); delete(a, "token_type") }, batch, diagnose.None},
		"of an odd type":                     {200, func(a map[string]any) { a["token_type"] = []int{1} }, service, diagnose.None},
		"with an odd accessor":               {200, func(a map[string]any) { a["accessor"] = 7 }, service, diagnose.None},
		"with an odd lease":                  {200, func(a map[string]any) { a["lease_duration"] = "soon" }, service, diagnose.None},
		"with the status 201":                {201, func(map[string]any) {}, service, diagnose.VaultBadResponse},
		"batch, with the status 201":         {201, func(a map[string]any) { a["token_type"], a["accessor"], a["client_token"] = "batch", "", "hvb.AAAA" }, batch, diagnose.VaultBadResponse},
		"with the status 202":                {202, func(map[string]any) {}, service, diagnose.VaultBadResponse},
		"longer than any token":              {200, func(a map[string]any) { a["client_token"] = strings.Repeat("hvs.AAA9", 9000) }, []evidence.TokenEvent{evidence.Unaccounted}, diagnose.VaultBadResponse},
		"blank":                              {200, func(a map[string]any) { a["client_token"] = " \n" }, nil, diagnose.VaultBadResponse},
	} {
		t.Run(name, func(t *testing.T) {
			w := probetest.NewWorld(t)
			alterLogin(w, test.status, test.change)
			result, _ := w.Probe(probe.Memory{})
			if got := w.TokenEvents(); !slices.Equal(got, test.want) {
				t.Errorf("token events = %q, want %q", got, test.want)
			}
			if got := result.Diagnosis; got.Reason != test.reason {
				t.Errorf("reason = %s (%s), want %s", got.Reason, got.Detail, test.reason)
			}
			if slices.Contains(test.want, evidence.Revoked) && w.Vault.Live() != 0 {
				t.Errorf("%d tokens are not revoked", w.Vault.Live())
			}
		})
	}
}

// A follow-up's login should not return a token. If it does, the token is revoked.
func TestTokenOfAFollowUpIsRevoked(t *testing.T) {
	w := probetest.NewWorld(t)
	refused := false
	w.OnLogin(func(rw http.ResponseWriter, r *http.Request) {
		if !refused {
			refused = true
			probetest.Refuse(403, "permission denied")(rw, r)
			return
		}
		probetest.JSON(201, `{"auth":{"client_token":"hvs.follow-up","accessor":"a"}}`)(rw, r)
	})
	var mu sync.Mutex
	revoked := 0
	w.OnVault("auth/token/revoke-self", func(rw http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		if r.Header.Get("X-Vault-Token") == "hvs.follow-up" {
			revoked++
		}
		rw.WriteHeader(204)
	})
	w.Probe(probe.Memory{})
	if revoked != 1 { // only the mount probe was made: it found no mount
		t.Errorf("%d tokens of the follow-up were revoked, want 1", revoked)
	}
}

func TestWhatCountsAsARevocation(t *testing.T) {
	for name, test := range map[string]struct {
		answer http.HandlerFunc
		want   evidence.TokenEvent
	}{
		"204":                   {probetest.Answer(204, "", ""), evidence.Revoked},
		"200 with a warning":    {probetest.JSON(200, `{"request_id":"r","warnings":["late"]}`), evidence.Revoked},
		"200 with a page":       {probetest.HTML(200), evidence.RevokeFailed},
		"200 without a body":    {probetest.Answer(200, "", ""), evidence.RevokeFailed},
		"200 with other JSON":   {probetest.JSON(200, `{"status":"ok"}`), evidence.RevokeFailed},
		"200 of another answer": {probetest.JSON(200, `{"auth":{"client_token":"hvs.x"}}`), evidence.RevokeFailed},
		"202":                   {probetest.JSON(202, `{}`), evidence.RevokeFailed},
		"400":                   {probetest.Refuse(400, "batch tokens cannot be revoked"), evidence.RevokeFailed},
	} {
		t.Run(name, func(t *testing.T) {
			w := probetest.NewWorld(t)
			w.OnVault("auth/token/revoke-self", test.answer)
			w.Probe(probe.Memory{})
			if want := []evidence.TokenEvent{evidence.IssuedService, test.want}; !slices.Equal(w.TokenEvents(), want) {
				t.Errorf("token events = %q, want %q", w.TokenEvents(), want)
			}
		})
	}
}

// An impossible lifetime must not hide that tokens are valid for long.
func TestImpossibleLifetimesAreLong(t *testing.T) {
	for _, seconds := range []json.Number{"-1", "-9223372036854775808", "9223372036", "9223372037", "18446744073", "9223372036854775807", "99999999999999999999", "1e300", "86400.5"} {
		w := probetest.NewWorld(t)
		alterLogin(w, 200, func(auth map[string]any) { auth["lease_duration"] = seconds })
		result, _ := w.Probe(probe.Memory{})
		raised := slices.ContainsFunc(result.Raised(), func(warning diagnose.Warning) bool { return warning.Code == diagnose.RoleTTLTooLong })
		if ttl := result.Evidence.Login.Value.TTL; !raised || ttl <= 0 || w.Vault.Live() != 0 {
			t.Errorf("a lease of %s s is read as %s, raised %v, %d tokens are not revoked", seconds, ttl, raised, w.Vault.Live())
		}
	}
}

// What a TokenRequest answers with is held to what a token file is.
func TestMintedTokensThatCannotBeUsed(t *testing.T) {
	for name, token := range map[string]string{"empty": "", "with a line break": "a\\nb", "too large": strings.Repeat("a", 100_000)} {
		w := probetest.NewWorld(t)
		w.Identity()
		w.Target.Reviewer = evidence.Origin{Source: evidence.SourceServiceAccount, ServiceAccount: evidence.ServiceAccount{Namespace: "vault", Name: "vault-auth"}}
		w.OnKubernetes("token", probetest.JSON(201, `{"kind":"TokenRequest","apiVersion":"authentication.k8s.io/v1","status":{"token":"`+token+`"}}`))
		result, _ := w.Probe(probe.Memory{})
		if f := result.Evidence.ReviewerToken.Failure; f.Class != evidence.ClassBadResponse {
			t.Errorf("%s: %v", name, f)
		}
	}
}
