package discover

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/workload"
)

// Source is a kind of object that says who logs in, or how.
type Source struct {
	Kind string
	// Plural and Group are the resource's, as in an RBAC rule. The core group is empty.
	Plural, Group string
	// Versions are those whose fields are known, the preferred one first.
	Versions []string
	// ClusterScoped is whether its objects are in no namespace: no Role permits to list them.
	ClusterScoped bool
	// Software is what defines the kind, and Reads what of it is kept, for people.
	Software, Reads string

	list listFunc
}

// Sources are all kinds that are read, in the order in which they are. Each needs the verb list.
var Sources = slices.Concat(podSources, templateSources, operatorSources, externalSecretsSources, csiSources, certManagerSources, accountSources)

// Name returns the plural and the group, as kubectl has it.
func (s Source) Name() string { return strings.TrimSuffix(s.Plural+"."+s.Group, ".") }

// readFrom reads the objects into f. The error is that of a connection that does not work;
// everything else is in the source.
func (s Source) readFrom(ctx context.Context, api *server, f *facts) (workload.Source, error) {
	result := workload.Source{Name: s.Name(), State: workload.SourceFailed}
	versions, err := api.versions(ctx, s.Group)
	known := s.Versions
	switch _, answered := errors.AsType[answerError](err); {
	case statusOf(err) == http.StatusNotFound:
		result.State = workload.SourceNotInstalled
		return result, nil
	case err != nil && !answered:
		result.Error = describe(api, err)
		return result, err
	case err == nil && s.Group != "":
		known = slices.DeleteFunc(slices.Clone(known), func(v string) bool { return !slices.Contains(versions, v) })
		if len(known) == 0 {
			result.State, result.Error = s.inUnknown(ctx, api, versions)
			return result, nil
		}
	}
	for _, version := range known {
		result.Objects, err = s.listWithRestarts(ctx, api, version, f)
		if statusOf(err) != http.StatusNotFound { // this version has the kind
			break
		}
	}
	switch status := statusOf(err); {
	case err == nil:
		result.State, result.ReadAt = workload.SourceRead, time.Now()
		return result, nil
	case status == http.StatusNotFound:
		result.State = workload.SourceNotInstalled
		return result, nil
	case status == http.StatusForbidden && len(f.refused[s.Name()]) < len(s.lists(f.namespaces)):
		result.State = workload.SourcePartial
	case status == http.StatusForbidden:
		result.State = workload.SourceForbidden
	}
	result.Error = describe(api, err)
	if _, answered := errors.AsType[answerError](err); answered {
		return result, nil
	}
	return result, err
}

// inUnknown says what to make of a group that is served in none of the known versions: a kind
// that one of the others has is newer than this program.
func (s Source) inUnknown(ctx context.Context, api *server, versions []string) (workload.SourceState, string) {
	for _, version := range versions {
		plurals, err := api.resources(ctx, s.Group, version)
		if err != nil {
			return workload.SourceFailed, describe(api, err)
		}
		if slices.Contains(plurals, s.Plural) {
			return workload.SourceFailed, fmt.Sprintf("it is served in version %s, whose fields are not known", version)
		}
	}
	return workload.SourceNotInstalled, ""
}

// maxRestarts is how often a list begins anew whose continue token expired.
const maxRestarts = 2

func (s Source) listWithRestarts(ctx context.Context, api *server, version string, f *facts) (objects int, err error) {
	for range 1 + maxRestarts {
		if objects, err = s.list(ctx, api, s, version, f); statusOf(err) != http.StatusGone {
			break
		}
	}
	return objects, err
}

// path is that of the list of the objects in a namespace, or of all if it is empty.
func (s Source) path(version, namespace string) string {
	prefix := "apis/" + s.Group + "/" + version + "/"
	if s.Group == "" {
		prefix = "api/" + version + "/"
	}
	if namespace != "" {
		prefix += "namespaces/" + namespace + "/"
	}
	return prefix + s.Plural
}

// lists are the namespaces of the lists that are read: an empty one is the list of all objects.
func (s Source) lists(namespaces []string) []string {
	if s.ClusterScoped || len(namespaces) == 0 {
		return []string{""}
	}
	return namespaces
}

// collector keeps what matters of the objects of a kind.
type collector[T any] interface {
	add(T)
	// discard forgets all objects, before a list begins anew.
	discard()
}

// into returns the list function of a source whose objects go to a collector. It returns how
// many objects it read. A namespace that is refused does not keep it from reading the others.
func into[T named](of func(*facts) collector[T]) listFunc {
	return func(ctx context.Context, api *server, s Source, version string, f *facts) (objects int, err error) {
		c, refused := of(f), refusal{}
		c.discard()
		for _, namespace := range s.lists(f.namespaces) {
			err := listPages(ctx, api, s.path(version, namespace), maxObjects-objects, func(item T, malformed bool) {
				objects++
				if !malformed {
					c.add(item)
					return
				}
				in, name := item.identity()
				f.malformed = append(f.malformed, workload.Object{Kind: s.Kind, Namespace: in, Name: name})
			})
			if statusOf(err) == http.StatusForbidden {
				refused.add(namespace, err)
			} else if err != nil {
				return objects, err
			}
		}
		f.refused[s.Name()] = refused.namespaces
		return objects, refused.answer()
	}
}

type listFunc func(ctx context.Context, api *server, s Source, version string, f *facts) (objects int, err error)

// maxRefused is how many namespaces are named besides the first.
const maxRefused = 10

// refusal is that lists were forbidden.
type refusal struct {
	namespaces []string // an empty one is all
	first      answerError
}

func (r *refusal) add(namespace string, err error) {
	if r.namespaces == nil {
		r.first, _ = errors.AsType[answerError](err)
	}
	r.namespaces = append(r.namespaces, namespace)
}

// answer is the first one, which names its namespace, with the others' namespaces. It is nil if
// nothing was refused.
func (r *refusal) answer() error {
	if r.namespaces == nil {
		return nil
	}
	answer := r.first
	if others := r.namespaces[1:]; len(others) > 0 {
		shown := others[:min(len(others), maxRefused)]
		answer.text = cmp.Or(answer.text, "forbidden") + "; likewise in " + strings.Join(shown, ", ")
		if more := len(others) - len(shown); more > 0 {
			answer.text += fmt.Sprintf(" and %d more", more)
		}
	}
	return answer
}

// named is an object of the API.
type named interface {
	identity() (namespace, name string)
}

// all is a collector that keeps every object as it was decoded.
type all[T any] []T

func (a *all[T]) add(item T) { *a = append(*a, item) }
func (a *all[T]) discard()   { *a = nil }
