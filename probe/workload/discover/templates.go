package discover

import "github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/workload"

// templateSources are the kinds that make pods from a template. What has a pod is discovered from it,
// because only a pod shows what a webhook made of it. So they are read after the pods.
var templateSources = []Source{
	templateSource("Deployment", "deployments", "apps"),
	templateSource("StatefulSet", "statefulsets", "apps"),
	templateSource("DaemonSet", "daemonsets", "apps"),
	templateSource(cronJobKind, "cronjobs", "batch"),
	templateSource("Job", "jobs", "batch"),
}

const cronJobKind = "CronJob"

func templateSource(kind, plural, group string) Source {
	return Source{
		Kind: kind, Plural: plural, Group: group, Versions: []string{"v1"}, Software: podSources[0].Software,
		Reads: "the pod template of what has no pod now, such as what is scaled to zero",
		list:  into(func(f *facts) collector[podMaker] { return templateCollector{kind, f} }),
	}
}

// podMaker is what is decoded of an object that makes pods.
type podMaker struct {
	Metadata struct {
		Namespace, Name string
		OwnerReferences []struct{ Kind string }
	}
	Spec struct {
		Template    podTemplate
		JobTemplate struct {
			Spec struct{ Template podTemplate }
		} // of a CronJob
	}
	Status struct {
		Conditions []struct{ Type, Status string }
	}
}

type podTemplate struct {
	Metadata struct{ Annotations map[string]string }
	Spec     podSpec
}

func (m podMaker) identity() (namespace, name string) { return m.Metadata.Namespace, m.Metadata.Name }

// template returns the template as a pod with the object's name.
func (m podMaker) template(kind string) pod {
	from := m.Spec.Template
	if kind == cronJobKind {
		from = m.Spec.JobTemplate.Spec.Template
	}
	p := pod{Spec: from.Spec}
	p.Metadata.Namespace, p.Metadata.Name, p.Metadata.Annotations = m.Metadata.Namespace, m.Metadata.Name, from.Metadata.Annotations
	return p
}

// makesNone reports whether the object makes no more pods: it is a Job that has finished, or one that
// its CronJob stands for.
func (m podMaker) makesNone() bool {
	for _, c := range m.Status.Conditions {
		if c.Status == "True" && (c.Type == "Complete" || c.Type == "Failed") {
			return true
		}
	}
	for _, o := range m.Metadata.OwnerReferences {
		if o.Kind == cronJobKind {
			return true
		}
	}
	return false
}

// madeBy returns the object that a template is of.
func (p pod) madeBy(kind string) workload.Object {
	return workload.Object{Kind: kind, Namespace: p.Metadata.Namespace, Name: p.Metadata.Name}
}

// templateCollector keeps the templates of a kind whose pods may log in, if there is no such pod.
type templateCollector struct {
	kind string
	*facts
}

func (c templateCollector) discard() { delete(c.templates, c.kind) }

func (c templateCollector) add(m podMaker) {
	p := m.template(c.kind)
	if !m.makesNone() && p.mayLogIn() && !c.pods.owners[p.madeBy(c.kind)] {
		c.templates[c.kind] = append(c.templates[c.kind], p)
	}
}

// resolveTemplates adds the logins of what has no pod now. Where the pods could not be read nobody knows
// what has none.
func (f *facts) resolveTemplates() {
	for _, s := range templateSources {
		for _, p := range f.templates[s.Kind] {
			if f.complete(podSource, p.Metadata.Namespace) {
				f.pods.addLogins(p, origin{s.Name(), p.madeBy(s.Kind)}, 0, f.pods.injector)
			}
		}
	}
}
