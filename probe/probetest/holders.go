package probetest

import (
	"fmt"
	"reflect"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
)

// PathsToSecrets lists the fields, from a type on, that lead to an [evidence.Secret] or to what may
// hide one: a function, a channel or an interface. Times and reflected types hide none.
func PathsToSecrets(of reflect.Type) []string {
	return pathsToSecrets(of, of.String(), map[reflect.Type]bool{})
}

func pathsToSecrets(of reflect.Type, path string, seen map[reflect.Type]bool) (paths []string) {
	if seen[of] || of.PkgPath() == "time" {
		return nil
	}
	seen[of] = true
	switch of.Kind() {
	case reflect.Func, reflect.Chan, reflect.Interface, reflect.UnsafePointer:
		return []string{fmt.Sprintf("%s (%s)", path, of)}
	case reflect.Pointer, reflect.Slice, reflect.Array:
		return pathsToSecrets(of.Elem(), path, seen)
	case reflect.Map:
		return append(pathsToSecrets(of.Key(), path, seen), pathsToSecrets(of.Elem(), path, seen)...)
	case reflect.Struct:
		if of == reflect.TypeFor[evidence.Secret]() {
			return []string{path}
		}
		for field := range of.Fields() {
			paths = append(paths, pathsToSecrets(field.Type, path+"."+field.Name, seen)...)
		}
	}
	return paths
}
