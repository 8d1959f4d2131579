package e2e

import (
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestFixesOfAnExporterInAPod pastes what an exporter in a pod prints. Its files are in the pod, where
// no shell is: the commands name the objects that they come from.
func TestFixesOfAnExporterInAPod(t *testing.T) {
	needsTools(t)
	t.Parallel()
	for name, test := range map[string]struct{ fault, setting, wantCheck, wantFix string }{
		"the CA from a ConfigMap": {fault: "vault_to_kubernetes_tls", wantFix: "kubectl -n monitoring get configmap kubernetes-ca "},
		"the pod's own CA": {fault: "vault_to_kubernetes_tls", setting: "EXPORTER_KUBERNETES_CACERT=",
			wantFix: "kubectl -n default get configmap kube-root-ca.crt "},
		"the reviewer from a Secret": {fault: "reviewer_token_missing", wantCheck: "kubectl -n monitoring describe secret reviewer"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := startLab(t)
			administrator := newShell(t, l)
			administrator.mustRun(
				`kubectl -n monitoring create configmap kubernetes-ca --from-file="$EXPORTER_KUBERNETES_CACERT"`,
				`kubectl -n default create configmap kube-root-ca.crt --from-file=ca.crt="$EXPORTER_KUBERNETES_CACERT"`,
				`kubectl -n monitoring create secret generic reviewer --from-file="$EXPORTER_REVIEWER_TOKEN_FILE"`)
			binary, inPod := administrator.podWith("kubernetes-ca.crt=configmap/kubernetes-ca", "reviewer-token=secret/reviewer")
			env := environment(l.FullEnv(), append(inPod, test.setting)...)
			if err := l.Inject(t.Context(), test.fault); err != nil {
				t.Fatal(err)
			}
			broken := checkAs(t, binary, env)
			checks, fix := fmt.Sprint(broken.Check), strings.Join(broken.Fix, "\n")
			if !strings.Contains(checks, test.wantCheck) || !strings.Contains(fix, test.wantFix) || strings.Contains(checks+fix, l.Dir()) {
				t.Fatalf("%s: check\n%s\nfix\n%s", broken.Reason, checks, fix)
			}
			if test.wantFix == "" {
				administrator.mustRun("kubectl -n monitoring delete secret reviewer")
			}
			runChecks(t, l, env, broken.Check, hasCandidates(broken.Reason), &checkTally{notRun: map[string]int{}, seen: map[int]bool{}})
			if test.wantFix == "" {
				return
			}
			administrator.mustRun(broken.Fix...)
			eventually(t, detectionTimeout, "health", func() bool { return checkAs(t, binary, env).Healthy }, func() string { return fix })
		})
	}
}

// podWith returns an exporter that takes itself for a pod of the lab's cluster in the namespace
// monitoring, and its variables. volumes name the objects behind files of the lab.
func (s shell) podWith(volumes ...string) (binary string, env []string) {
	s.t.Helper()
	dir := s.t.TempDir()
	for name, content := range map[string]string{
		"ca.crt": s.mustRun(`cat "$EXPORTER_KUBERNETES_CACERT"`), "token": s.mustRun("kubectl -n monitoring create token vault-k8s-auth-exporter"), "namespace": "monitoring",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			s.t.Fatal(err)
		}
	}
	host, err := url.Parse(strings.TrimSpace(s.mustRun(`echo "$EXPORTER_KUBERNETES_HOST"`)))
	if err != nil {
		s.t.Fatal(err)
	}
	for i, v := range volumes {
		volumes[i] = filepath.Join(s.lab.Dir(), v)
	}
	return exporterInPod(s.t, dir), []string{
		"KUBERNETES_SERVICE_HOST=" + host.Hostname(), "KUBERNETES_SERVICE_PORT=" + host.Port(), "HOSTNAME=exporter-0",
		"EXPORTER_VOLUMES=" + strings.Join(volumes, ","),
	}
}
