package browser

import (
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/probetest"
)

// TestSchema holds the JSON against its schema, in every state and for every reason.
func TestSchema(t *testing.T) {
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat()
	schema, err := compiler.Compile("../../../docs/status.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	states := append(many(20), withHistory("stale", time.Hour, healthy), withHistory("stale bad", time.Hour, sealed), probe.TargetState{Target: target("waiting")})
	for _, scenario := range probetest.Scenarios() {
		r := probetest.NewWorld(t).Play(scenario, false)
		r.Target.Name = scenario.Name
		states = append(states, probe.TargetState{Target: r.Target}.After(r))
	}
	for name, s := range map[string]*site{"all": serve(t, "", states...), "none": serve(t, ""), "standby": serve(t, "other")} {
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
