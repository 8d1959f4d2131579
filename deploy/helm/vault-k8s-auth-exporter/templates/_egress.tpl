{{- /*
The ports that the NetworkPolicy allows: JSON {"dns": [...], "vault": [...], "apiServer": [...]}. A policy applies to the packet as it
reaches the destination's pod or node, after a Service has replaced the port in the URL. So the port that Vault listens on by default is
allowed besides those in the URLs.
*/ -}}
{{- define "exporter.egressPorts" -}}
{{- $e := .Values.networkPolicy.egress -}}
{{- $vault := list 8200 -}}
{{- $apiServer := $e.apiServer.ports | default list -}}
{{- range (include "exporter.targets" . | fromJson).targets -}}
{{- if .vault_addr }}{{ $vault = append $vault (include "exporter.port" .vault_addr) }}{{ end -}}
{{- if .kubernetes_host }}{{ $apiServer = append $apiServer (include "exporter.port" .kubernetes_host) }}{{ end -}}
{{- end -}}
{{- $all := dict -}}
{{- range $name, $ports := dict "dns" $e.dns.ports "vault" ($e.vault.ports | default $vault) "apiServer" $apiServer -}}
{{- $numbers := list }}{{ range $ports }}{{ $numbers = append $numbers (int .) }}{{ end -}}
{{- $_ := set $all $name (uniq $numbers | sortAlpha) -}}
{{- end -}}
{{- toJson $all -}}
{{- end }}

{{- /* An egress rule. Without ports it allows all of them. */ -}}
{{- define "exporter.egress" -}}
{{- if .ports -}}
- ports:
    {{- range $port := .ports }}
    {{- range $.protocols }}
    - {port: {{ $port }}, protocol: {{ . }}}
    {{- end }}
    {{- end }}
{{- else -}}
- ports: [{{ range $i, $protocol := .protocols }}{{ if $i }}, {{ end }}{protocol: {{ $protocol }}}{{ end }}]
{{- end }}
  {{- with .to }}
  to:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end }}

{{- /* The port of a URL, or the default port of its scheme. */ -}}
{{- define "exporter.port" -}}
{{- $port := regexFind ":[0-9]+$" (urlParse .).host | trimPrefix ":" -}}
{{- $port | default (ternary "80" "443" (hasPrefix "http:" (lower .))) -}}
{{- end }}
