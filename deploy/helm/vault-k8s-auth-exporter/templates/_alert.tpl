{{- /* The rules of a group that the values enable, possibly none. rules: the group's rules in files/rules.yaml. values: .Values.prometheusRule. */ -}}
{{- define "exporter.wantedRules" -}}
{{- range .rules }}
{{- if eq .record "vault_k8s_auth:error_budget:ratio" }}
{{ list (set . "expr" (printf "vector(%v)" $.values.errorBudget)) | toYaml }}
{{- else if .record }}
{{ list . | toYaml }}
{{- else if (dig .alert "enabled" true $.values.alerts) }}
{{ include "exporter.alert" (dict "rule" . "values" $.values) }}
{{- end }}
{{- end }}
{{- end -}}

{{- /* An alert with the changes in the values. rule: the alert in files/rules.yaml. values: .Values.prometheusRule. */ -}}
{{- define "exporter.alert" -}}
{{- $rule := deepCopy .rule -}}
{{- $own := get .values.alerts $rule.alert | default dict -}}
{{- with $own.for -}}
{{- $_ := set $rule "for" . -}}
{{- end -}}
{{- with $own.keepFiringFor -}}
{{- $_ := set $rule "keep_firing_for" . -}}
{{- end -}}
{{- with $own.expr -}}
{{- $expr := . }}{{ if kindIs "map" . }}{{ $expr = get . $rule.labels.severity | default $rule.expr }}{{ end -}}
{{- $_ := set $rule "expr" $expr -}}
{{- end -}}
{{- if hasKey ($own.thresholds | default dict) $rule.labels.severity -}}
{{- $_ := set $rule "expr" (regexReplaceAll "[0-9.]+$" $rule.expr (get $own.thresholds $rule.labels.severity | toString)) -}}
{{- end -}}
{{- $_ := set $rule "labels" (merge (dict) ($own.labels | default dict) .values.extraLabels $rule.labels) -}}
{{- $_ := set $rule.annotations "description" (regexReplaceAll "https://[^ ]+/docs/reasons[.]md#" $rule.annotations.description (printf "%s#" .values.reasonsURL)) -}}
{{- $_ := set $rule "annotations" (merge (dict) ($own.annotations | default dict) .values.extraAnnotations
  (dict "runbook_url" (printf "%s%s.md" .values.runbookURLPrefix $rule.alert)) $rule.annotations) -}}
{{- list $rule | toYaml -}}
{{- end -}}
