{{- /*
Every template starts with this. The first call renders the templates in the strings of the values, in place, and rejects contradictions.
Some values are left as they are: those of Prometheus and of Vault's injector (podAnnotations), which have templates of their own, and
extraManifests, each of which is rendered as a whole.
*/ -}}
{{- define "exporter.prepare" -}}
{{- if not .Values.prepared -}}
{{- range $name, $value := omit .Values "global" "extraManifests" "podAnnotations" "prometheusRule" -}}
{{- if contains "{{" (toJson $value) -}}
{{- $rendered := tpl (dict "value" $value | toYaml) $ | fromYaml -}}
{{- if hasKey $rendered "Error" }}{{ fail (printf "%s: its templates do not render to YAML: %s" $name $rendered.Error) }}{{ end -}}
{{- $_ := set $.Values $name $rendered.value -}}
{{- end -}}
{{- end -}}
{{- with include "exporter.mistakes" . | trim }}{{ fail (printf "the values cannot be used together:\n%s" .) }}{{ end -}}
{{- $_ := set .Values "prepared" true -}}
{{- end -}}
{{- end }}
