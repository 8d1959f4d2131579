package main

import (
	"context"
	"reflect"

	kubeauth "github.com/hashicorp/vault-plugin-auth-kubernetes"
	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"
)

// newKubernetes is the factory of the Kubernetes plugin. Versions before 0.15 define a CreateOperation for a path without
// an ExistenceCheck, for which the core's SDK panics. That SDK sends such a path only UpdateOperations, so the operation
// is removed.
func newKubernetes(ctx context.Context, config *logical.BackendConfig) (logical.Backend, error) {
	backend, err := kubeauth.Factory(ctx, config)
	if err != nil {
		return nil, err
	}
	for _, path := range reflect.Indirect(reflect.ValueOf(backend)).FieldByName("Backend").Interface().(*framework.Backend).Paths {
		if path.ExistenceCheck == nil {
			delete(path.Callbacks, logical.CreateOperation)
			delete(path.Operations, logical.CreateOperation)
		}
	}
	return backend, nil
}
