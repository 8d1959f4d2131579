package main

import (
	"crypto/rand"
	"fmt"
	"log/slog"
	"os"

	"github.com/prometheus/common/version"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/internal/config"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/internal/leader"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/metrics"
)

// newCandidate takes part in the election for the configured Lease.
func newCandidate(settings config.Config, recorder *metrics.Recorder, logger *slog.Logger) (*leader.Candidate, error) {
	home, lease := settings.Home, settings.LeaderElection
	client, err := leader.NewClient(home.Host, home.CACert, home.TokenFile, "vault-k8s-auth-exporter/"+version.Version)
	if err != nil {
		return nil, err
	}
	identity, err := newIdentity()
	if err != nil {
		return nil, err
	}
	var candidate *leader.Candidate
	failed := recorder.Lease(lease.Namespace+"/"+lease.Name, func() bool { return candidate.Leads() })
	candidate = leader.New(client, lease.Namespace, lease.Name, identity, failed, logger)
	return candidate, nil
}

// newIdentity returns a name that tells people which pod it is, and is another
// after a restart: a lease that is still held in the old name is not ours.
func newIdentity() (string, error) {
	host, err := os.Hostname() // in a pod, its name
	if err != nil {
		return "", fmt.Errorf("reading the host's name: %w", err)
	}
	return host + "_" + rand.Text()[:8], nil
}
