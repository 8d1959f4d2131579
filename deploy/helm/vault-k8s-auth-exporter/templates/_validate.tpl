{{- /* What contradicts each other in the values, one mistake a line. The schema checks everything that concerns a single value. */ -}}
{{- define "exporter.mistakes" -}}
{{- $v := .Values -}}
{{- include "exporter.workloadMistakes" $v -}}
{{- include "exporter.fileMistakes" . -}}
{{- include "exporter.sourceMistakes" $v -}}
{{- if not $v.targetsFrom.existingSecret -}}
{{- range $i, $target := (include "exporter.targets" . | fromJson).targets -}}
{{- $of := "" }}{{ if $v.targets }}{{ $of = printf "targets[%d] (%s): " $i (toString .name) }}{{ end -}}
{{- include "exporter.targetMistakes" (dict "target" $target "of" $of) -}}
{{- end -}}
{{- end -}}
{{- end }}

{{- define "exporter.workloadMistakes" }}
{{- if and .leaderElection.enabled .sharding.enabled }}
- leaderElection.enabled and sharding.enabled are mutually exclusive: only the leader among the shards would probe
{{- end }}
{{- if and (gt (int .replicaCount) 1) .sharding.enabled }}
- replicaCount is not used with sharding.enabled: set sharding.shards
{{- end }}
{{- if and (gt (int .replicaCount) 1) (not .leaderElection.enabled) (not .sharding.enabled) }}
- replicaCount is more than 1, so every pod would probe every target: set leaderElection.enabled, or sharding.enabled
{{- end }}
{{- if and .sharding.enabled (not .targets) (not .targetsFrom.existingSecret) }}
- sharding.enabled divides the targets, but there is only one: set targets
{{- end }}
{{- with .state }}
{{- if and .existingClaim .persistentVolumeClaim }}
- state.existingClaim and state.persistentVolumeClaim are mutually exclusive: set one of them
{{- end }}
{{- if and (or .existingClaim .persistentVolumeClaim) (not .enabled) }}
- state.existingClaim and state.persistentVolumeClaim are not used without state.enabled
{{- end }}
{{- if and .existingClaim $.sharding.enabled }}
- state.existingClaim is one file for all shards: with sharding.enabled set state.persistentVolumeClaim
{{- end }}
{{- end }}
{{- if and .targets .targetsFrom.existingSecret }}
- targets and targetsFrom.existingSecret are mutually exclusive: set one of them
{{- end }}
{{- if and (not .serviceAccount.create) (not .serviceAccount.name) }}
- serviceAccount.create is false: set serviceAccount.name to the account that the pod runs as
{{- end }}
{{- $scrapers := list -}}
{{- range $name := list "serviceMonitor" "podMonitor" "vmServiceScrape" "podMonitoring" -}}
{{- if (get $ $name).enabled }}{{ $scrapers = append $scrapers (printf "%s.enabled" $name) }}{{ end -}}
{{- end }}
{{- if gt (len $scrapers) 1 }}
- {{ join " and " $scrapers }} are mutually exclusive: every pod would be scraped twice
{{- end }}
{{- with .podDisruptionBudget }}
{{- $given := list }}{{ range list .minAvailable .maxUnavailable }}{{ if not (has . (list nil "")) }}{{ $given = append $given . }}{{ end }}{{ end -}}
{{- if and .enabled (gt (len $given) 1) }}
- podDisruptionBudget.minAvailable and podDisruptionBudget.maxUnavailable are mutually exclusive: set one of them to ""
{{- end }}
{{- if and .enabled (not $given) }}
- podDisruptionBudget.enabled requires podDisruptionBudget.minAvailable or podDisruptionBudget.maxUnavailable
{{- end }}
{{- end }}
{{- range $name := list "ingress" "httpRoute" }}
{{- if and (get $ $name).enabled (not $.statusPage) }}
- {{ $name }}.enabled is for the status page, which statusPage false disables
{{- end }}
{{- end }}
{{- if and .httpRoute.enabled (not .httpRoute.parentRefs) }}
- httpRoute.enabled requires httpRoute.parentRefs, the Gateways that serve the page
{{- end }}
{{- end }}

{{- /* Files that the chart's package must contain. Takes the root. */ -}}
{{- define "exporter.fileMistakes" }}
{{- if and .Values.prometheusRule.enabled (not (.Files.Get "files/rules.yaml")) }}
- prometheusRule.enabled: this copy of the chart has no files/rules.yaml, or it is empty: install the chart from its package
{{- end }}
{{- if and .Values.vmRule.enabled (not (.Files.Get "files/rules.yaml")) }}
- vmRule.enabled: this copy of the chart has no files/rules.yaml, or it is empty: install the chart from its package
{{- end }}
{{- if .Values.grafanaDashboard.enabled -}}
{{- $dashboards := list }}{{ range $path, $content := .Files.Glob "files/dashboards/*.json" }}{{ $dashboards = append $dashboards (toString $content) }}{{ end -}}
{{- if or (not $dashboards) (has "" $dashboards) }}
- grafanaDashboard.enabled: this copy of the chart has no files/dashboards, or one of them is empty: install the chart from its package
{{- end }}
{{- end }}
{{- end }}

{{- define "exporter.sourceMistakes" -}}
{{- $r := .reviewer -}}
{{- $c := .canary -}}
{{- range $name, $ca := dict "vault.ca" .vault.ca "kubernetes.ca" .kubernetes.ca }}
{{- if and $ca.existingConfigMap $ca.existingSecret }}
- {{ $name }}.existingConfigMap and {{ $name }}.existingSecret are mutually exclusive: set one of them
{{- end }}
{{- end }}
{{- if and .kubernetes.thisCluster (not .kubernetes.host) }}
- kubernetes.thisCluster describes kubernetes.host, which is empty: set kubernetes.host, or unset kubernetes.thisCluster
{{- end }}
{{- if and .kubernetes.thisCluster .kubernetes.token.existingSecret }}
- kubernetes.token.existingSecret is for another cluster, but kubernetes.thisCluster says that kubernetes.host is this cluster: set one of them
{{- end }}
{{- if and $r.existingSecret $r.tokenFile }}
- reviewer.existingSecret and reviewer.tokenFile are mutually exclusive: set one of them
{{- end }}
{{- $used := dict "existingSecret" (list "file") "tokenFile" (list "file") "secret" (list "secret") "serviceAccount" (list "serviceaccount" "accessreview") -}}
{{- range $key, $modes := $used }}
{{- if and (get $r $key) (not (has $r.mode $modes)) }}
- reviewer.{{ $key }} is not used with reviewer.mode {{ $r.mode }}, only with {{ join " and " $modes }}
{{- end }}
{{- end }}
{{- if and $c.tokenFile (ne $c.mode "file") }}
- canary.tokenFile is not used with canary.mode serviceaccount, only with file
{{- end }}
{{- if and $c.serviceAccount (ne $c.mode "serviceaccount") }}
- canary.serviceAccount is not used with canary.mode file, only with serviceaccount
{{- end }}
{{- end }}

{{- /* What every target needs, whether it comes from the target itself or from the values. */ -}}
{{- define "exporter.targetMistakes" -}}
{{- $t := .target -}}
{{- if not $t.vault_addr }}
- {{ .of }}vault.addr is empty: set it to the URL of Vault
{{- end }}
{{- if not $t.vault_role }}
- {{ .of }}vault.role is empty: set it to the role that the canary logs in with
{{- end }}
{{- if and (eq $t.reviewer "file") (not $t.reviewer_token_file) }}
- {{ .of }}reviewer.mode file requires reviewer.existingSecret, the Secret with the token that Vault has as token_reviewer_jwt, or reviewer.tokenFile; if Vault has no such token, choose reviewer.mode accessreview or canary
{{- end }}
{{- if and (eq $t.reviewer "secret") (not $t.reviewer_secret) }}
- {{ .of }}reviewer.mode secret requires reviewer.secret, as namespace/name
{{- end }}
{{- if and (has $t.reviewer (list "serviceaccount" "accessreview")) (not $t.reviewer_service_account) }}
- {{ .of }}reviewer.mode {{ $t.reviewer }} requires reviewer.serviceAccount, the account that Vault runs as, as namespace/name
{{- end }}
{{- if and (eq $t.canary "serviceaccount") (not $t.canary_service_account) }}
- {{ .of }}canary.mode serviceaccount requires canary.serviceAccount, as namespace/name
{{- end }}
{{- if and (eq $t.canary "file") (not $t.canary_token_file) }}
- {{ .of }}canary file requires canary_token_file, because canary.mode serviceaccount projects no token
{{- end }}
{{- if and $t.asks (not $t.home) (not $t.kubernetes_token_file) }}
- {{ .of }}reviewer.mode {{ $t.reviewer }} and canary.mode {{ $t.canary }} use the exporter's own identity at {{ $t.kubernetes_host }}: set kubernetes.token.existingSecret, or kubernetes.thisCluster if that is this cluster
{{- end }}
{{- end }}
