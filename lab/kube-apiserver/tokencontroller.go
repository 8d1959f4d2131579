package main

import (
	"context"
	"fmt"

	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/util/keyutil"
	controller "k8s.io/kubernetes/pkg/controller/serviceaccount"
	"k8s.io/kubernetes/pkg/serviceaccount"
)

// startTokenController runs the token controller of kube-controller-manager, which puts a token into each Secret of type
// kubernetes.io/service-account-token. It connects to the API server as the user of the kubeconfig, and signs with the
// key in keyFile. It may be started before the API server.
func startTokenController(ctx context.Context, kubeconfig, keyFile string) error {
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return err
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return fmt.Errorf("making a client from %s: %w", kubeconfig, err)
	}
	key, err := keyutil.PrivateKeyFromFile(keyFile)
	if err != nil {
		return err
	}
	generator, err := serviceaccount.JWTTokenGenerator(serviceaccount.LegacyIssuer, key)
	if err != nil {
		return fmt.Errorf("using the key in %s: %w", keyFile, err)
	}
	shared := informers.NewSharedInformerFactory(client, 0)
	core := shared.Core().V1()
	tokens, err := newTokensController(ctx, core.ServiceAccounts(), core.Secrets(), client,
		controller.TokensControllerOptions{TokenGenerator: generator, RootCA: config.CAData})
	if err != nil {
		return err
	}
	shared.Start(ctx.Done())
	go tokens.Run(ctx, 1)
	return nil
}
