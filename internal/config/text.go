package config

import (
	"reflect"
	"strings"
)

// targetText is a target as it was written down, unjudged, in the order in which
// its keys are documented. The environment and the targets file both fill it. All
// fields are strings, since envconfig stops at the first value that it cannot
// parse, and prints it. A tag envconfig:"NAME" makes NAME count without the prefix
// too: only names that every Vault client knows may carry one.
type targetText struct {
	TargetName string `split_words:"true" default:"default"`

	VaultAddr           string `envconfig:"VAULT_ADDR"`
	VaultCacert         string `envconfig:"VAULT_CACERT"`
	VaultTLSServerName  string `envconfig:"VAULT_TLS_SERVER_NAME"`
	VaultNamespace      string `envconfig:"VAULT_NAMESPACE"`
	VaultMount          string `split_words:"true" default:"kubernetes"`
	VaultRole           string `split_words:"true"`
	VaultClientCert     string `split_words:"true"`
	VaultClientKey      string `split_words:"true"`
	VaultTokenFile      string `split_words:"true"`
	VaultDiagnosticRole string `split_words:"true"`

	KubernetesHost          string `split_words:"true"`
	KubernetesCacert        string `split_words:"true"`
	KubernetesTLSServerName string `split_words:"true"`
	KubernetesTokenFile     string `split_words:"true"`

	Reviewer               string `default:"file"`
	ReviewerTokenFile      string `split_words:"true"`
	ReviewerSecret         string `split_words:"true"`
	ReviewerServiceAccount string `split_words:"true"`

	Canary               string `default:"file"`
	CanaryTokenFile      string `split_words:"true"`
	CanaryServiceAccount string `split_words:"true"`
	CanaryAudiences      string `split_words:"true"`

	Interval        string `default:"60s"`
	Timeout         string `default:"15s"`
	RecheckInterval string `split_words:"true" default:"10s"`
	FollowUps       string `split_words:"true" default:"true"`
}

// processText is what is set for the process, unjudged, in the order in which it
// is documented.
type processText struct {
	TargetsFile         string `split_words:"true"`
	StatusPage          string `split_words:"true" default:"auto"`
	ProbeAPI            string `split_words:"true" default:"false"`
	MaxInFlight         string `split_words:"true" default:"0"`
	LeaderElection      string `split_words:"true" default:"false"`
	LeaderElectionLease string `split_words:"true"`
	Shard               string `default:"0"`
	TotalShards         string `split_words:"true" default:"1"`
}

// trim removes blanks around values: a variable that comes from a Secret or a
// ConfigMap often ends in a line break.
func trim(text any) {
	fields := reflect.ValueOf(text).Elem()
	for i := range fields.NumField() {
		fields.Field(i).SetString(strings.TrimSpace(fields.Field(i).String()))
	}
}
