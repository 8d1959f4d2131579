{{- /* How an endpoint is scraped, for ServiceMonitor and PodMonitor alike. */ -}}
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
