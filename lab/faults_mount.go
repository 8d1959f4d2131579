package lab

import (
	"context"
	"crypto/x509"
	"fmt"
)

const movedMount = "moved"

func mountFaults() []Fault {
	return []Fault{
		{
			Name:    "mount_accepts_invalid_token",
			Summary: "the mount's host is a server that authenticates every JWT as whoever it claims to be",
			Bare:    healthyWithWarning("mount_accepts_invalid_token"),
			Env:     []string{"EXPORTER_NEGATIVE_CANARY=true"},
			Inject:  breakMountHost(serveFake(credulousServer, issuedBy(clusterCA))),
			Heal:    healMountHost,
		},
		{
			Name:    "mount_annotations_forbidden",
			Needs:   Installation.HasAnnotations,
			Summary: "the mount reads annotations of service accounts, but the reviewer may not get service accounts",
			Bare:    proven("mount_annotations_forbidden"),
			Inject:  setConfig(func(*Lab) fields { return fields{"use_annotations_as_alias_metadata": true} }),
			Heal:    healConfig,
		},
		{
			Name:    "mount_ca_mismatch",
			Summary: "the mount has another CA, while Vault still uses an open connection to the API server",
			Bare:    Verdict{Reason: "none", Certainty: "proven"}, Full: healthyWithWarning("mount_ca_mismatch"),
			Inject: keepConnectionWithOtherCA,
			Heal:   healConfig,
		},
		{
			Name:    "mount_config_missing",
			Summary: "the auth mount is disabled and enabled again, with its roles but without its config",
			Bare:    proven("mount_config_missing"),
			Inject:  sequence(disableMount, enableMount("kubernetes"), healRole),
			Heal:    healMount,
		},
		{
			Name:    "mount_host_differs",
			Summary: "the mount's host and the exporter's are different names of the same API server",
			Bare:    Verdict{Reason: "none", Certainty: "proven"}, Full: healthyWithWarning("mount_host_differs"),
			Inject: setConfig(func(l *Lab) fields { return fields{"kubernetes_host": "https://localhost:" + l.kubernetesProxy.port()} }),
			Heal:   healConfig,
		},
		{
			Name:    "mount_issuer_mismatch",
			Summary: "the mount requires the issuer of another cluster",
			Bare:    proven("mount_issuer_mismatch"),
			Inject: setConfig(func(*Lab) fields {
				return fields{"issuer": "https://kubernetes.elsewhere.example", "disable_iss_validation": false}
			}),
			Heal: healConfig,
		},
		{
			Name:    "certificate_expiring_mount_ca",
			Summary: "the CA in the mount's config expires in a day, the exporter has its successor",
			Bare:    Verdict{Reason: "none", Certainty: "proven"}, Full: healthyWithWarning("certificate_expiring"),
			Inject: func(ctx context.Context, l *Lab) error {
				ending, err := l.endingCA()
				if err != nil {
					return err
				}
				return l.configure(ctx, fields{"kubernetes_ca_cert": string(ending.PEM)})
			},
			Heal: healConfig,
		},
		{
			Name:    "mount_missing",
			Summary: "the auth mount is disabled",
			Bare:    proven("mount_missing"),
			Inject:  disableMount,
			Heal:    healMount,
		},
		{
			Name:    "mount_missing_moved",
			Summary: "the auth mount is moved to another path",
			Bare:    proven("mount_missing"),
			Inject: func(ctx context.Context, l *Lab) error {
				return l.vault.remount(ctx, "auth/"+mount, "auth/"+movedMount)
			},
			Heal: func(ctx context.Context, l *Lab) error {
				if err := l.vault.delete(ctx, "sys/auth/"+movedMount); err != nil {
					return err
				}
				return healMount(ctx, l)
			},
		},
		{
			Name:    "mount_pem_keys_mismatch",
			Summary: "the mount verifies tokens with a key that is not the cluster's",
			Bare:    byElimination("unexplained"), Full: proven("mount_pem_keys_mismatch"),
			Inject: setPEMKeys(newForeignSigner),
			Heal:   healConfig,
		},
		{
			Name:    "mount_pem_keys_stale",
			Summary: "the mount verifies tokens with the cluster's key or with one that the cluster does not have",
			Bare:    Verdict{Reason: "none", Certainty: "proven"}, Full: healthyWithWarning("mount_pem_keys_stale"),
			Inject: setPEMKeys(clusterSigner, newForeignSigner),
			Heal:   healConfig,
		},
		{
			Name:    "mount_wrong_type",
			Summary: "the mount is of another auth method, approle",
			Bare:    proven("mount_wrong_type"),
			Inject:  sequence(disableMount, enableMount("approle")),
			Heal:    sequence(disableMount, healMount),
		},
	}
}

// keepConnectionWithOtherCA replaces the CA in the config, while Vault keeps its open connection to the API server.
func keepConnectionWithOtherCA(ctx context.Context, l *Lab) error {
	other, err := newAuthority("somebody else's CA")
	if err != nil {
		return err
	}
	if err := l.vault.logIn(ctx, l.canary); err != nil { // opens the connection that outlives the change
		return err
	}
	return l.writeConfig(ctx, fields{"kubernetes_ca_cert": string(other.PEM)})
}

// setPEMKeys makes Vault verify signatures itself, with these public keys.
func setPEMKeys(whose ...func(*Lab) (signer, error)) change {
	return func(ctx context.Context, l *Lab) error {
		var keys []string
		for _, of := range whose {
			s, err := of(l)
			if err != nil {
				return err
			}
			key, err := s.publicPEM()
			if err != nil {
				return err
			}
			keys = append(keys, key)
		}
		return l.configure(ctx, fields{"pem_keys": keys})
	}
}

func clusterSigner(l *Lab) (signer, error)  { return l.cluster.signer, nil }
func newForeignSigner(*Lab) (signer, error) { return newSigner() }

func disableMount(ctx context.Context, l *Lab) error { return l.vault.delete(ctx, "sys/auth/"+mount) }

func enableMount(method string) change {
	return func(ctx context.Context, l *Lab) error { return l.vault.enable(ctx, method) }
}

func healMount(ctx context.Context, l *Lab) error { return l.setUpAuthMethod(ctx, l.vault) }

// remount moves the mount and waits for the end: Vault does it asynchronously.
func (v *vault) remount(ctx context.Context, from, to string) error {
	var started struct {
		ID string `json:"migration_id"`
	}
	if err := v.post(ctx, "sys/remount", fields{"from": from, "to": to}, &started); err != nil {
		return err
	}
	return poll(ctx, func(ctx context.Context) error {
		var answer struct {
			Data struct {
				Info struct {
					Status string `json:"status"`
				} `json:"migration_info"`
			} `json:"data"`
		}
		if err := v.get(ctx, "sys/remount/status/"+started.ID, &answer); err != nil {
			return err
		}
		if answer.Data.Info.Status != "success" {
			return fmt.Errorf("moving %s: %s", from, answer.Data.Info.Status)
		}
		return nil
	})
}

// publicPEM is the public key that verifies the signer's tokens.
func (s signer) publicPEM() (string, error) {
	der, err := x509.MarshalPKIXPublicKey(s.key.Public())
	return string(pemBlock("PUBLIC KEY", der)), err
}
