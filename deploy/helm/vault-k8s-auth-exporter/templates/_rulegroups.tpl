{{- /* The rule groups of a PrometheusRule or a VMRule, with the changes in prometheusRule. Takes the root. */ -}}
{{- define "exporter.ruleGroups" -}}
{{- $p := deepCopy .Values.prometheusRule -}}
{{- if and .Values.statusPage (not $p.statusURL) -}}
{{- $_ := set $p "statusURL" (trimSuffix "/" (.Values.externalURL | default "")) -}}
{{- end -}}
{{- range $page := list "reasons" "warnings" }}{{ if and $p.statusURL (not (get $p (print $page "URL"))) }}
{{- $_ := set $p (print $page "URL") (printf "%s/docs/%s.md" $p.statusURL $page) -}}
{{- end }}{{ end -}}
{{- $workload := printf "%s/%s" (ternary "statefulset" "deploy" .Values.sharding.enabled) (include "exporter.fullname" .) -}}
{{- range $name := list "alerts" "extraLabels" "extraAnnotations" }}{{ if not (get $p $name) }}{{ $_ := set $p $name dict }}{{ end }}{{ end -}}
{{- /* The label stands after a bracket, a comma or $labels, in expressions and in annotations; elsewhere the word is prose. */ -}}
{{- $rules := regexReplaceAll `([(,{] ?|[$]labels[.])cluster\b` (.Files.Get "files/rules.yaml") (printf "${1}%s" $p.clusterLabel) -}}
{{- range ($rules | fromYaml).groups }}
{{- $name := .name }}
{{- with include "exporter.wantedRules" (dict "rules" .rules "values" $p "workload" $workload) }}
- name: {{ $name }}
  rules:
    {{- . | nindent 4 }}
{{- end }}
{{- end }}
{{- with $p.extraGroups }}
{{ toYaml . }}
{{- end }}
{{- end }}
