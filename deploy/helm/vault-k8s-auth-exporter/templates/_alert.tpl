{{- /* The rules of a group that the values enable, possibly none. rules: the group's rules in files/rules.yaml. values: .Values.prometheusRule. workload: what kubectl exec runs in. */ -}}
{{- define "exporter.wantedRules" -}}
{{- range .rules }}
{{- if .record }}
{{ list . | toYaml }}
{{- else if (dig .alert "enabled" true $.values.alerts) }}
{{ include "exporter.alert" (dict "rule" . "values" $.values "workload" $.workload) }}
{{- end }}
{{- end }}
{{- end -}}

{{- /* An alert with the changes in the values. rule: the alert in files/rules.yaml. values: .Values.prometheusRule. workload: what kubectl exec runs in. */ -}}
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
{{- if eq $rule.alert "VaultK8sAuthErrorBudgetBurn" -}}
{{- $_ := set $rule "expr" (replace "* 0.005" (printf "* %v" .values.errorBudget) $rule.expr) -}}
{{- end -}}
{{- $_ := set $rule "labels" (merge (dict) ($own.labels | default dict) .values.extraLabels $rule.labels) -}}
{{- range $page, $url := dict "reasons" .values.reasonsURL "warnings" .values.warningsURL }}{{ with $url }}
{{- $_ := set $rule.annotations "description" (regexReplaceAll (printf "https://[^ ]+/docs/%s[.]md#" $page) $rule.annotations.description (printf "%s#" .)) -}}
{{- end }}{{ end -}}
{{- $_ := set $rule.annotations "description" (replace "deploy/vault-k8s-auth-exporter" .workload $rule.annotations.description) -}}
{{- $links := dict -}}
{{- $ofTarget := contains "$labels.target" $rule.annotations.description -}}
{{- with .values.grafanaURL -}}
{{- $_ := set $links "dashboard_url" (print . (ternary "/d/vault-k8s-auth-target?var-target={{ $labels.target }}" "/d/vault-k8s-auth-overview?var-job={{ $labels.job }}" $ofTarget)) -}}
{{- end -}}
{{- with .values.statusURL -}}
{{- $_ := set $links "status_url" (print . (ternary "/targets/{{ $labels.target }}" "/" $ofTarget)) -}}
{{- end -}}
{{- $_ := set $rule "annotations" (merge (dict) ($own.annotations | default dict) .values.extraAnnotations
  (dict "runbook_url" (printf "%s%s.md" .values.runbookURLPrefix $rule.alert)) $links $rule.annotations) -}}
{{- list $rule | toYaml -}}
{{- end -}}
