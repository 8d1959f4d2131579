package probe_test

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter"

// allowed lists, for each of these packages, the packages of this module that it may
// import. The package that talks to servers cannot name a reason, and the one that names
// reasons cannot talk to a server.
var allowed = map[string][]string{
	"probe/shell":         {},
	"internal/redact":     {},
	"internal/apiserver":  {"internal/localfile"},
	"internal/httpclient": {},
	"internal/kubeconfig": {"internal/httpclient"},
	"internal/localfile":  {},
	"probe/evidence":      {"internal/redact", "probe/shell"},
	"probe/maintenance":   {},
	"probe/gather":        {"internal/httpclient", "internal/localfile", "internal/redact", "probe/evidence"},
	"probe/diagnose":      {"probe/evidence", "probe/shell"},
	"probe":               {"probe/diagnose", "probe/evidence", "probe/gather", "probe/maintenance"},
	"probe/incident":      {"probe", "probe/diagnose", "probe/evidence"},
	"internal/events":     {"internal/apiserver", "internal/httpclient", "internal/redact"},
	"internal/leader":     {"internal/apiserver", "internal/httpclient", "internal/redact"},
	"internal/schedule":   {},
	"internal/response":   {},
	"internal/config":     {"internal/localfile", "probe/evidence", "probe/maintenance"},
	"internal/setup":      {"internal/config", "internal/httpclient", "internal/kubeconfig", "internal/localfile", "internal/redact", "probe/evidence", "probe/gather", "probe/shell"},
	"internal/statefile":  {"internal/localfile", "probe", "probe/diagnose", "probe/evidence", "probe/incident", "probe/workload/rehearse"},
	"internal/status":     {"internal/response", "probe", "probe/diagnose", "probe/evidence", "probe/incident", "probe/maintenance", "probe/workload", "probe/workload/rehearse"},
	"metrics":             {"internal/response", "probe", "probe/diagnose", "probe/evidence", "probe/maintenance", "probe/workload", "probe/workload/rehearse"},
	"docs":                {},
	"cmd/exporter": {"docs", "internal/config", "internal/events", "internal/leader", "internal/localfile", "internal/redact", "internal/response", "internal/schedule", "internal/setup", "internal/statefile", "internal/status", "metrics",
		"probe", "probe/diagnose", "probe/evidence", "probe/incident", "probe/maintenance", "probe/workload", "probe/workload/discover", "probe/workload/rehearse"},

	"probe/workload":          {"probe/evidence"},
	"probe/workload/rehearse": {"probe", "probe/diagnose", "probe/evidence", "probe/workload"},
	"probe/workload/discover": {"internal/apiserver", "internal/httpclient", "internal/kubeconfig", "internal/redact", "probe/evidence", "probe/workload"},
}

// allowedInLab is the same for the lab's commands. The lab command compiles in seconds and shows the progress of
// everything else, so what it imports imports nothing of the exporter's. The simulated servers are the fakes.
var allowedInLab = map[string][]string{
	"lab":               {},
	"lab/cmd/lab":       {"lab"},
	"lab/cmd/vault":     {},
	"lab/cmd/simulated": {"internal/config", "lab", "probe/evidence", "probe/probetest"},
}

func TestImports(t *testing.T) {
	checkImports(t, allowed)
	checkImports(t, allowedInLab)
}

func checkImports(t *testing.T, allowed map[string][]string) {
	t.Helper()
	for pkg, may := range allowed {
		for _, imported := range list(t, `{{range .Imports}}{{println .}}{{end}}`, "../"+pkg) {
			if ours, ok := strings.CutPrefix(imported, module+"/"); ok && !slices.Contains(may, ours) {
				t.Errorf("%s imports %s; it may import %q", pkg, ours, may)
			}
		}
	}
}

func TestExporterLinksNoTestCode(t *testing.T) {
	linked := list(t, `{{.ImportPath}}`, "-deps", "../cmd/exporter")
	if len(linked) < 100 {
		t.Fatalf("only %d packages are linked, which is too few", len(linked))
	}
	for _, path := range linked {
		ours, isOurs := strings.CutPrefix(path, module+"/")
		if _, known := allowed[ours]; isOurs && !known || path == "testing" {
			t.Errorf("the exporter links %s", path)
		}
	}
}

func list(t *testing.T, format string, args ...string) []string {
	t.Helper()
	out, err := exec.Command("go", append([]string{"list", "-f", format}, args...)...).CombinedOutput()
	if err != nil {
		t.Fatalf("listing packages: %v\n%s", err, out)
	}
	return strings.Fields(string(out))
}
