package lab

import (
	"context"
	"fmt"
	"slices"
)

// Whoever tries a fix in the lab binds accounts to roles. That would keep later faults from having an effect, and those
// injected from being healed, so it is undone with the next change of the lab.

// bindingsOfAccounts returns the paths of all bindings of the lab's accounts.
func (c *cluster) bindingsOfAccounts(ctx context.Context) (paths []string, err error) {
	for _, resource := range []string{"clusterrolebindings", "rolebindings"} {
		var found struct {
			Items []struct {
				Metadata struct{ Namespace, Name string }
				Subjects []struct{ Kind, Namespace, Name string }
			}
		}
		if err := c.get(ctx, rbacPath+resource, &found); err != nil {
			return nil, err
		}
		for _, item := range found.Items {
			b := binding{name: item.Metadata.Name, namespace: item.Metadata.Namespace}
			for _, s := range item.Subjects {
				if s.Kind == "ServiceAccount" && slices.ContainsFunc(labAccounts, func(a account) bool { return a.namespace == s.Namespace && a.name == s.Name }) {
					paths = append(paths, b.path()+"/"+b.name)
				}
			}
		}
	}
	return paths, nil
}

// forgetForeignBindings removes the bindings of the lab's accounts that were made since the first of the injected faults,
// other than by faults.
func (l *Lab) forgetForeignBindings(ctx context.Context) error {
	if l.cluster == nil {
		return nil
	}
	paths, err := l.cluster.bindingsOfAccounts(ctx)
	if err != nil {
		return fmt.Errorf("looking for what a fix has bound: %w", err)
	}
	if len(l.Injected()) == 0 {
		l.bindings = paths
		return nil
	}
	for _, path := range paths {
		own := slices.ContainsFunc(faultBindings, func(b binding) bool { return path == b.path()+"/"+b.name })
		if own || slices.Contains(l.bindings, path) {
			continue
		}
		if err := l.cluster.remove(ctx, path); err != nil {
			return err
		}
	}
	return nil
}
