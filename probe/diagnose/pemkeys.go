package diagnose

import (
	"fmt"
	"slices"
	"strings"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
)

// judgePEMKeys compares the keys with which Vault verifies tokens with those of the API server.
func judgePEMKeys(t evidence.Target, e evidence.Evidence) (finding, bool) {
	m := e.Mount
	if !m.Config.Ok() || len(m.Config.Value.PEMKeys) > 0 && !m.ClusterKeys.Ok() {
		return unjudged()
	}
	var stored []string
	for _, text := range m.Config.Value.PEMKeys {
		stored = append(stored, firstKey(evidence.KeyIDs(text))...) // the plugin reads only the first key of each text
	}
	if len(stored) == 0 && len(m.Config.Value.PEMKeys) > 0 {
		return unjudged()
	}
	var wrong []string
	if missing := without(m.ClusterKeys.Value, stored); len(missing) > 0 {
		wrong = append(wrong, "they lack the cluster's "+strings.Join(missing, ", ")+", so logins with tokens that it signs fail")
	}
	if foreign := without(stored, m.ClusterKeys.Value); len(foreign) > 0 {
		wrong = append(wrong, "the cluster does not have "+strings.Join(foreign, ", "))
	}
	if len(stored) == 0 || len(wrong) == 0 {
		return finding{}, true
	}
	return finding{
		holds:  true,
		detail: fmt.Sprintf("the pem_keys in the config of %s are not the cluster's signing keys: %s", mountPath(t), strings.Join(wrong, "; ")),
		advice: Advice{
			Notes: []string{
				"Without pem_keys Vault leaves signatures to the API server, which knows its keys: kubectl get --raw /openid/v1/jwks lists them.",
				"If nobody of yours wrote a key that the cluster does not have, find out in Vault's audit log who did.",
			},
			Check: []Check{readConfig(t, "pem_keys that are not empty")},
			Fix:   changeConfig(t, e, setting{name: "pem_keys"}),
		},
	}, true
}

func firstKey(ids []string) []string { return ids[:min(1, len(ids))] }

// without returns the values of a list that another one lacks.
func without(list, other []string) []string {
	return slices.DeleteFunc(slices.Clone(list), func(value string) bool { return slices.Contains(other, value) })
}
