module github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter

go 1.26.0

require (
	github.com/alecthomas/kingpin/v2 v2.4.0 // flags and commands, as in exporter-toolkit
	github.com/go-jose/go-jose/v4 v4.1.9 // decodes and verifies JWTs
	github.com/go-logr/logr v1.4.3 // silences what client-go logs
	github.com/google/go-cmp v0.7.0 // tests: differences
	github.com/hashicorp/vault/api v1.23.0 // Vault's own client
	github.com/kelseyhightower/envconfig v1.4.0 // configuration from the environment
	github.com/prometheus/client_golang v1.25.0 // metrics
	github.com/prometheus/client_model v0.6.3 // the gauges of one run; tests: reads scraped metrics
	github.com/prometheus/common v0.72.1 // log flags and version, as in other exporters
	github.com/prometheus/exporter-toolkit v0.20.0 // listeners: TLS, authentication, landing page
	github.com/santhosh-tekuri/jsonschema/v6 v6.0.3 // tests: schema of the targets file
	github.com/yuin/goldmark v1.8.7 // tests: renders the documents that the status page serves
	go.uber.org/goleak v1.3.0 // tests: leaked goroutines
	go.yaml.in/yaml/v4 v4.0.0 // the targets file: positions in nodes and errors
	golang.org/x/net v0.61.0 // tests: reads the status page as a browser does
	golang.org/x/sync v0.24.0 // the lab: starts servers concurrently
	golang.org/x/sys v0.49.0 // tests: a pseudo-terminal
	golang.org/x/term v0.47.0 // whether standard output is a terminal
	google.golang.org/protobuf v1.36.12 // metrics: created timestamps
	k8s.io/api v0.37.2 // types: TokenReview, SubjectAccessReview, Lease
	k8s.io/apimachinery v0.37.2 // encodes those types; errors of the API server
	k8s.io/client-go v0.37.2 // REST client; the typed clients are not linked
	k8s.io/klog/v2 v2.140.0 // passes client-go the logger that silences it
)

require (
	github.com/alecthomas/units v0.0.0-20240927000941-0f3dac36c52b // indirect
	github.com/beorn7/perks v1.0.1 // indirect
	github.com/cenkalti/backoff/v4 v4.3.0 // indirect
	github.com/cespare/xxhash/v2 v2.3.0 // indirect
	github.com/coreos/go-systemd/v22 v22.7.0 // indirect
	github.com/davecgh/go-spew v1.1.2-0.20180830191138-d8f796af33cc // indirect
	github.com/fxamacker/cbor/v2 v2.9.1 // indirect
	github.com/golang-jwt/jwt/v5 v5.3.1 // indirect
	github.com/google/uuid v1.6.0 // indirect
	github.com/hashicorp/errwrap v1.1.0 // indirect
	github.com/hashicorp/go-cleanhttp v0.5.2 // indirect
	github.com/hashicorp/go-multierror v1.1.1 // indirect
	github.com/hashicorp/go-retryablehttp v0.7.8 // indirect
	github.com/hashicorp/go-rootcerts v1.0.2 // indirect
	github.com/hashicorp/go-secure-stdlib/parseutil v0.2.0 // indirect
	github.com/hashicorp/go-secure-stdlib/strutil v0.1.2 // indirect
	github.com/hashicorp/go-sockaddr v1.0.7 // indirect
	github.com/hashicorp/hcl v1.0.1-vault-7 // indirect
	github.com/jpillora/backoff v1.0.0 // indirect
	github.com/json-iterator/go v1.1.12 // indirect
	github.com/kylelemons/godebug v1.1.0 // indirect
	github.com/mdlayher/socket v0.6.0 // indirect
	github.com/mdlayher/vsock v1.3.0 // indirect
	github.com/mitchellh/go-homedir v1.1.0 // indirect
	github.com/mitchellh/mapstructure v1.5.0 // indirect
	github.com/modern-go/concurrent v0.0.0-20180306012644-bacd9c7ef1dd // indirect
	github.com/modern-go/reflect2 v1.0.3-0.20250322232337-35a7c28c31ee // indirect
	github.com/munnerz/goautoneg v0.0.0-20191010083416-a7dc8b61c822 // indirect
	github.com/mwitkow/go-conntrack v0.0.0-20190716064945-2f068394615f // indirect
	github.com/prometheus/procfs v0.22.0 // indirect
	github.com/ryanuber/go-glob v1.0.0 // indirect
	github.com/spf13/pflag v1.0.10 // indirect
	github.com/x448/float16 v0.8.4 // indirect
	github.com/xhit/go-str2duration/v2 v2.1.0 // indirect
	go.yaml.in/yaml/v2 v2.4.4 // indirect
	golang.org/x/crypto v0.58.0 // indirect
	golang.org/x/oauth2 v0.37.0 // indirect
	golang.org/x/text v0.43.0 // indirect
	golang.org/x/time v0.15.0 // indirect
	gopkg.in/inf.v0 v0.9.1 // indirect
	k8s.io/kube-openapi v0.0.0-20260721132016-d427ff9ee9ad // indirect
	k8s.io/utils v0.0.0-20260626114624-be93311217bd // indirect
	sigs.k8s.io/json v0.0.0-20250730193827-2d320260d730 // indirect
	sigs.k8s.io/randfill v1.0.0 // indirect
	sigs.k8s.io/structured-merge-diff/v6 v6.4.2 // indirect
	sigs.k8s.io/yaml v1.6.0 // indirect
)
