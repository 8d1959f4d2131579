package config

import (
	"cmp"
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

// environment is what stands in the environment, unjudged, in the order in which
// it is documented. All fields are strings, since envconfig stops at the first
// value that it cannot parse, and prints it. A tag envconfig:"NAME" makes NAME
// count without the prefix too: only names that every Vault client knows may
// carry one.
type environment struct {
	TargetName string `split_words:"true" default:"default"`

	VaultAddr          string `envconfig:"VAULT_ADDR"`
	VaultCacert        string `envconfig:"VAULT_CACERT"`
	VaultTLSServerName string `envconfig:"VAULT_TLS_SERVER_NAME"`
	VaultNamespace     string `envconfig:"VAULT_NAMESPACE"`
	VaultMount         string `split_words:"true" default:"kubernetes"`
	VaultRole          string `split_words:"true"`
	VaultClientCert    string `split_words:"true"`
	VaultClientKey     string `split_words:"true"`
	VaultTokenFile     string `split_words:"true"`
	VaultOracleRole    string `split_words:"true"`

	KubernetesHost          string `split_words:"true"`
	KubernetesCacert        string `split_words:"true"`
	KubernetesTLSServerName string `split_words:"true"`
	KubernetesTokenFile     string `split_words:"true"`

	Reviewer          string `default:"file"`
	ReviewerTokenFile string `split_words:"true"`

	Canary          string `default:"file"`
	CanaryTokenFile string `split_words:"true"`
	CanaryAudiences string `split_words:"true"`

	Interval        string `default:"60s"`
	Timeout         string `default:"15s"`
	RecheckInterval string `split_words:"true" default:"10s"`
	FollowUps       string `split_words:"true" default:"true"`

	// names says under which name a key was given, where that is not the prefixed one.
	names map[string]string
}

// readEnvironment returns what is set, and a mistake for every variable of ours
// that is unknown.
func readEnvironment() (environment, []error) {
	dropEmpty()
	defer dropVault()

	env := environment{names: namesGiven()}
	mistakes := unknownVariables(os.Environ())
	if err := envconfig.Process(strings.TrimSuffix(prefix, "_"), &env); err != nil {
		// Strings always parse: this is a mistake in the struct above.
		mistakes = append(mistakes, fmt.Errorf("reading the environment: %T", err))
	}
	env.trim()
	return env, mistakes
}

// dropEmpty unsets what is set to nothing. To envconfig an empty variable would
// hide both the default and the name without the prefix.
func dropEmpty() {
	for _, entry := range os.Environ() {
		name, value, _ := strings.Cut(entry, "=")
		ours := strings.HasPrefix(name, prefix) || strings.HasPrefix(name, vaultPrefix)
		if ours && strings.TrimSpace(value) == "" {
			os.Unsetenv(name)
		}
	}
}

func dropVault() {
	for _, entry := range os.Environ() {
		if name, _, _ := strings.Cut(entry, "="); strings.HasPrefix(name, vaultPrefix) {
			os.Unsetenv(name)
		}
	}
}

// namesGiven finds the keys that are given without the prefix alone.
func namesGiven() map[string]string {
	names := map[string]string{}
	for _, key := range []string{"VAULT_ADDR", "VAULT_CACERT", "VAULT_TLS_SERVER_NAME", "VAULT_NAMESPACE"} {
		if os.Getenv(prefix+key) == "" && os.Getenv(key) != "" {
			names[key] = key
		}
	}
	return names
}

// name returns the variable that a user has to look at.
func name(names map[string]string, key string) string {
	return cmp.Or(names[key], prefix+key)
}

// trim removes blanks around values: a variable that comes from a Secret or a
// ConfigMap often ends in a line break.
func (e *environment) trim() {
	fields := reflect.ValueOf(e).Elem()
	for i := range fields.NumField() {
		if field := fields.Field(i); field.Kind() == reflect.String {
			field.SetString(strings.TrimSpace(field.String()))
		}
	}
}
