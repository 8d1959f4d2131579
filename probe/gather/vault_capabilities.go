package gather

import (
	"context"
	"encoding/json"
	"slices"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
)

// capabilities returns what a token may do at each of the paths, in one request, which the
// policy default permits. Paths at which it may do nothing are left out.
func (v *vaultServer) capabilities(ctx context.Context, token evidence.Secret, paths []string) ([]evidence.Capabilities, error) {
	body, err := json.Marshal(map[string][]string{"paths": paths})
	if err != nil {
		return nil, err
	}
	ctx, x := newRequestTrace(ctx)
	answer, err := v.send(ctx, v.put(token, "sys/capabilities-self"), body)
	if answer != nil {
		defer answer.Body.Close()
	}
	var stored map[string]json.RawMessage
	if err := readData(answer, err, x, &stored); err != nil {
		return nil, err
	}
	var found []evidence.Capabilities
	for _, path := range paths {
		var allowed []string
		if json.Unmarshal(stored[path], &allowed) != nil || len(allowed) == 0 {
			return nil, x.notFromVault()
		}
		allowed = slices.DeleteFunc(cleanAll(x.redactor.Clean, allowed), func(c string) bool { return c == "deny" })
		if len(allowed) > 0 {
			found = append(found, evidence.Capabilities{Path: path, Allowed: allowed})
		}
	}
	return found, nil
}
