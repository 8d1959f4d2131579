{{- /*
The template of a pod that runs exporter check once, with the configuration, files and permissions of the pods that probe. Its name label
differs, so that no Service, budget or workload selects it; the NetworkPolicy does.
*/ -}}
{{- define "exporter.checkPod" -}}
metadata:
  labels:
    {{- merge (include "exporter.checkSelector" . | fromYaml) (.Values.podLabels | default dict) (.Values.commonLabels | default dict) | toYaml | nindent 4 }}
  {{- with .Values.podAnnotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
spec:
  restartPolicy: Never
  {{- include "exporter.commonPodSpec" . | nindent 2 }}
  {{- with .Values.initContainers }}
  initContainers:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  containers:
    - {{ include "exporter.container" . | nindent 6 | trim }}
      {{- with (include "exporter.podEnv" (dict "values" .Values) | fromYamlArray) }}
      env:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      args: [check]
{{- end }}

{{- define "exporter.checkSelector" -}}
app.kubernetes.io/name: {{ include "exporter.checkName" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "exporter.checkName" -}}
{{ include "exporter.name" . | trunc 57 | trimSuffix "-" }}-check
{{- end }}
