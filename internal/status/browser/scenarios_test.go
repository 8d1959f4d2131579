package browser

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/probetest"
)

// TestScenarios plays every scenario once, and checks the page and the JSON that show
// the results.
func TestScenarios(t *testing.T) {
	scenarios := probetest.Scenarios()
	states := make([]probe.TargetState, len(scenarios))
	credentials := make([][]string, len(scenarios))
	t.Run("play", func(t *testing.T) { // returns when all have been played
		for i, s := range scenarios {
			t.Run(s.Name, func(t *testing.T) {
				t.Parallel()
				w := probetest.NewWorld(t)
				w.Target.Name = s.Name
				r := w.Play(s, false)
				states[i] = probe.TargetState{Target: r.Target}.After(&r)
				credentials[i] = w.Credentials()
			})
		}
	})
	t.Run("page", func(t *testing.T) { checkPage(t, states, slices.Concat(credentials...)) })
	t.Run("schema", func(t *testing.T) { checkSchema(t, states) })
}

// checkPage searches the page, its source and its JSON for the credentials of the fakes.
func checkPage(t *testing.T, states []probe.TargetState, credentials []string) {
	s := serve(t, "", states...)
	tab := open(t, s.url, desktop)
	everything := eval[string](t, tab, `document.documentElement.outerHTML`)
	for _, state := range states {
		name := state.Target.Name
		_, _, page := get(t, s.url+"/targets/"+name)
		_, _, data := get(t, s.url+"/api/v1/status/"+name)
		everything += page + data
		if d := state.Latest.Diagnosis; !strings.Contains(page, string(d.Reason)) && !state.Latest.Healthy() {
			t.Errorf("the page of %s does not say %s", name, d.Reason)
		}
	}
	if leaks := probetest.Leaks(everything, credentials...); len(leaks) > 0 {
		t.Errorf("the page or its JSON contains %q", leaks)
	}
}

// checkSchema holds the JSON against its schema, in every state and for every scenario.
func checkSchema(t *testing.T, states []probe.TargetState) {
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat()
	schema, err := compiler.Compile("../../../docs/status.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	others := append(many(20), withHistory("stale", time.Hour, healthy), withHistory("stale bad", time.Hour, sealed), probe.TargetState{Target: target("waiting")})
	for name, s := range map[string]*site{"all": serve(t, "", append(others, states...)...), "none": serve(t, ""), "standby": serve(t, "other")} {
		_, header, body := get(t, s.url+"/api/v1/status")
		if header.Get("Content-Type") != "application/json" {
			t.Errorf("%s: the type is %s", name, header.Get("Content-Type"))
		}
		document, err := jsonschema.UnmarshalJSON(strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		if err := schema.Validate(document); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
