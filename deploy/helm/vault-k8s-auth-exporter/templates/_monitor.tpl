{{- /* The endpoint of a ServiceMonitor or PodMonitor. prefix: what precedes the path of every request. */ -}}
{{- define "exporter.endpoint" -}}
- port: metrics
  {{- with .prefix }}
  path: {{ . }}/metrics
  {{- end }}
  scheme: {{ .scheme }}
  {{- range $key := list "interval" "scrapeTimeout" "honorLabels" "tlsConfig" "basicAuth" "authorization" "relabelings" "metricRelabelings" }}
  {{- with get $ $key }}
  {{ $key }}:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- end }}
{{- end }}

{{- /* What a ServiceMonitor, a PodMonitor and a VMServiceScrape have in common, apart from their endpoints. */ -}}
{{- define "exporter.monitorSpec" -}}
{{- with .monitor.jobLabel }}
jobLabel: {{ . }}
{{- end }}
{{- with .monitor.sampleLimit }}
sampleLimit: {{ int . }}
{{- end }}
namespaceSelector: {matchNames: [{{ include "exporter.namespace" .root }}]}
selector:
  matchLabels:
    {{- include "exporter.selector" .root | nindent 4 }}
{{- end }}
