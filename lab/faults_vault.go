package lab

import (
	"context"
	"errors"
	"net/http"
)

const quotaPath = "sys/quotas/rate-limit/lab"

func vaultFaults() []Fault {
	fault := func(name, summary string, verdict Verdict, mode proxyMode) Fault {
		return Fault{Name: name, Summary: summary, Bare: verdict, Inject: onProxy(vaultProxyOf, mode), Heal: onProxy(vaultProxyOf, forward)}
	}
	certificateFault := func(name, summary string, verdict Verdict, newCertificate certificateFunc) Fault {
		return Fault{Name: name, Summary: "Vault's certificate " + summary, Bare: verdict, Inject: setVaultCertificate(newCertificate), Heal: setVaultCertificate(issuedBy(vaultCA))}
	}
	return []Fault{
		certificateFault("certificate_expiring", "expires in a day", healthyWithWarning("certificate_expiring"), issuedBy(vaultCA, expiresTomorrow)),
		certificateFault("vault_tls_expired", "expired yesterday", proven("vault_tls_expired"), issuedBy(vaultCA, expiredYesterday)),
		certificateFault("vault_tls_name", "is for another name", proven("vault_tls_name"), issuedBy(vaultCA, wrongName)),
		certificateFault("vault_tls_untrusted", "is from a CA that the exporter does not trust", proven("vault_tls_untrusted"), issuedBy(unknownCA)),
		fault("vault_bad_response", "a web server that is not Vault responds at Vault's address", proven("vault_bad_response"), serveFake(webServer, issuedBy(vaultCA))),
		fault("vault_no_backend", "a reverse proxy at Vault's address has no backend that accepts connections", proven("vault_no_backend"), serveFake(emptyGateway, issuedBy(vaultCA))),
		fault("vault_redirect", "a proxy at Vault's address redirects to another host", proven("vault_redirect"), serveFake(redirectingServer, issuedBy(vaultCA))),
		fault("vault_timeout", "Vault's address accepts connections and never responds", proven("vault_timeout"), hang),
		fault("vault_tls_failed", "Vault's address speaks plain HTTP", proven("vault_tls_failed"), serveFake(webServer, noCertificate)),
		fault("vault_unreachable", "Vault's address refuses connections", proven("vault_unreachable"), refuse),
		{
			Name:    "vault_dns",
			Summary: "the exporter is configured with a name of Vault that does not exist",
			Bare:    proven("vault_dns"),
			Env:     []string{"EXPORTER_VAULT_ADDR=https://vault..svc:8200"},
			Inject:  noChange,
			Heal:    noChange,
		},
		{
			Name:    "vault_internal_error",
			Summary: "Vault's only audit device is a socket that refuses connections",
			Bare:    proven("vault_internal_error"),
			Inject:  blockAudit,
			Heal:    healAudit,
		},
		{
			Name:    "vault_rate_limited",
			Summary: "a rate limit of one login an hour is used up",
			Bare:    proven("vault_rate_limited"),
			Inject: func(ctx context.Context, l *Lab) error {
				limit := fields{"path": "auth/" + mount + "/login", "rate": 1, "interval": "1h"}
				if err := l.vault.post(ctx, quotaPath, limit, nil); err != nil {
					return err
				}
				return untilStatus(ctx, func(ctx context.Context) error { return l.vault.logIn(ctx, l.canary) }, http.StatusTooManyRequests)
			},
			Heal: func(ctx context.Context, l *Lab) error { return l.vault.delete(ctx, quotaPath) },
		},
		{
			Name:    "vault_sealed",
			Summary: "Vault is sealed",
			Bare:    proven("vault_sealed"),
			Inject:  func(ctx context.Context, l *Lab) error { return l.vault.seal(ctx) },
			Heal:    func(ctx context.Context, l *Lab) error { return l.vault.unseal(ctx) },
		},
		{
			Name:    "vault_uninitialized",
			Summary: "a second Vault, which is not initialized, responds at Vault's address",
			Bare:    proven("vault_uninitialized"),
			Inject:  startUninitializedVault,
			Heal:    stopUninitializedVault,
		},
	}
}

// setVaultCertificate replaces the certificate that Vault serves.
func setVaultCertificate(newCertificate certificateFunc) change {
	return func(ctx context.Context, l *Lab) error {
		pair, err := newCertificate(l)
		if err != nil {
			return err
		}
		if err := ReplaceFile(l.path(vaultCertificateFile), pair); err != nil {
			return err
		}
		return l.vault.reloadCertificate(ctx, pair)
	}
}

// untilStatus repeats the request until the response has that status.
func untilStatus(ctx context.Context, request func(context.Context) error, status int) error {
	return poll(ctx, func(ctx context.Context) error {
		err := request(ctx)
		if answer, ok := errors.AsType[*statusError](err); ok && answer.status == status {
			return nil
		}
		return errors.Join(errors.New("requesting from Vault: unexpected status"), err)
	})
}

// blockAudit makes a socket Vault's only audit device, and then refuses connections to it. Vault fails every request
// that no audit device can log.
func blockAudit(ctx context.Context, l *Lab) error {
	if err := l.vaultOnlyProxy.hang(); err != nil {
		return err
	}
	socket := fields{"type": "socket", "options": fields{"address": l.vaultOnlyProxy.address, "socket_type": "tcp"}}
	if err := ignoreStatus(l.vault.post(ctx, "sys/audit/socket", socket, nil), http.StatusBadRequest, "already in use"); err != nil {
		return err
	}
	if err := l.vault.delete(ctx, "sys/audit/file"); err != nil {
		return err
	}
	if err := l.vaultOnlyProxy.refuse(); err != nil {
		return err
	}
	return untilStatus(ctx, func(ctx context.Context) error { return l.vault.get(ctx, "sys/auth", nil) }, http.StatusInternalServerError)
}

func healAudit(ctx context.Context, l *Lab) error {
	if err := l.vaultOnlyProxy.hang(); err != nil {
		return err
	}
	if err := poll(ctx, func(ctx context.Context) error { return l.vault.auditToFile(ctx, l.dir.path) }); err != nil {
		return err
	}
	if err := l.vault.delete(ctx, "sys/audit/socket"); err != nil {
		return err
	}
	return l.vaultOnlyProxy.forward()
}

// startUninitializedVault starts a second Vault and points the proxy at it.
func startUninitializedVault(ctx context.Context, l *Lab) (err error) {
	if err := stopUninitializedVault(ctx, l); err != nil {
		return err
	}
	address, err := freeAddress()
	if err != nil {
		return err
	}
	l.uninitialized, err = startVaultServer(l.dir.path, l.vault.binary, l.installation, vaultProcess{name: "fresh-vault", listen: address, log: "fresh-vault.log"})
	if err != nil {
		return err
	}
	other := newClient("https://"+address+"/v1/", l.vault.tls)
	defer other.close()
	if err := l.uninitialized.untilReady(ctx, func(ctx context.Context) error { return other.get(ctx, "sys/seal-status", nil) }); err != nil {
		return err
	}
	return l.vaultProxy.forwardTo(address)
}

func stopUninitializedVault(_ context.Context, l *Lab) error {
	if err := l.vaultProxy.forward(); err != nil {
		return err
	}
	if l.uninitialized == nil {
		return nil
	}
	defer func() { l.uninitialized = nil }()
	return l.uninitialized.stop()
}
