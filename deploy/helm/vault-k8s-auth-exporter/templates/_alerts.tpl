{{- /* The rule groups of a PrometheusRule or a VMRule, with the changes in prometheusRule. Takes the root. */ -}}
{{- define "exporter.ruleGroups" -}}
{{- $p := .Values.prometheusRule -}}
{{- range (.Files.Get "files/rules.yaml" | fromYaml).groups }}
{{- $name := .name }}
{{- with include "exporter.wantedRules" (dict "rules" .rules "values" $p) }}
- name: {{ $name }}
  rules:
    {{- . | nindent 4 }}
{{- end }}
{{- end }}
{{- with $p.extraGroups }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- /* The rules of a group that the values enable, possibly none. rules: the group's rules in files/rules.yaml. values: .Values.prometheusRule. */ -}}
{{- define "exporter.wantedRules" -}}
{{- range .rules }}
{{- $rule := deepCopy . -}}
{{- $_ := set $rule "expr" (include "exporter.clusterLabel" (dict "text" .expr "label" $.values.clusterLabel)) -}}
{{- if eq .record "vault_k8s_auth:error_budget:ratio" }}
{{ list (set $rule "expr" (printf "vector(%v)" $.values.errorBudget)) | toYaml }}
{{- else if .record }}
{{ list $rule | toYaml }}
{{- else if (dig .alert "enabled" true ($.values.alerts | default dict)) }}
{{ include "exporter.alert" (dict "rule" $rule "values" $.values) }}
{{- end }}
{{- end }}
{{- end }}

{{- /* An alert with the changes in the values. rule: the alert in files/rules.yaml. values: .Values.prometheusRule. */ -}}
{{- define "exporter.alert" -}}
{{- $rule := .rule -}}
{{- $own := get (.values.alerts | default dict) $rule.alert | default dict -}}
{{- range $key, $value := dict "for" $own.for "keep_firing_for" $own.keepFiringFor -}}
{{- with $value }}{{ $_ := set $rule $key . }}{{ end -}}
{{- end -}}
{{- with get ($own.thresholds | default dict) $rule.labels.severity -}}
{{- $_ := set $rule "expr" (regexReplaceAll "[0-9.]+$" $rule.expr (toString .)) -}}
{{- end -}}
{{- with $own.expr -}}
{{- $expr := . }}{{ if kindIs "map" . }}{{ $expr = get . $rule.labels.severity | default $rule.expr }}{{ end -}}
{{- $_ := set $rule "expr" $expr -}}
{{- end -}}
{{- $_ := set $rule "labels" (merge (dict) ($own.labels | default dict) (.values.extraLabels | default dict) $rule.labels) -}}
{{- $_ := set $rule.annotations "description" (regexReplaceAll "https://[^ ]+/docs/reasons[.]md#" $rule.annotations.description (printf "%s#" .values.reasonsURL)) -}}
{{- $_ := set $rule "annotations" (merge (dict) ($own.annotations | default dict) (.values.extraAnnotations | default dict)
  (dict "runbook_url" (printf "%s%s.md" .values.runbookURLPrefix $rule.alert)) $rule.annotations) -}}
{{- list $rule | toYaml -}}
{{- end }}

{{- /* A text of Prometheus or Grafana with another label in place of cluster. */ -}}
{{- define "exporter.clusterLabel" -}}
{{- if and .label (ne .label "cluster") -}}
{{- regexReplaceAll `\bcluster\b` .text .label -}}
{{- else -}}
{{- .text -}}
{{- end -}}
{{- end }}
