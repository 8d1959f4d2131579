package main

import (
	"context"
	"fmt"
	"io"

	"github.com/alecthomas/kingpin/v2"
	"github.com/prometheus/common/version"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/internal/config"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/internal/setup"
)

// addSetupFlags defines the flags of setup. No flag takes a credential.
func addSetupFlags(command *kingpin.CmdClause, o *setup.Options, output *string) {
	command.Flag("output", "What to print: sh, commands for a shell; hcl, resources for Terraform or OpenTofu; values, the values of the chart alone.").
		Default("sh").EnumVar(output, setup.FormatNames()...)

	command.Flag("vault-addr", "URL by which the exporter's pod reaches Vault. Default: that of Vault's Service, if Vault reviews with the token of its own pod in this cluster, otherwise $VAULT_ADDR.").
		StringVar(&o.VaultAddr)
	command.Flag("vault-cacert", "CA bundle that verifies Vault. Its certificates are printed as a ConfigMap.").Envar("VAULT_CACERT").StringVar(&o.VaultCACert)
	command.Flag("vault-tls-server-name", "Name in Vault's certificate, if it is not the URL's host.").Envar("VAULT_TLS_SERVER_NAME").StringVar(&o.VaultTLSServerName)
	command.Flag("vault-namespace", "Vault namespace of the mount (Enterprise, HCP, OpenBao).").Envar("VAULT_NAMESPACE").StringVar(&o.VaultNamespace)
	command.Flag("vault-mount", "Path of the auth mount below auth/. Default: kubernetes.").StringVar(&o.VaultMount)
	command.Flag("vault-role", "Name of the canary's role, which must be free. Default: canary.").StringVar(&o.VaultRole)
	command.Flag("diagnostic-cidr", "Address or network from which Vault sees the exporter: adds a diagnostic role for it. Repeatable.").StringsVar(&o.DiagnosticCIDRs)
	command.Flag("cli", "The command in the output: vault or bao. Default: bao for an OpenBao in this cluster or with $BAO_ADDR, otherwise vault.").EnumVar(&o.CLI, "vault", "bao")

	command.Flag("reviewer", "How the exporter sees Vault's reviewer: accessreview, canary, file, secret or serviceaccount; secret and file both mean --reviewer-secret, which is mounted if it is in the exporter's namespace, and else read from the API server. Default: what the mount's config says, or what the next two flags imply.").
		StringVar(&o.Reviewer)
	command.Flag("reviewer-service-account", "The account that Vault reviews tokens as, as namespace/name.").StringVar(&o.ReviewerServiceAccount)
	command.Flag("reviewer-secret", "The Secret with the token that Vault has as token_reviewer_jwt, as namespace/name or namespace/name/key.").StringVar(&o.ReviewerSecret)
	command.Flag("kubernetes-host", "URL of the API server in the mount's config, if it is an external one. Default: what the config says.").StringVar(&o.KubernetesHost)

	command.Flag("namespace", "The exporter's namespace.").Default("monitoring").StringVar(&o.Namespace)
	command.Flag("service-account", "The exporter's service account, which is also the canary.").Default("vault-k8s-auth-exporter").StringVar(&o.ServiceAccount)

	command.Flag("offline", "Ask neither Vault nor the cluster: decide by the flags alone.").BoolVar(&o.Offline)
	command.Flag("vault-token-file", "File with a token of Vault that may read the mount's config. Default: $VAULT_TOKEN, or else ~/.vault-token.").StringVar(&o.VaultTokenFile)
	command.Flag("kubeconfig", "The kubeconfig. Default: $KUBECONFIG, or else ~/.kube/config.").StringVar(&o.Kubeconfig)
	command.Flag("context", "Context of the kubeconfig. Default: its current one.").StringVar(&o.Context)
}

// printSetup prints what an installation needs, and changes nothing.
func printSetup(ctx context.Context, f flags, stdout, stderr io.Writer) int {
	in, err := setup.NewInput(f.setup)
	config.DropVault() // Vault's client library would read these too
	if err != nil {
		return complain(stderr, err)
	}
	plan, err := setup.Decide(in, setup.Read(ctx, in, version.Version))
	if ctx.Err() != nil {
		return interrupted(stderr)
	}
	if err != nil {
		return complain(stderr, err)
	}
	if err := plan.Write(stdout, f.setupOutput); err != nil {
		fmt.Fprintln(stderr, "exporter: writing the output:", err)
		return exitUnhealthy
	}
	return exitOK
}

func interrupted(stderr io.Writer) int {
	fmt.Fprintln(stderr, "exporter: interrupted")
	return exitUnhealthy
}

// complain prints one line for each mistake.
func complain(stderr io.Writer, err error) int {
	for _, line := range flatten(err) {
		fmt.Fprintln(stderr, "exporter:", line)
	}
	return exitUsage
}
