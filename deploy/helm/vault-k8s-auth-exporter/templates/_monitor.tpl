{{- /* The endpoint of a ServiceMonitor or PodMonitor. */ -}}
{{- define "exporter.endpoint" -}}
- port: metrics
  scheme: {{ .scheme }}
  {{- range $key := list "interval" "scrapeTimeout" "tlsConfig" "basicAuth" "relabelings" "metricRelabelings" }}
  {{- with index $ $key }}
  {{ $key }}:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- end }}
{{- end }}
