{{- /*
What the chart has to know about every target. A key that a target omits comes from the values. Two keys are added: home, whether its API
server is that of the exporter's own cluster, and asks, whether the exporter needs an identity of its own there.
The chart cannot see targets in a Secret (targetsFrom): instead of them there is one that consists of the values.
JSON: {"targets": [...]}.
*/ -}}
{{- define "exporter.targets" -}}
{{- $v := .Values -}}
{{- $default := dict
  "vault_addr" $v.vault.addr "vault_role" $v.vault.role "kubernetes_host" ($v.kubernetes.host | default "")
  "kubernetes_token_file" (include "exporter.ownTokenFile" .)
  "reviewer" $v.reviewer.mode "reviewer_token_file" (include "exporter.reviewerTokenFile" .)
  "reviewer_secret" $v.reviewer.secret "reviewer_service_account" $v.reviewer.serviceAccount
  "canary" $v.canary.mode "canary_token_file" (include "exporter.canaryTokenFile" .)
  "canary_service_account" $v.canary.serviceAccount -}}
{{- $targets := list -}}
{{- range $v.targets | default (list dict) -}}
{{- $target := merge (dict) . $default -}}
{{- $same := eq $target.kubernetes_host $default.kubernetes_host -}}
{{- $home := or (regexMatch `^(https://kubernetes(\.default(\.svc(\..*)?)?)?(:[0-9]+)?/?)?$` $target.kubernetes_host) (and $same $v.kubernetes.thisCluster) -}}
{{- $mints := or (has $target.reviewer (list "serviceaccount" "accessreview")) (eq $target.canary "serviceaccount") -}}
{{- $targets = append $targets (merge (dict "home" $home "asks" (or $mints $v.reviewerReview)) $target) -}}
{{- end -}}
{{- dict "targets" $targets | toJson -}}
{{- end }}

{{- /* File of the exporter's own token for the API server; empty if it is the pod's token at its usual path. */ -}}
{{- define "exporter.ownTokenFile" -}}
{{- if .Values.kubernetes.token.existingSecret -}}
/var/run/secrets/vault-k8s-auth-exporter/kubernetes/{{ .Values.kubernetes.token.key }}
{{- else if .Values.kubernetes.thisCluster -}}
/var/run/secrets/vault-k8s-auth-exporter/kubernetes/token
{{- end -}}
{{- end }}

{{- define "exporter.reviewerTokenFile" -}}
{{- if .Values.reviewer.existingSecret -}}
/var/run/secrets/vault-k8s-auth-exporter/reviewer/{{ .Values.reviewer.key }}
{{- else -}}
{{ .Values.reviewer.tokenFile }}
{{- end -}}
{{- end }}

{{- define "exporter.canaryTokenFile" -}}
{{- if eq .Values.canary.mode "file" -}}
{{ .Values.canary.tokenFile | default "/var/run/secrets/vault-k8s-auth-exporter/canary/token" }}
{{- end -}}
{{- end }}

{{- define "exporter.canaryAudience" -}}
{{- if .Values.canary.audience -}}
{{ .Values.canary.audience }}
{{- else if ne .Values.reviewer.mode "canary" -}}
vault
{{- end -}}
{{- end }}

{{- /* The EXPORTER_* variables, as YAML. Empty ones are omitted, so the program's defaults apply. */ -}}
{{- define "exporter.environment" -}}
{{- $v := .Values -}}
{{- $etc := "/etc/vault-k8s-auth-exporter" -}}
{{- $secrets := "/var/run/secrets/vault-k8s-auth-exporter" -}}
{{- /* generated: go test ./internal/config -update */ -}}
{{- $all := dict
  "TARGET_NAME" $v.targetName
  "VAULT_ADDR" $v.vault.addr
  "VAULT_ALIASES" (join "," $v.vault.aliases)
  "VAULT_TLS_SERVER_NAME" $v.vault.tlsServerName
  "VAULT_NAMESPACE" $v.vault.namespace
  "VAULT_MOUNT" $v.vault.mount
  "VAULT_ROLE" $v.vault.role
  "VAULT_DIAGNOSTIC_ROLE" $v.vault.diagnosticRole
  "KUBERNETES_HOST" $v.kubernetes.host
  "KUBERNETES_TLS_SERVER_NAME" $v.kubernetes.tlsServerName
  "KUBERNETES_TOKEN_FILE" (include "exporter.ownTokenFile" .)
  "REVIEWER" $v.reviewer.mode
  "REVIEWER_TOKEN_FILE" (include "exporter.reviewerTokenFile" .)
  "REVIEWER_SECRET" $v.reviewer.secret
  "REVIEWER_SERVICE_ACCOUNT" $v.reviewer.serviceAccount
  "CANARY" $v.canary.mode
  "CANARY_TOKEN_FILE" (include "exporter.canaryTokenFile" .)
  "CANARY_SERVICE_ACCOUNT" $v.canary.serviceAccount
  "CANARY_AUDIENCES" (include "exporter.canaryAudience" .)
  "INTERVAL" $v.interval
  "TIMEOUT" $v.timeout
  "RECHECK_INTERVAL" $v.recheckInterval
  "EXPIRY_WARNING_TOKENS" $v.expiryWarning.tokens
  "EXPIRY_WARNING_CERTIFICATES" $v.expiryWarning.certificates
  "FOLLOW_UPS" (toString $v.followUps)
  "NEGATIVE_CANARY" (toString $v.negativeCanary.enabled)
  "NEGATIVE_CANARY_INTERVAL" $v.negativeCanary.interval
  "STATUS_PAGE" (toString $v.statusPage)
  "PROBE_API" (toString $v.probeAPI)
  "EXTERNAL_URL" $v.externalURL
  "MAX_IN_FLIGHT" (int $v.maxInFlight | toString)
  "WORKLOADS" (toString $v.workloads.enabled)
  "WORKLOADS_INTERVAL" $v.workloads.interval
  "WORKLOADS_REHEARSAL" $v.workloads.rehearsal
  "WORKLOADS_NAMESPACES" (join "," $v.workloads.namespaces)
  "KUBERNETES_EVENTS" (toString $v.kubernetesEvents.enabled)
  "KUBERNETES_EVENTS_OBJECT" $v.kubernetesEvents.object
  "STATE_FILE" (include "exporter.stateFile" .)
  "VOLUMES" (include "exporter.volumes" .) -}}
{{- /* end */ -}}
{{- with $v.vault.ca }}{{ if or .existingConfigMap .existingSecret }}{{ $_ := set $all "VAULT_CACERT" (printf "%s/vault-ca/%s" $etc .key) }}{{ end }}{{ end -}}
{{- with $v.vault.clientCertificate }}{{ if .existingSecret -}}
{{- $_ := set $all "VAULT_CLIENT_CERT" (printf "%s/vault-client/%s" $secrets .certificateKey) -}}
{{- $_ := set $all "VAULT_CLIENT_KEY" (printf "%s/vault-client/%s" $secrets .privateKeyKey) -}}
{{- end }}{{ end -}}
{{- with $v.vault.token }}{{ if .existingSecret }}{{ $_ := set $all "VAULT_TOKEN_FILE" (printf "%s/vault/%s" $secrets .key) }}{{ end }}{{ end -}}
{{- with $v.kubernetes.ca }}{{ if or .existingConfigMap .existingSecret }}{{ $_ := set $all "KUBERNETES_CACERT" (printf "%s/kubernetes-ca/%s" $etc .key) }}{{ end }}{{ end -}}
{{- if or $v.targets $v.targetsFrom.existingSecret }}{{ $_ := set $all "TARGETS_FILE" (printf "%s/targets/targets.yaml" $etc) }}{{ end -}}
{{- if $v.leaderElection.enabled -}}
{{- $_ := set $all "LEADER_ELECTION" "true" -}}
{{- $_ := set $all "LEADER_ELECTION_LEASE" (printf "%s/%s" (include "exporter.namespace" .) (include "exporter.leaseName" .)) -}}
{{- end -}}
{{- if $v.sharding.enabled }}{{ $_ := set $all "TOTAL_SHARDS" (int $v.sharding.shards | toString) }}{{ end -}}
{{- range $name, $value := $all }}
{{- if $value }}
EXPORTER_{{ $name }}: {{ $value | quote }}
{{- end }}
{{- end }}
{{- end }}
