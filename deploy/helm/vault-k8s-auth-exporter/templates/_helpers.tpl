{{- define "exporter.name" -}}
{{ .Values.nameOverride | default .Chart.Name | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "exporter.fullname" -}}
{{- $name := include "exporter.name" . -}}
{{- if .Values.fullnameOverride -}}
{{ .Values.fullnameOverride | trunc 52 | trimSuffix "-" }}
{{- else if contains $name .Release.Name -}}
{{ .Release.Name | trunc 52 | trimSuffix "-" }}
{{- else -}}
{{ printf "%s-%s" .Release.Name $name | trunc 52 | trimSuffix "-" }}
{{- end -}}
{{- end }}

{{- define "exporter.namespace" -}}
{{ .Values.namespaceOverride | default .Release.Namespace }}
{{- end }}

{{- /* Name of objects outside the release's namespace. It includes the namespace, so releases in two namespaces do not collide. */ -}}
{{- define "exporter.qualifiedName" -}}
{{ include "exporter.namespace" . }}-{{ include "exporter.fullname" . }}
{{- end }}

{{- define "exporter.serviceAccountName" -}}
{{ .Values.serviceAccount.name | default (include "exporter.fullname" .) }}
{{- end }}

{{- define "exporter.leaseName" -}}
{{ .Values.leaderElection.leaseName | default (include "exporter.fullname" .) }}
{{- end }}

{{- define "exporter.selector" -}}
app.kubernetes.io/name: {{ include "exporter.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- /* imagePullSecrets of a pod, as a YAML list. Those of the parent chart may be names. */ -}}
{{- define "exporter.imagePullSecrets" -}}
{{- $all := list -}}
{{- range concat ((.Values.global | default dict).imagePullSecrets | default list) (.Values.imagePullSecrets | default list) -}}
{{- if kindIs "string" . }}{{ $all = append $all (dict "name" .) }}{{ else }}{{ $all = append $all . }}{{ end -}}
{{- end -}}
{{- with uniq $all }}{{ toYaml . }}{{ end -}}
{{- end }}

{{- define "exporter.labels" -}}
{{- $own := dict
  "app.kubernetes.io/version" (.Chart.AppVersion | toString)
  "app.kubernetes.io/managed-by" .Release.Service
  "helm.sh/chart" (printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_") -}}
{{- merge (include "exporter.selector" . | fromYaml) $own (.Values.commonLabels | default dict) | toYaml }}
{{- end }}

{{- /*
The metadata of an object. Takes a dict with root and optionally name, namespace, cluster (true: no namespace), labels, annotations, and
own: labels that replace the standard ones.
*/ -}}
{{- define "exporter.metadata" -}}
metadata:
  name: {{ .name | default (include "exporter.fullname" .root) }}
  {{- if not .cluster }}
  namespace: {{ .namespace | default (include "exporter.namespace" .root) }}
  {{- end }}
  labels:
    {{- merge (dict) (.own | default dict) (include "exporter.labels" .root | fromYaml) (.labels | default dict) | toYaml | nindent 4 }}
  {{- with .annotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end }}

{{- /* The path of externalURL, without a slash at its end. */ -}}
{{- define "exporter.externalPath" -}}
{{- with .Values.externalURL }}{{ trimSuffix "/" (urlParse .).path }}{{ end -}}
{{- end }}

{{- /* The host of externalURL, unless it is an IP address, which neither an Ingress nor an HTTPRoute can have. */ -}}
{{- define "exporter.externalHost" -}}
{{- with .Values.externalURL }}{{ with (urlParse .).hostname }}{{ if not (or (contains ":" .) (regexMatch `^[0-9.]+$` .)) }}{{ lower . }}{{ end }}{{ end }}{{ end -}}
{{- end }}

{{- /* What precedes the path of every request, without a slash at its end. */ -}}
{{- define "exporter.routePrefix" -}}
{{- if .Values.routePrefix -}}
{{- with trimAll "/" .Values.routePrefix }}/{{ . }}{{ end -}}
{{- else -}}
{{- include "exporter.externalPath" . -}}
{{- end -}}
{{- end }}

{{- define "exporter.image" -}}
{{- $i := .Values.image -}}
{{- with (.Values.global | default dict).imageRegistry | default $i.registry }}{{ trimSuffix "/" . }}/{{ end -}}
{{ $i.repository }}
{{- if $i.digest }}@{{ $i.digest }}{{ else }}:{{ $i.tag | default .Chart.AppVersion }}{{ end -}}
{{- end }}
