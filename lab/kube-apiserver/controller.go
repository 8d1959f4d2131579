//go:build !before_1_33

package main

import (
	"context"

	"k8s.io/client-go/informers/core/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/klog/v2"
	controller "k8s.io/kubernetes/pkg/controller/serviceaccount"
)

func newTokensController(ctx context.Context, accounts v1.ServiceAccountInformer, secrets v1.SecretInformer, client kubernetes.Interface,
	o controller.TokensControllerOptions) (*controller.TokensController, error) {
	return controller.NewTokensController(klog.FromContext(ctx), accounts, secrets, client, o)
}
