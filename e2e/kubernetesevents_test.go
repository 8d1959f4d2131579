package e2e

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
)

// kubernetesEvent is an Event as the API server returns it.
type kubernetesEvent struct {
	Metadata                                        struct{ Name, Namespace string }
	Reason, Note, Type, Action, ReportingController string
	Regarding                                       struct{ Kind, Namespace, Name, UID string }
	Series                                          *struct{ Count int }
}

func (s shell) events() []kubernetesEvent {
	s.t.Helper()
	var list struct{ Items []kubernetesEvent }
	text := s.mustRun("kubectl -n monitoring get events.events.k8s.io -o json")
	if err := json.Unmarshal([]byte(text), &list); err != nil {
		s.t.Fatalf("%v: %s", err, text)
	}
	return list.Items
}

// TestKubernetesEvents covers Events at the real API server: without the permission the exporter says
// so once and probes, with it an incident and its end are one Event each, about the object that is
// named.
func TestKubernetesEvents(t *testing.T) {
	t.Parallel()
	l := startLab(t)
	admin := newShell(t, l)
	binary, pod := inPod(t, l)
	env := append(environment(l.Env(), "EXPORTER_KUBERNETES_EVENTS=true", "EXPORTER_KUBERNETES_EVENTS_OBJECT=deployment/monitoring/vault-k8s-auth-exporter"), pod.Env...)
	p := serveAs(t, binary, env)
	waitFor(t, l, p, "health", isHealthy)
	change := func(to func() error) {
		t.Helper()
		if err := to(); err != nil {
			t.Fatal(err)
		}
	}
	inject := func() error { return l.Inject(t.Context(), "vault_sealed") }
	heal := func() error { _, err := l.Heal(t.Context()); return err }
	change(inject)
	waitFor(t, l, p, "the fault", isSealed)
	const failed = "Writing a Kubernetes Event failed"
	eventually(t, 15*time.Second, "the failure in the log", func() bool { return strings.Contains(p.out.String(), failed) }, p.out.String)
	change(heal)
	waitFor(t, l, p, "health", isHealthy)
	if got := strings.Count(p.out.String(), failed); got != 1 || len(admin.events()) != 0 {
		t.Errorf("the failure is logged %d times; the Events are %+v", got, admin.events())
	}
	p.terminate()

	admin.mustRun(
		"kubectl -n monitoring create role events --verb=create,patch --resource=events.events.k8s.io",
	)
	admin.mustRun("kubectl -n monitoring create rolebinding events --role=events --serviceaccount=monitoring:exporter")
	p = serveAs(t, binary, env)
	waitFor(t, l, p, "health", isHealthy)
	change(inject)
	waitFor(t, l, p, "the fault", isSealed)
	eventually(t, 15*time.Second, "an Event", func() bool { return len(admin.events()) == 1 }, p.out.String)
	change(heal)
	waitFor(t, l, p, "health", isHealthy)
	eventually(t, 15*time.Second, "an Event of the end", func() bool { return len(admin.events()) == 2 }, p.out.String)
	change(inject) // the same incident again
	waitFor(t, l, p, "the fault", isSealed)
	repeated := func() bool {
		for _, e := range admin.events() {
			if e.Reason == "VaultSealed" && e.Series != nil && e.Series.Count == 2 {
				return true
			}
		}
		return false
	}
	eventually(t, 15*time.Second, "a series", repeated, func() string { return p.out.String() })
	change(heal)
	wantEvents(t, admin.events())
}

func wantEvents(t *testing.T, got []kubernetesEvent) {
	t.Helper()
	types := map[string]string{}
	for _, e := range got {
		types[e.Reason] = e.Type
		if e.Regarding.Kind != "Deployment" || e.Regarding.Name != "vault-k8s-auth-exporter" || e.Regarding.Namespace != "monitoring" ||
			e.ReportingController != "vault-k8s-auth-exporter" || e.Action == "" || len(e.Note) > 1024 || !strings.Contains(e.Note, "vault_sealed") {
			t.Errorf("an Event is %+v", e)
		}
	}
	if len(got) != 2 || types["VaultSealed"] != "Warning" || types["IncidentEnded"] != "Normal" {
		t.Errorf("the Events are %+v", got)
	}
}
