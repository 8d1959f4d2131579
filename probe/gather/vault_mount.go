package gather

import (
	"context"
	"encoding/json"
	"errors"
	"io"
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
		Audience        string      `json:"audience"`
		Alias           string      `json:"alias_name_source"`
		CIDRs           []string    `json:"token_bound_cidrs"`
		TTL             json.Number `json:"token_ttl"`     // seconds
		MaxTTL          json.Number `json:"token_max_ttl"` // seconds
		Names           []string    `json:"bound_service_account_names"`
		Namespaces      []string    `json:"bound_service_account_namespaces"`
		Selector        string      `json:"bound_service_account_namespace_selector"` // since plugin 0.18
		Policies        []string    `json:"token_policies"`
		NoDefaultPolicy bool        `json:"token_no_default_policy"`
		Type            string      `json:"token_type"`
	}
	err := v.read(ctx, token, "auth/"+v.target.Mount+"/role/"+v.target.Role, &stored)
	clean := redactorOf(ctx).Clean
	return evidence.RoleConfig{
		Audience: clean(stored.Audience), AliasByName: stored.Alias == "serviceaccount_name",
		CIDRs: cleanAll(clean, stored.CIDRs), TTL: seconds(stored.TTL.String()), MaxTTL: seconds(stored.MaxTTL.String()),
		Names: cleanAll(clean, stored.Names), Namespaces: cleanAll(clean, stored.Namespaces), Selector: clean(stored.Selector),
		Policies: cleanAll(clean, stored.Policies), NoDefaultPolicy: stored.NoDefaultPolicy, Type: clean(stored.Type),
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

// readEntity looks up the identity entity with an alias of this name at the mount with this
// accessor. If there is none, Vault answers 204.
func (v *vaultServer) readEntity(ctx context.Context, token evidence.Secret, alias, accessor string) (evidence.Entity, error) {
	body, err := json.Marshal(map[string]string{"alias_name": alias, "alias_mount_accessor": accessor})
	if err != nil {
		return evidence.Entity{}, err
	}
	ctx, x := newRequestTrace(ctx)
	answer, err := v.send(ctx, v.put(token, "identity/lookup/entity"), body)
	if answer != nil {
		defer answer.Body.Close()
	}
	if err == nil && x.status == http.StatusNoContent {
		return evidence.Entity{}, nil
	}
	var stored struct{ Disabled *bool }
	if err := readData(answer, err, x, &stored); err != nil {
		return evidence.Entity{}, err
	}
	if stored.Disabled == nil {
		return evidence.Entity{}, x.notFromVault()
	}
	return evidence.Entity{Exists: true, Disabled: *stored.Disabled}, nil
}

// help asks for the help of a path without a token. Vault gives it if the path is one at
// which an auth method logs in; that has no other effect.
func (v *vaultServer) help(ctx context.Context, path string) (evidence.Refusal, error) {
	ctx, x := newRequestTrace(ctx)
	request := v.get(evidence.Secret{}, path)
	request.query = map[string][]string{"help": {"1"}}
	answer, err := v.send(ctx, request, nil)
	if answer != nil {
		defer answer.Body.Close()
	}
	if err != nil {
		return refusalOf(vaultFailure(err, x))
	}
	var given struct{ Help *string }
	if json.NewDecoder(answer.Body).Decode(&given) != nil || given.Help == nil {
		return evidence.Refusal{}, x.notFromVault()
	}
	return evidence.Refusal{Status: x.status, Text: "help"}, nil
}

// read reads a path into a struct. If nothing exists at the path, that is Vault's 404.
func (v *vaultServer) read(ctx context.Context, token evidence.Secret, path string, into any) error {
	ctx, x := newRequestTrace(ctx)
	answer, err := v.send(ctx, v.get(token, path), nil)
	if answer != nil {
		defer answer.Body.Close()
	}
	if refusal, ok := errors.AsType[*api.ResponseError](err); ok && refusal.StatusCode == http.StatusNotFound && !refusal.RawError && len(refusal.Errors) == 0 {
		return evidence.Failure{Class: evidence.ClassRefused, Status: x.status, Text: "there is nothing at " + path}
	}
	return readData(answer, err, x, into)
}

// readData decodes the data of a response into a struct; err is the error of the request.
func readData(answer *api.Response, err error, x *requestTrace, into any) error {
	if err != nil {
		return vaultFailure(err, x)
	}
	var body struct{ Data json.RawMessage }
	if err := json.NewDecoder(answer.Body).Decode(&body); err != nil {
		if _, ok := errors.AsType[*json.SyntaxError](err); !ok && err != io.EOF {
			return vaultFailure(err, x)
		}
		return x.notFromVault()
	}
	if x.status != http.StatusOK || json.Unmarshal(body.Data, into) != nil {
		return x.notFromVault()
	}
	return nil
}
