package config

import (
	"errors"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
)

// Partial parses those values of a target that are given, by their keys: the names of
// the variables without EXPORTER_. Nothing is required, and nothing has a default. The
// error has one line for each mistake, with the name that nameOf returns for the key.
func Partial(given map[string]string, nameOf func(key string) string) (evidence.Target, error) {
	r := &resolver{values: given, names: keyNames{other: nameOf}, files: fileChecks{}}
	var t evidence.Target
	for _, v := range targetVariables {
		if given[v.key] == "" {
			continue
		}
		if err := storeOne(r, v, &t); err != nil {
			r.refuse(v.key, allowing(err, v.allowed))
		}
	}
	return t, errors.Join(r.sorted()...)
}
