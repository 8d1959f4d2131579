package status

import (
	"encoding/json"
	"maps"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/probetest"
)

// docs/status.schema.json names every key of a target, an incident and a workload's login, and no other. The
// browser tests validate real answers against it.
func TestSchemaHasEveryKey(t *testing.T) {
	data, err := os.ReadFile("../../docs/status.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	var schema struct {
		Defs map[string]struct {
			Properties map[string]any
		} `json:"$defs"`
	}
	if err := json.Unmarshal(data, &schema); err != nil {
		t.Fatal(err)
	}
	for name, of := range map[string]reflect.Type{
		"target": reflect.TypeFor[targetStatus](), "expiry": reflect.TypeFor[Expiry](), "incidents": reflect.TypeFor[incidentsStatus](),
		"currentIncident": reflect.TypeFor[currentIncident](), "pastIncident": reflect.TypeFor[pastIncident](),
		"workloads": reflect.TypeFor[Workloads](), "workloadLogin": reflect.TypeFor[WorkloadLogin](), "workloadObject": reflect.TypeFor[WorkloadObject](),
		"unwatchedMount": reflect.TypeFor[UnwatchedMount](), "workloadSource": reflect.TypeFor[WorkloadSource](), "skippedWorkload": reflect.TypeFor[SkippedWorkload](),
	} {
		want := slices.Sorted(maps.Keys(schema.Defs[name].Properties))
		got := jsonKeys(of)
		slices.Sort(got)
		if diff := cmp.Diff(want, slices.Compact(got)); diff != "" {
			t.Errorf("keys of %s (-schema +program):\n%s", name, diff)
		}
	}
}

// jsonKeys lists the keys of a struct, those of embedded structs among them.
func jsonKeys(of reflect.Type) (keys []string) {
	if of.Kind() == reflect.Pointer {
		of = of.Elem()
	}
	for field := range of.Fields() {
		if field.Anonymous {
			keys = append(keys, jsonKeys(field.Type)...)
			continue
		}
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		keys = append(keys, name)
	}
	return keys
}

// No value of the API leads to a credential.
func TestAPIReachesNoSecret(t *testing.T) {
	for _, of := range []reflect.Type{
		reflect.TypeFor[Report](), reflect.TypeFor[targetStatus](), reflect.TypeFor[event](), reflect.TypeFor[incidentsStatus](), reflect.TypeFor[Workloads](),
	} {
		if paths := probetest.PathsToSecrets(of); len(paths) > 0 {
			t.Errorf("credentials may be reached by %q", paths)
		}
	}
}
