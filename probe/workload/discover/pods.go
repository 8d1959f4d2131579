package discover

import (
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/workload"
)

var podSources = []Source{
	{
		Kind: "Pod", Plural: "pods", Versions: []string{"v1"},
		Software: "Vault Agent Injector, Bank-Vaults, Secrets Store CSI driver",
		Reads:    "annotations, the containers that a webhook added or changed, volumes, the service account, the owner; where the operators below run",
		list:     into(func(f *facts) collector[pod] { return &f.pods }),
	},
}

// pod is what is decoded of a pod. Nothing of it is kept as a whole.
type pod struct {
	Metadata struct {
		Namespace, Name, CreationTimestamp string
		Labels, Annotations                map[string]string
		OwnerReferences                    []struct {
			Kind, Name string
			Controller bool
		}
	}
	Spec   podSpec
	Status struct{ Phase string }
}

type podSpec struct {
	ServiceAccountName         string
	Volumes                    []volume
	InitContainers, Containers []container
}

type volume struct {
	Name      string
	Projected struct {
		Sources []struct {
			ServiceAccountToken *struct{ Audience, Path string }
		}
	}
	CSI struct {
		Driver           string
		VolumeAttributes map[string]string
	}
}

type container struct {
	Name          string
	Command, Args []string
	Env           []struct{ Name, Value string }
	VolumeMounts  []struct{ Name, MountPath string }
}

func (p pod) identity() (namespace, name string) { return p.Metadata.Namespace, p.Metadata.Name }

// variable returns the value of a variable of a container, empty if it has none.
func (c container) variable(name string) string {
	for _, v := range c.Env {
		if v.Name == name {
			return v.Value
		}
	}
	return ""
}

// annotation returns the value of the first of these annotations that the pod has.
func (p pod) annotation(names ...string) string {
	for _, name := range names {
		if value, has := p.Metadata.Annotations[name]; has {
			return value
		}
	}
	return ""
}

func (p pod) containers() []container { return slices.Concat(p.Spec.InitContainers, p.Spec.Containers) }

func (p pod) account() evidence.ServiceAccount {
	if p.Spec.ServiceAccountName == "" {
		return account(p.Metadata.Namespace, "default")
	}
	return account(p.Metadata.Namespace, p.Spec.ServiceAccountName)
}

// owner returns what the pod belongs to, as far as its own fields say: the Deployment of its
// ReplicaSet, the CronJob of its Job, or else its controller, or itself.
func (p pod) owner() workload.Object {
	for _, o := range p.Metadata.OwnerReferences {
		if !o.Controller || o.Kind == "Node" {
			continue
		}
		owner := workload.Object{Kind: o.Kind, Namespace: p.Metadata.Namespace, Name: o.Name}
		switch o.Kind {
		case "ReplicaSet":
			if name, ok := cutHash(o.Name, p.Metadata.Labels["pod-template-hash"]); ok {
				owner.Kind, owner.Name = "Deployment", name
			} else if name, ok := cutHash(o.Name, p.Metadata.Labels["rollouts-pod-template-hash"]); ok {
				owner.Kind, owner.Name = "Rollout", name
			}
		case "Job":
			if name, ok := p.cronJob(o.Name); ok {
				owner.Kind, owner.Name = cronJobKind, name
			}
		}
		return owner
	}
	return workload.Object{Kind: "Pod", Namespace: p.Metadata.Namespace, Name: p.Metadata.Name}
}

func cutHash(name, hash string) (string, bool) {
	before, found := strings.CutSuffix(name, "-"+hash)
	return before, found && hash != ""
}

// cronJob returns the name of the CronJob of a Job: the Job's name ends with the minute for
// which it was scheduled, which is shortly before its pod was created.
func (p pod) cronJob(job string) (string, bool) {
	at := strings.LastIndexByte(job, '-')
	created, err := time.Parse(time.RFC3339, p.Metadata.CreationTimestamp)
	if at < 0 || err != nil {
		return "", false
	}
	minute, err := strconv.ParseInt(job[at+1:], 10, 64)
	age := created.Sub(time.Unix(minute*60, 0))
	return job[:at], err == nil && age >= 0 && age < 7*24*time.Hour
}

// audience returns that of the token which a container reads from this path; empty means the
// API server's default. A path on a volume that has no such token is unknown.
func (p pod) audience(c container, file string) (audience string, known bool) {
	var mount struct{ Name, MountPath string }
	for _, m := range c.VolumeMounts {
		if strings.HasPrefix(file, strings.TrimSuffix(m.MountPath, "/")+"/") && len(m.MountPath) > len(mount.MountPath) {
			mount = m
		}
	}
	audience, known = p.projected(mount.Name, strings.TrimPrefix(strings.TrimPrefix(file, mount.MountPath), "/"))
	return audience, known || path.Clean(mount.MountPath) == defaultTokenDir
}

// ownAudience returns that of the token at the usual place, which a pod may replace by one for
// another audience.
func (p pod) ownAudience() string {
	for _, c := range p.containers() {
		if audience, known := p.audience(c, defaultTokenPath); known {
			return audience
		}
	}
	return ""
}

// Where the admission controller ServiceAccount mounts a pod's own token.
const (
	defaultTokenDir  = "/var/run/secrets/kubernetes.io/serviceaccount"
	defaultTokenPath = defaultTokenDir + "/token"
)

// projected returns the audience of the token in a volume. An empty file means its first.
func (p pod) projected(name, file string) (audience string, known bool) {
	for _, v := range p.Spec.Volumes {
		if v.Name != name {
			continue
		}
		for _, s := range v.Projected.Sources {
			if t := s.ServiceAccountToken; t != nil && (file == "" || t.Path == file) {
				return t.Audience, true
			}
		}
	}
	return "", false
}

// podFacts are the logins of pods themselves, and what else was seen in pods.
type podFacts struct {
	found     *builder
	mounts    map[classMount]map[origin]int // the number of pods
	operators map[string][]operator         // by the label app.kubernetes.io/name
	// owners are those of the pods that may log in.
	owners   map[workload.Object]bool
	injector injectorDefaults
}

// origin is an object that a source has, and whose pods log in.
type origin struct {
	source string
	object workload.Object
}

func (f *podFacts) discard() {
	*f = podFacts{
		found: newBuilder(), mounts: map[classMount]map[origin]int{}, operators: map[string][]operator{}, owners: map[workload.Object]bool{},
	}
}

// add counts a pod. One that has finished logs in no more, unless its CronJob starts another.
func (f *podFacts) add(p pod) {
	owner, count := p.owner(), 1
	if p.Status.Phase == "Succeeded" || p.Status.Phase == "Failed" {
		if owner.Kind != cronJobKind {
			return
		}
		count = 0
	}
	f.addOperator(p)
	if p.mayLogIn() {
		f.owners[owner] = true
	}
	f.addLogins(p, origin{podSource, owner}, count, injectorDefaults{})
}

// addLogins adds what a pod, or a template of pods, logs in with.
func (f *podFacts) addLogins(p pod, from origin, count int, defaults injectorDefaults) {
	f.addInjected(p, from, count, defaults)
	f.addBankVaults(p, from, count)
	f.addMounts(p, from, count)
}

// mayLogIn reports whether a pod has an annotation of a webhook, or a volume of the Secrets Store CSI
// driver.
func (p pod) mayLogIn() bool {
	for name := range p.Metadata.Annotations {
		if strings.HasPrefix(name, injectorPrefix) || strings.HasPrefix(name, webhookPrefix) || strings.HasPrefix(name, oldWebhookPrefix) {
			return true
		}
	}
	return slices.ContainsFunc(p.Spec.Volumes, func(v volume) bool { return v.CSI.Driver == csiDriverName })
}

const podSource = "pods"

// operator is a pod of software that logs in for others.
type operator struct {
	namespace, account, version string
	flags                       map[string]string
}

// operatorFlags are the flags of operators that say how they log in.
var operatorFlags = []string{"cluster-resource-namespace", "vault-mount", "vault-namespace", "vault-addr"}

// addOperator notes a pod that carries the labels of an operator's chart and manifests.
func (f *podFacts) addOperator(p pod) {
	name := p.Metadata.Labels["app.kubernetes.io/name"]
	switch name {
	case operatorName, externalSecretsName, csiProviderName:
	case certManagerName:
		if p.Metadata.Labels["app.kubernetes.io/component"] != "controller" {
			return
		}
	default:
		return
	}
	o := operator{p.Metadata.Namespace, p.account().Name, p.Metadata.Labels["app.kubernetes.io/version"], map[string]string{}}
	for _, c := range p.Spec.Containers {
		for _, arg := range slices.Concat(c.Command, c.Args) {
			flag, value, _ := strings.Cut(strings.TrimLeft(arg, "-"), "=")
			if slices.Contains(operatorFlags, flag) {
				o.flags[flag] = value
			}
		}
	}
	for _, other := range f.operators[name] {
		if other.namespace == o.namespace {
			return // another replica
		}
	}
	f.operators[name] = append(f.operators[name], o)
}

// operator returns the one installation of some software, if there is exactly one.
func (f *podFacts) operator(name string) (operator, bool) {
	if installed := f.operators[name]; len(installed) == 1 {
		return installed[0], true
	}
	return operator{}, false
}
