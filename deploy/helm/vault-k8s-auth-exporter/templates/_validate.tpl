{{- /* Rejects values that contradict each other. The schema checks everything that concerns a single value. */ -}}
{{- define "exporter.validate" -}}
{{- $v := .Values -}}
{{- if and $v.leaderElection.enabled $v.sharding.enabled -}}
{{- fail "leaderElection.enabled and sharding.enabled are mutually exclusive: only the leader among the shards would probe" -}}
{{- end -}}
{{- if and (gt (int $v.replicaCount) 1) $v.sharding.enabled -}}
{{- fail "replicaCount is not used with sharding.enabled: set sharding.shards" -}}
{{- end -}}
{{- if and (gt (int $v.replicaCount) 1) (not $v.leaderElection.enabled) -}}
{{- fail "replicaCount is more than 1, so every pod would probe every target: set leaderElection.enabled, or sharding.enabled" -}}
{{- end -}}
{{- if and $v.sharding.enabled (not $v.targets) -}}
{{- fail "sharding.enabled divides the targets, but there is only one: set targets" -}}
{{- end -}}
{{- if and (not $v.serviceAccount.create) (not $v.serviceAccount.name) -}}
{{- fail "serviceAccount.create is false: set serviceAccount.name to the account that the pod runs as" -}}
{{- end -}}
{{- if and $v.serviceMonitor.enabled $v.podMonitor.enabled -}}
{{- fail "serviceMonitor.enabled and podMonitor.enabled are mutually exclusive: every pod would be scraped twice" -}}
{{- end -}}
{{- with $v.podDisruptionBudget -}}
{{- if and .enabled (ne (toString .minAvailable) "") (ne (toString .maxUnavailable) "") -}}
{{- fail "podDisruptionBudget.minAvailable and podDisruptionBudget.maxUnavailable are mutually exclusive: set one of them to \"\"" -}}
{{- end -}}
{{- if and .enabled (eq (toString .minAvailable) "") (eq (toString .maxUnavailable) "") -}}
{{- fail "podDisruptionBudget.enabled requires podDisruptionBudget.minAvailable or podDisruptionBudget.maxUnavailable" -}}
{{- end -}}
{{- end -}}
{{- range $name, $ca := dict "vault.ca" $v.vault.ca "kubernetes.ca" $v.kubernetes.ca -}}
{{- if and $ca.existingConfigMap $ca.existingSecret -}}
{{- fail (printf "%s.existingConfigMap and %s.existingSecret are mutually exclusive: set one of them" $name $name) -}}
{{- end -}}
{{- end -}}
{{- if and $v.kubernetes.thisCluster (not $v.kubernetes.host) -}}
{{- fail "kubernetes.thisCluster describes kubernetes.host, which is empty: set kubernetes.host, or unset kubernetes.thisCluster" -}}
{{- end -}}
{{- if and $v.kubernetes.thisCluster $v.kubernetes.token.existingSecret -}}
{{- fail "kubernetes.token.existingSecret is for another cluster, but kubernetes.thisCluster says that kubernetes.host is this cluster: set one of them" -}}
{{- end -}}
{{- include "exporter.validateSources" . -}}
{{- range (include "exporter.targets" . | fromJson).targets -}}
{{- $of := "" }}{{ with .name }}{{ $of = printf "target %s: " . }}{{ end -}}
{{- include "exporter.validateTarget" (dict "target" . "of" $of) -}}
{{- end -}}
{{- end }}

{{- define "exporter.validateSources" -}}
{{- $r := .Values.reviewer -}}
{{- $c := .Values.canary -}}
{{- if and $r.existingSecret $r.tokenFile -}}
{{- fail "reviewer.existingSecret and reviewer.tokenFile are mutually exclusive: set one of them" -}}
{{- end -}}
{{- $used := dict "existingSecret" (list "file") "tokenFile" (list "file") "secret" (list "secret") "serviceAccount" (list "serviceaccount" "accessreview") -}}
{{- range $key, $modes := $used -}}
{{- if and (index $r $key) (not (has $r.mode $modes)) -}}
{{- fail (printf "reviewer.%s is not used with reviewer.mode %s, only with %s" $key $r.mode (join " and " $modes)) -}}
{{- end -}}
{{- end -}}
{{- if and $c.tokenFile (ne $c.mode "file") -}}
{{- fail "canary.tokenFile is not used with canary.mode serviceaccount, only with file" -}}
{{- end -}}
{{- if and $c.serviceAccount (ne $c.mode "serviceaccount") -}}
{{- fail "canary.serviceAccount is not used with canary.mode file, only with serviceaccount" -}}
{{- end -}}
{{- end }}

{{- /* What every target needs, whether it comes from the target itself or from the values. */ -}}
{{- define "exporter.validateTarget" -}}
{{- $t := .target -}}
{{- if not $t.vault_addr }}{{ fail (printf "%svault.addr is empty: set it to the URL of Vault" .of) }}{{ end -}}
{{- if not $t.vault_role }}{{ fail (printf "%svault.role is empty: set it to the role that the canary logs in with" .of) }}{{ end -}}
{{- if and (eq $t.reviewer "file") (not $t.reviewer_token_file) -}}
{{- fail (printf "%sreviewer.mode file requires reviewer.existingSecret, the Secret with the token that Vault has as token_reviewer_jwt, or reviewer.tokenFile; if Vault has no such token, choose reviewer.mode accessreview or canary" .of) -}}
{{- end -}}
{{- if and (eq $t.reviewer "secret") (not $t.reviewer_secret) -}}
{{- fail (printf "%sreviewer.mode secret requires reviewer.secret, as namespace/name" .of) -}}
{{- end -}}
{{- if and (has $t.reviewer (list "serviceaccount" "accessreview")) (not $t.reviewer_service_account) -}}
{{- fail (printf "%sreviewer.mode %s requires reviewer.serviceAccount, the account that Vault runs as, as namespace/name" .of $t.reviewer) -}}
{{- end -}}
{{- if and (eq $t.canary "serviceaccount") (not $t.canary_service_account) -}}
{{- fail (printf "%scanary.mode serviceaccount requires canary.serviceAccount, as namespace/name" .of) -}}
{{- end -}}
{{- if and (eq $t.canary "file") (not $t.canary_token_file) -}}
{{- fail (printf "%scanary file requires canary_token_file, because canary.mode serviceaccount projects no token" .of) -}}
{{- end -}}
{{- if and $t.asks (not $t.home) (not $t.kubernetes_token_file) -}}
{{- fail (printf "%sreviewer.mode %s and canary.mode %s use the exporter's own identity at %s: set kubernetes.token.existingSecret, or kubernetes.thisCluster if that is this cluster" .of $t.reviewer $t.canary $t.kubernetes_host) -}}
{{- end -}}
{{- end }}
