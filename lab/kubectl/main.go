// The kubectl command is the real kubectl, in which the fixes that the exporter prints are pasted. It has no plugins for
// the log-ins of clouds: the lab's administrator has a client certificate.
package main

import (
	"k8s.io/component-base/cli"
	"k8s.io/kubectl/pkg/cmd"
	"k8s.io/kubectl/pkg/cmd/util"
)

func main() {
	if err := cli.RunNoErrOutput(cmd.NewDefaultKubectlCommand()); err != nil {
		util.CheckErr(err) // says it as kubectl does, and ends the program
	}
}
