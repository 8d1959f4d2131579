package e2e

import (
	"strings"
	"testing"
	"time"
)

// TestGuideToAPage follows the nine steps of docs/installation.md, from a cluster without the
// exporter to a page of a real Alertmanager, and back.
func TestGuideToAPage(t *testing.T) {
	t.Parallel()
	start := time.Now()
	a, p := installations["Vault inside"].install(t)
	a.mustRun(operatorObjects)
	o := &fakeOperator{administrator: a}
	exporter := o.serve(p, "")
	address := exporter.address("")

	blocks := a.guide.commands("6. Let Prometheus scrape it")
	if out := a.mustRun(blocks[0]); !strings.Contains(out, "map[matchLabels:map[release:kube-prometheus-stack]]") {
		t.Errorf("the command does not show what Prometheus selects:\n%s", out)
	}
	a.mustRun(blocks[1:]...)
	o.startMonitoring(exporter, o.route())
	o.waitForUp("default")
	t.Logf("scraped after %s", time.Since(start).Round(time.Second))

	// A rollout: the new pod replaces the old one at the same address.
	rollOut := func() {
		exporter.terminate()
		exporter = o.serve(a.startPod(), address)
	}
	drill := a.guide.commands("8. Hold a fire drill")
	a.mustRun(drill[0])
	rollOut()
	paged := func(status string) bool { return len(o.received.critical(status)) > 0 }
	limit := 30 * time.Minute / time.Duration(*speedUpFactor) // a target that was removed stays paged for 19 minutes
	eventually(t, limit, "the page", func() bool { return paged("firing") }, o.received.String)
	page := o.received.critical("firing")[0]
	alert := page.Alerts[0]
	if page.Receiver != "vault-team" || alert.Labels["alertname"] != "VaultK8sAuthLoginFailing" || alert.Labels["target"] != "fire-drill" ||
		!strings.Contains(alert.Annotations["description"], "role_missing") {
		t.Errorf("%s received %v %v", page.Receiver, alert.Labels, alert.Annotations)
	}
	t.Logf("paged after %s, with durations divided by %d", time.Since(start).Round(time.Second), *speedUpFactor)

	a.mustRun(drill[1])
	rollOut()
	eventually(t, limit, "the end of the page", func() bool { return paged("resolved") }, o.received.String)
	o.waitForUp("default")
	exporter.terminate()

	a.mustRun(a.guide.commands("9. Remove it")...)
	left := a.mustRun("kubectl get all,configmap,secret,serviceaccount,clusterrole,clusterrolebinding,role,rolebinding,networkpolicy,servicemonitor,prometheusrule " +
		"--all-namespaces --selector=app.kubernetes.io/instance=" + release + " -o name")
	if strings.TrimSpace(left) != "" {
		t.Errorf("after the removal there are still:\n%s", left)
	}
}
