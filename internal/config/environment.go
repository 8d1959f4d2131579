package config

import (
	"fmt"
	"os"
	"reflect"
	"strings"

	"github.com/kelseyhightower/envconfig"
)

const (
	prefix      = "EXPORTER_"
	vaultPrefix = "VAULT_"
)

// environment is what is set in the environment, unparsed. [Config.Reload] needs no
// more.
type environment struct {
	values values
	names  keyNames
	pod    pod
}

// readEnvironment returns what is set, and a mistake for every EXPORTER_* variable
// that is unknown.
func readEnvironment() (environment, []error) {
	dropEmpty()
	defer DropVault()

	env := environment{values: values{}, names: keyNames{names: namesGiven(), other: variableOf}, pod: findPod()}
	mistakes := unknownVariables(os.Environ())
	text := reflect.New(textType)
	if err := envconfig.Process(strings.TrimSuffix(prefix, "_"), text.Interface()); err != nil {
		mistakes = append(mistakes, fmt.Errorf("reading the environment: %T", err)) // strings always parse
	}
	for field, value := range text.Elem().Fields() {
		// A variable that comes from a Secret or a ConfigMap often ends in a line break.
		env.values[field.Name] = strings.TrimSpace(value.String())
	}
	return env, mistakes
}

// textType is the struct that envconfig fills: a field named like its key for every
// variable. All are strings, since envconfig stops at the first value that it
// cannot parse, and prints it. The tag envconfig makes a name count without the
// prefix too.
var textType = func() reflect.Type {
	var fields []reflect.StructField
	for _, s := range specs {
		tag := fmt.Sprintf("default:%q", s.builtIn)
		if s.wellKnown {
			tag += fmt.Sprintf(" envconfig:%q", s.key)
		}
		fields = append(fields, reflect.StructField{Name: s.key, Type: reflect.TypeFor[string](), Tag: reflect.StructTag(tag)})
	}
	return reflect.StructOf(fields)
}()

// dropEmpty unsets empty variables. In envconfig they would override both the default
// and the name without the prefix.
func dropEmpty() {
	for _, entry := range os.Environ() {
		name, value, _ := strings.Cut(entry, "=")
		ours := strings.HasPrefix(name, prefix) || strings.HasPrefix(name, vaultPrefix)
		if ours && strings.TrimSpace(value) == "" {
			os.Unsetenv(name)
		}
	}
}

// DropVault unsets every VAULT_* variable of the process, because Vault's client library
// would read them.
func DropVault() {
	for _, entry := range os.Environ() {
		if name, _, _ := strings.Cut(entry, "="); strings.HasPrefix(name, vaultPrefix) {
			os.Unsetenv(name)
		}
	}
}

// namesGiven returns the keys that are set only without the prefix.
func namesGiven() map[string]string {
	names := map[string]string{}
	for _, s := range specs {
		if s.wellKnown && os.Getenv(s.name()) == "" && os.Getenv(s.key) != "" {
			names[s.key] = s.key
		}
	}
	return names
}
