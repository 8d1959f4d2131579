package browser

import (
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/docs"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/internal/status"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/incident"
)

// withPast serves the states, and the incidents that a tracker saw in the two hours before:
// Vault was sealed for all of them, and each had a cause of its own after that.
func withPast(t *testing.T, states ...probe.TargetState) string {
	begin := time.Now().Add(-2 * time.Hour)
	tracker := incident.NewTracker()
	var targets []evidence.Target
	for _, s := range states {
		targets = append(targets, s.Target)
	}
	tracker.SetTargets(targets, begin)
	for minute, change := range []func(*probe.Result){healthy, sealed, sealed, forbidden, withoutCanary, healthy} {
		for _, target := range targets {
			r := result(target, begin.Add(time.Duration(minute)*time.Minute))
			change(&r)
			tracker.Observe(r)
		}
	}
	for _, s := range states {
		tracker.Observe(*s.Latest)
	}
	page := status.New(status.Options{
		TargetStates: func() []probe.TargetState { return append([]probe.TargetState(nil), states...) },
		Incidents:    tracker.History, Reasons: docs.Reasons, Warnings: docs.Warnings, Version: "1.2.3",
	})
	server := httptest.NewServer(page)
	t.Cleanup(func() {
		page.Close()
		server.CloseClientConnections()
		server.Close()
	})
	return server.URL
}

// What has ended is there for everybody, folded while something is broken.
func TestPast(t *testing.T) {
	const folded = `!document.querySelector(".pastrow").checkVisibility({contentVisibilityAuto: true})`
	broken := withPast(t, fleet()...)
	if tab := open(t, broken, desktop); !eval[bool](t, tab, folded) {
		t.Error("past incidents are unfolded while there are others")
	}
	quiet := withPast(t, withHistory("prod/eu-1", 0, healthy), withHistory("prod/eu-2", 0, healthy))
	tab := open(t, quiet, desktop)
	shown := eval[string](t, tab, text)
	for _, part := range []string{"Past incidents", "3 since", "vault_sealed", "https://vault.example.com:8200", "prod/eu-1, prod/eu-2", "then reviewer_forbidden", "recovered"} {
		if !strings.Contains(shown, part) {
			t.Errorf("the page does not say %q:\n%s", part, shown)
		}
	}
	for name, l := range map[string]look{"light": desktop, "dark": {width: 1100, dark: true}, "phone": {width: 320}} {
		t.Run(name, func(t *testing.T) { // which closes its tabs: a browser has six connections to one server
			accessible(t, quiet, l)
			if wide := eval[int64](t, open(t, quiet, l), `document.documentElement.scrollWidth`); wide > l.width {
				t.Errorf("the page is %d pixels wide on a screen of %d", wide, l.width)
			}
		})
	}
}

func TestIncidentsSchema(t *testing.T) {
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat()
	schema, err := compiler.Compile("../../../docs/status.schema.json#/$defs/incidents")
	if err != nil {
		t.Fatal(err)
	}
	for name, url := range map[string]string{"past": withPast(t, fleet()...), "current": serve(t, "", fleet()...).url, "none": serve(t, "").url} {
		_, _, body := get(t, url+"/api/v1/incidents")
		document, err := jsonschema.UnmarshalJSON(strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		if err := schema.Validate(document); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
