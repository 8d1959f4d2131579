package metrics

import (
	"cmp"
	"slices"
	"strings"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/diagnose"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/workload"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/workload/rehearse"
)

// maxBroken is how many broken logins have a series of their own.
const maxBroken = 200

// maxName limits the names in labels, in bytes. Kubernetes' own have at most 253.
const maxName = 253

var (
	workloadLogins = ofTarget("workload_logins", "How many logins of workloads are in this state; the target is empty for those that no target watches."+cached, "state")
	workloadBroken = ofTarget("workload_login_broken_info", "Always 1: a workload's login that will fail. At most 200 are listed."+cached,
		"role", "service_account_namespace", "service_account", "reason", "source")
	workloadForged  = ofTarget("workload_forged_token_accepted", "Whether a rehearsal of a workload's login got a token, which it must not: 1 or 0."+cached)
	workloadOmitted = prometheus.NewDesc(namespace+"_workload_logins_broken_omitted",
		"How many broken logins have no workload_login_broken_info.", nil, nil)
	workloadSource = prometheus.NewDesc(namespace+"_workload_discovery_success",
		"Whether the latest discovery read this kind of object: 1 it did, 0 it may not or failed, absent if the kind is not installed.", []string{"source"}, nil)
	workloadSourceRead = prometheus.NewDesc(namespace+"_workload_discovery_last_success_timestamp_seconds",
		"When this kind of object was last read with success, as a Unix time in seconds.", []string{"source"}, nil)
)

func ofTarget(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc(namespace+"_"+name, help, append([]string{"target"}, labels...), nil)
}

// Workloads adds the metrics of workloads' logins. snapshot returns the last inventory and the
// result of every login, broken ones first, and is called at every scrape. Workloads may be called
// once.
func (r *Recorder) Workloads(snapshot func() (workload.Inventory, []rehearse.Result)) {
	r.registry.MustRegister(workloadCollector(snapshot))
}

type workloadCollector func() (workload.Inventory, []rehearse.Result)

func (workloadCollector) Describe(descs chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{workloadLogins, workloadBroken, workloadForged, workloadOmitted, workloadSource, workloadSourceRead} {
		descs <- d
	}
}

// Collect emits nothing before the first discovery.
func (c workloadCollector) Collect(metrics chan<- prometheus.Metric) {
	inventory, results := c()
	if inventory.At.IsZero() {
		return
	}
	for target, logins := range loginsByTarget(results) {
		for _, state := range diagnose.WorkloadStates {
			metrics <- newMetric(workloadLogins, float64(logins.states[state]), target, string(state))
		}
		metrics <- newMetric(workloadForged, oneIf(logins.acceptForged), target)
	}
	listed, omitted := brokenLogins(results)
	for _, labels := range listed {
		metrics <- newMetric(workloadBroken, 1, labels.target, labels.others[:]...)
	}
	metrics <- prometheus.MustNewConstMetric(workloadOmitted, prometheus.GaugeValue, float64(omitted))
	for _, s := range inventory.Sources {
		if s.State != workload.SourceNotInstalled {
			metrics <- prometheus.MustNewConstMetric(workloadSource, prometheus.GaugeValue, oneIf(s.State == workload.SourceRead), s.Name)
		}
		if !s.ReadAt.IsZero() {
			metrics <- prometheus.MustNewConstMetric(workloadSourceRead, prometheus.GaugeValue, unix(s.ReadAt), s.Name)
		}
	}
}

// newMetric returns a gauge. If its labels are invalid it is one that fails when it is gathered, and
// the others are still served.
func newMetric(desc *prometheus.Desc, value float64, target string, labels ...string) prometheus.Metric {
	m, err := prometheus.NewConstMetric(desc, prometheus.GaugeValue, value, append([]string{target}, labels...)...)
	if err != nil {
		return prometheus.NewInvalidMetric(desc, err)
	}
	return m
}

// targetLogins is what the metrics say of all logins at a target.
type targetLogins struct {
	states       map[diagnose.WorkloadState]int
	acceptForged bool // a rehearsal got a token
}

func loginsByTarget(results []rehearse.Result) map[string]*targetLogins {
	targets := map[string]*targetLogins{}
	for _, r := range results {
		logins := targets[r.Target]
		if logins == nil {
			logins = &targetLogins{states: map[diagnose.WorkloadState]int{}}
			targets[r.Target] = logins
		}
		logins.states[r.Verdict.State]++
		logins.acceptForged = logins.acceptForged || r.Verdict.Reason == diagnose.Reason(diagnose.MountAcceptsInvalidToken)
	}
	return targets
}

// brokenLabels are those of a broken login.
type brokenLabels struct {
	target string
	others [5]string
}

// brokenLogins returns the labels of the broken logins, at most maxBroken, and how many others
// there are. Logins that differ in nothing but their audiences have one series.
func brokenLogins(results []rehearse.Result) (listed []brokenLabels, omitted int) {
	seen := map[brokenLabels]bool{}
	for _, r := range results {
		if r.Verdict.State != diagnose.WorkloadBroken {
			continue
		}
		labels := brokenLabels{r.Target, [5]string{name(r.Role), name(r.ServiceAccount.Namespace), name(r.ServiceAccount.Name), string(r.Verdict.Reason), source(r.Entry)}}
		switch {
		case seen[labels]:
		case len(listed) == maxBroken:
			omitted++
		default:
			seen[labels] = true
			listed = append(listed, labels)
		}
	}
	return listed, omitted
}

// source names the object with the most pods that says that the login is made.
func source(e workload.Entry) string {
	if len(e.Objects) == 0 {
		return ""
	}
	first := slices.MaxFunc(e.Objects, func(a, b workload.Object) int { return cmp.Compare(a.Pods, b.Pods) })
	if first.Namespace == "" {
		return first.Kind + "/" + name(first.Name)
	}
	return first.Kind + "/" + name(first.Namespace) + "/" + name(first.Name)
}

// name limits a name that the cluster's objects chose.
func name(text string) string {
	text = evidence.Clean(text)
	if len(text) > maxName {
		return strings.ToValidUTF8(text[:maxName], "")
	}
	return text
}
