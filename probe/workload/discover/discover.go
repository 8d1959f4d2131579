// Package discover reads from a cluster who logs in to Vault: the pods and the objects of
// operators that name a role of the Kubernetes auth method. It reads no Secret, changes
// nothing, and does not ask Vault.
package discover

import (
	"context"
	"errors"
	"time"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/workload"
)

// Reader reads the inventory of one cluster.
type Reader struct {
	// Namespaces are those to read; empty means all. With it, the objects of each are listed by
	// themselves, which a Role in it permits. Kinds without a namespace still need a ClusterRole.
	Namespaces []string

	connect func() (*server, error)
}

// InCluster returns a reader of the API server at target, with the exporter's own token. The
// files are read again on every reading.
func InCluster(target evidence.Kubernetes, userAgent string) *Reader {
	return &Reader{connect: func() (*server, error) { return inCluster(target, userAgent) }}
}

// FromKubeconfig returns a reader of the API server of a kubeconfig's context, as kubectl
// finds it. An empty path means KUBECONFIG and its default, an empty name the current context.
// The error says which files were tried, and may be shown; no server is asked.
func FromKubeconfig(path, contextName, userAgent string) (*Reader, error) {
	connect := func() (*server, error) { return fromKubeconfig(path, contextName, userAgent) }
	if _, err := connect(); err != nil {
		return nil, errors.New(describe(nil, err))
	}
	return &Reader{connect: connect}, nil
}

// Read lists every kind of [Sources] and says who logs in. It returns no error: a kind that
// could not be read says so in its source, and logins that only it names may be missing. The
// context bounds the whole reading.
func (r *Reader) Read(ctx context.Context) workload.Inventory {
	f := newFacts(r.Namespaces)
	sources := make([]workload.Source, len(Sources))
	s, err := r.connect()
	if err == nil {
		defer s.close()
	}
	for i, source := range Sources {
		if err != nil { // of the connection, which the other kinds would meet as well
			sources[i] = workload.Source{Name: source.Name(), State: workload.SourceFailed, Error: describe(s, err)}
			continue
		}
		sources[i], err = source.readFrom(ctx, s, f)
		f.states[source.Name()] = sources[i].State
	}
	b := f.resolve()
	for i := range sources {
		sources[i].Logins = len(b.named[sources[i].Name])
	}
	entries := b.sorted()
	f.markMissing(entries)
	return workload.Inventory{Entries: entries, Skipped: b.skips(), Sources: sources, At: time.Now()}
}
