// The kube-apiserver command is the Kubernetes of the lab: the real API server and the real store, etcd, in one process. Its
// flags are those of kube-apiserver, of which --etcd-servers is set by itself, and --etcd-dir.
//
// There is no controller manager, scheduler or kubelet: a pod is an object that never runs, which is enough to bind a
// token to it and to delete it.
package main

import (
	"errors"
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

// exitAtEOF ends the process with r. Standard input is a pipe that the lab holds open, so the server goes down with the
// lab however the lab dies, SIGKILL included. Nothing is shut down in order: the data is thrown away.
func exitAtEOF(r io.Reader) {
	_, _ = io.Copy(io.Discard, r)
	os.Exit(0)
}

func newCommand() *cobra.Command {
	cmd := app.NewAPIServerCommand()
	dir := cmd.Flags().String("etcd-dir", "", "directory of the store and of its socket")
	cmd.PreRunE = func(cmd *cobra.Command, _ []string) error {
		if *dir == "" {
			return errors.New("--etcd-dir is required")
		}
		endpoint, err := startEtcd(cmd.Context(), *dir)
		if err != nil {
			return err
		}
		return cmd.Flags().Set("etcd-servers", endpoint)
	}
	return cmd
}
