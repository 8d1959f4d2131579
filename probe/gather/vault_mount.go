package gather

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/hashicorp/vault/api"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
)

// readConfig reads auth/<mount>/config.
func (v *vaultServer) readConfig(ctx context.Context, token evidence.Secret) (evidence.MountConfig, error) {
	var stored struct {
		Host                 string   `json:"kubernetes_host"`
		CACert               string   `json:"kubernetes_ca_cert"`
		PEMKeys              []string `json:"pem_keys"`
		Issuer               string   `json:"issuer"`
		DisableISSValidation bool     `json:"disable_iss_validation"`
		DisableLocalCAJWT    bool     `json:"disable_local_ca_jwt"`
		ReviewerSet          *bool    `json:"token_reviewer_jwt_set"` // since plugin 0.18
		Annotations          bool     `json:"use_annotations_as_alias_metadata"`
	}
	if err := v.read(ctx, token, "auth/"+v.target.Mount+"/config", &stored); err != nil {
		return evidence.MountConfig{}, err
	}
	clean := redactorOf(ctx).Clean
	for i, key := range stored.PEMKeys {
		stored.PEMKeys[i] = onlyPEM(key, clean)
	}
	return evidence.MountConfig{
		Host: clean(stored.Host), CACert: onlyPEM(stored.CACert, clean), PEMKeys: stored.PEMKeys,
		Issuer: clean(stored.Issuer), DisableISSValidation: stored.DisableISSValidation, DisableLocalCAJWT: stored.DisableLocalCAJWT,
		ReviewerSet: stored.ReviewerSet != nil && *stored.ReviewerSet, ReviewerSetKnown: stored.ReviewerSet != nil,
		Annotations: stored.Annotations,
	}, nil
}

// readRole reads auth/<mount>/role/<role>.
func (v *vaultServer) readRole(ctx context.Context, token evidence.Secret) (evidence.RoleConfig, error) {
	var stored struct {
		Audience   string      `json:"audience"`
		CIDRs      []string    `json:"token_bound_cidrs"`
		TTL        json.Number `json:"token_ttl"` // seconds
		Names      []string    `json:"bound_service_account_names"`
		Namespaces []string    `json:"bound_service_account_namespaces"`
	}
	err := v.read(ctx, token, "auth/"+v.target.Mount+"/role/"+v.target.Role, &stored)
	clean := redactorOf(ctx).Clean
	return evidence.RoleConfig{
		Audience: clean(stored.Audience), CIDRs: cleanAll(clean, stored.CIDRs), TTL: seconds(stored.TTL.String()),
		Names: cleanAll(clean, stored.Names), Namespaces: cleanAll(clean, stored.Namespaces),
	}, err
}

// readMountInfo reads the mount's type and accessor. Any token that has access to a path
// of the mount may read them.
func (v *vaultServer) readMountInfo(ctx context.Context, token evidence.Secret) (kind, accessor string, err error) {
	var stored struct{ Type, Accessor string }
	err = v.read(ctx, token, "sys/internal/ui/mounts/auth/"+v.target.Mount, &stored)
	clean := redactorOf(ctx).Clean
	return clean(stored.Type), clean(stored.Accessor), err
}

// read reads a path into a struct. If nothing exists at the path, that is Vault's 404.
func (v *vaultServer) read(ctx context.Context, token evidence.Secret, path string, into any) error {
	client, err := v.client(token, v.target.Namespace)
	if err != nil {
		return err
	}
	ctx, x := newRequestTrace(ctx)
	secret, err := client.Logical().ReadWithContext(ctx, path)
	switch {
	case err != nil:
		return vaultFailure(err, x)
	case x.status == http.StatusNotFound:
		return evidence.Failure{Class: evidence.ClassRefused, Status: x.status, Text: "there is nothing at " + path}
	case x.status != http.StatusOK || secret == nil:
		return x.failure(x.unexpectedAnswer(vaultDialect))
	}
	if err := decode(secret, into); err != nil {
		return x.failure(x.unexpectedAnswer(vaultDialect))
	}
	return nil
}

func decode(secret *api.Secret, into any) error {
	encoded, err := json.Marshal(secret.Data)
	if err != nil {
		return err
	}
	return json.Unmarshal(encoded, into)
}
