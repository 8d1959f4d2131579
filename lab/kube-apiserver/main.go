// The kube-apiserver command runs the lab's Kubernetes: the real API server, its store, etcd, and the token controller
// of kube-controller-manager, in one process. It has the flags of kube-apiserver, except that it sets --etcd-servers
// itself, --etcd-dir, and --token-controller-kubeconfig.
//
// There is no other controller, and no scheduler or kubelet. Pods never run, but tokens can be bound to them, and they
// can be deleted.
package main

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"
	"k8s.io/component-base/cli"
	"k8s.io/kubernetes/cmd/kube-apiserver/app"
)

func main() {
	go exitAtEOF(os.Stdin)
	os.Exit(cli.Run(newCommand()))
}

// exitAtEOF exits the process at the end of r. Standard input is a pipe that the lab holds open, so the server exits
// with the lab, even if that is killed by SIGKILL. There is no orderly shutdown: the data is not kept.
func exitAtEOF(r io.Reader) {
	_, _ = io.Copy(io.Discard, r)
	os.Exit(0)
}

func newCommand() *cobra.Command {
	cmd := app.NewAPIServerCommand()
	dir := cmd.Flags().String("etcd-dir", "", "directory of the store and of its socket")
	kubeconfig := cmd.Flags().String("token-controller-kubeconfig", "", "kubeconfig with which the token controller connects to the API server")
	cmd.PreRunE = func(cmd *cobra.Command, _ []string) error {
		if *dir == "" {
			return errors.New("--etcd-dir is required")
		}
		endpoint, err := startEtcd(cmd.Context(), *dir)
		if err != nil {
			return err
		}
		key, err := cmd.Flags().GetString("service-account-signing-key-file")
		if err != nil {
			return err
		}
		if err := startTokenController(cmd.Context(), *kubeconfig, key); err != nil {
			return fmt.Errorf("starting the token controller: %w", err)
		}
		return cmd.Flags().Set("etcd-servers", endpoint)
	}
	return cmd
}
