package lab

import (
	"context"
	"errors"
)

// What happens to every installation: restarts, rotations and lost connections. They are no faults: what they break works
// again when they have ended, and a rotation breaks nothing.

// HealFault undoes one fault and leaves the others.
func (l *Lab) HealFault(ctx context.Context, name string) error {
	return l.change(ctx, func(ctx context.Context) error { return l.heal(ctx, name) })
}

// RestartVault kills Vault and starts it again. Its storage is in memory, so it is then set up anew, with another token
// for the exporter. It undoes faults of Vault.
func (l *Lab) RestartVault(ctx context.Context) error {
	return l.change(ctx, func(ctx context.Context) (err error) {
		if err := l.vault.restart(ctx); err != nil {
			return err
		}
		if err := l.vault.setUp(ctx, l.dir.path); err != nil {
			return err
		}
		if err := l.setUpAuthMethod(ctx, l.vault); err != nil {
			return err
		}
		if l.reader, err = l.vault.readerToken(ctx); err != nil {
			return err
		}
		return errors.Join(l.write(vaultFile, l.reader), l.untilHealthy(ctx, len(l.Injected()) == 0))
	})
}

// RestartKubernetes kills the API server and starts it again, with what it has stored.
func (l *Lab) RestartKubernetes(ctx context.Context) error {
	return l.change(ctx, func(ctx context.Context) error {
		started, err := l.cluster.process.restart()
		if err != nil {
			return err
		}
		l.cluster.process = started
		return errors.Join(started.untilReady(ctx, l.cluster.ready), l.untilHealthy(ctx, len(l.Injected()) == 0))
	})
}

// RotateTokens replaces the tokens of the reviewer and of the canary, the reviewer's in Vault first. The old ones stay
// valid, and so do Vault's connections.
func (l *Lab) RotateTokens(ctx context.Context) error {
	return l.change(ctx, func(ctx context.Context) error {
		reviewer, err := healthyToken(ctx, l.cluster, reviewerAccount)
		if err != nil {
			return err
		}
		canary, err := healthyToken(ctx, l.cluster, canaryAccount)
		if err != nil {
			return err
		}
		l.reviewer, l.canary = reviewer, canary
		if err := l.writeConfig(ctx, nil); err != nil {
			return err
		}
		return errors.Join(l.write(reviewerFile, reviewer), l.write(canaryFile, canary))
	})
}

// RotateCertificate gives Vault another certificate of the same CA.
func (l *Lab) RotateCertificate(ctx context.Context) error {
	return l.change(ctx, func(ctx context.Context) error { return setVaultCertificate(issuedBy(vaultCA))(ctx, l) })
}

// TruncateResponses closes each connection to the two servers, Vault's own included, as soon as the server has sent that
// many bytes. 0 ends that. It closes the connections that are open: Vault fails one login before it notices, so the end
// waits for health.
func (l *Lab) TruncateResponses(ctx context.Context, bytes int64) error {
	return l.change(ctx, func(ctx context.Context) error {
		for _, p := range []*proxy{l.kubernetesProxy, l.vaultProxy} {
			p.responseLimit.Store(bytes)
			p.closeConnections()
		}
		return l.untilHealthy(ctx, bytes == 0 && len(l.Injected()) == 0)
	})
}

// change makes a change that must not overlap with others.
func (l *Lab) change(ctx context.Context, apply func(context.Context) error) error {
	l.changeMu.Lock()
	defer l.changeMu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, changeTimeout)
	defer cancel()
	return apply(ctx)
}
