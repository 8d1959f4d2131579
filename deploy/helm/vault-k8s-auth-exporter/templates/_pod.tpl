{{- /* The template of the pods that probe. */ -}}
{{- define "exporter.pod" -}}
metadata:
  labels:
    {{- merge (include "exporter.selector" . | fromYaml) (.Values.podLabels | default dict) (.Values.commonLabels | default dict) | toYaml | nindent 4 }}
  annotations:
    {{- $checksum := dict "checksum/environment" (include "exporter.environment" . | sha256sum) }}
    {{- merge $checksum (.Values.podAnnotations | default dict) | toYaml | nindent 4 }}
spec:
  {{- include "exporter.commonPodSpec" . | nindent 2 }}
  {{- include "exporter.stateVolume" . | nindent 4 }}
  {{- range $key := list "terminationGracePeriodSeconds" "affinity" "topologySpreadConstraints" "initContainers" }}
  {{- with get $.Values $key }}
  {{ $key }}:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- end }}
  containers:
    - {{ include "exporter.container" . | nindent 6 | trim }}
        {{- if .Values.state.enabled }}
        - {name: state, mountPath: {{ include "exporter.stateFile" . | dir }}}
        {{- end }}
      {{- with (include "exporter.podEnv" (dict "values" .Values "shard" .Values.sharding.enabled) | fromYamlArray) }}
      env:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      args:
        {{- include "exporter.arguments" .Values | nindent 8 }}
      ports:
        - {name: metrics, containerPort: 10190}
        - {name: health, containerPort: 10191}
      livenessProbe:
        {{- include "exporter.probe" (dict "path" "/healthz" "own" .Values.livenessProbe) | nindent 8 }}
      readinessProbe:
        {{- include "exporter.probe" (dict "path" "/readyz" "own" .Values.readinessProbe) | nindent 8 }}
      {{- range $key := list "startupProbe" "lifecycle" }}
      {{- with get $.Values $key }}
      {{ $key }}:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- end }}
    {{- with .Values.extraContainers }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
{{- end }}

{{- /* What the pods that probe have in common with those that run exporter check. Ends in the list of volumes. */ -}}
{{- define "exporter.commonPodSpec" -}}
{{- $v := .Values -}}
serviceAccountName: {{ include "exporter.serviceAccountName" . }}
automountServiceAccountToken: false
enableServiceLinks: false
{{- with include "exporter.imagePullSecrets" . }}
imagePullSecrets:
  {{- . | nindent 2 }}
{{- end }}
{{- with include "exporter.podSecurityContext" . }}
securityContext:
  {{- . | nindent 2 }}
{{- end }}
{{- range $key := list "priorityClassName" "nodeSelector" "tolerations" "hostAliases" "dnsPolicy" "dnsConfig" }}
{{- with get $v $key }}
{{ $key }}:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}
volumes:
  {{- range include "exporter.files" . | fromYamlArray }}
  {{- merge (dict "name" .name) .source | list | toYaml | nindent 2 }}
  {{- end }}
  {{- with $v.extraVolumes }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end }}

{{- /* The container, without its arguments, its variables and what a server has. Ends in the list of mounts. */ -}}
{{- define "exporter.container" -}}
{{- $v := .Values -}}
name: exporter
image: {{ include "exporter.image" . | quote }}
imagePullPolicy: {{ $v.image.pullPolicy }}
envFrom:
  - configMapRef: {name: {{ include "exporter.fullname" . }}}
  {{- with $v.extraEnvFrom }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- range $key := list "securityContext" "resources" }}
{{- with get $v $key }}
{{ $key }}:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}
volumeMounts:
  {{- range include "exporter.files" . | fromYamlArray }}
  - {name: {{ .name }}, mountPath: {{ .mountPath }}, readOnly: true}
  {{- end }}
  {{- with $v.extraVolumeMounts }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end }}

{{- define "exporter.arguments" -}}
- --log.level={{ .log.level }}
- --log.format={{ .log.format }}
{{- if .webConfig.existingSecret }}
- --web.config.file=/etc/vault-k8s-auth-exporter/web/{{ .webConfig.key }}
{{- end }}
{{- with .routePrefix }}
- --web.route-prefix={{ . }}
{{- end }}
{{- with .extraArgs }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- /* A probe of the health port. own: changes to it, or another way to probe. */ -}}
{{- define "exporter.probe" -}}
{{- $own := .own | default dict -}}
{{- $probe := dict "timeoutSeconds" 5 -}}
{{- if not (or $own.httpGet $own.exec $own.tcpSocket $own.grpc) -}}
{{- $_ := set $probe "httpGet" (dict "path" .path "port" "health") -}}
{{- end -}}
{{- merge (dict) $own $probe | toYaml -}}
{{- end }}

{{- /* The pod's securityContext. OpenShift assigns the IDs, and admits no others. */ -}}
{{- define "exporter.podSecurityContext" -}}
{{- $context := .Values.podSecurityContext | default dict -}}
{{- if include "exporter.onOpenShift" . }}{{ $context = omit $context "runAsUser" "runAsGroup" "fsGroup" }}{{ end -}}
{{- with $context }}{{ toYaml . }}{{ end -}}
{{- end }}

{{- define "exporter.onOpenShift" -}}
{{- $set := toString .Values.openshift -}}
{{- if or (eq $set "true") (and (eq $set "auto") (.Capabilities.APIVersions.Has "security.openshift.io/v1")) }}true{{ end -}}
{{- end }}

{{- /* The variables of a pod. extraEnv takes precedence. shard: whether the pod is one of several shards. */ -}}
{{- define "exporter.podEnv" -}}
{{- $extra := .values.extraEnv | default list -}}
{{- $given := list }}{{ range $extra }}{{ $given = append $given .name }}{{ end -}}
{{- $limit := include "exporter.goMemoryLimit" (.values.resources | default dict) -}}
{{- if and $limit (not (has "GOMEMLIMIT" $given)) }}
- {name: GOMEMLIMIT, value: {{ quote $limit }}}
{{- end }}
{{- if and .shard (not (has "EXPORTER_SHARD" $given)) }}
- {name: EXPORTER_SHARD, valueFrom: {fieldRef: {fieldPath: metadata.name}}}
{{- end }}
{{- with $extra }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- /* 90 % of the memory limit, in bytes: what the Go runtime does not count needs the rest. Empty without a limit. */ -}}
{{- define "exporter.goMemoryLimit" -}}
{{- $limit := (.limits | default dict).memory | toString -}}
{{- $number := regexFind "^[0-9.]+([eE][+]?[0-9]+)?" $limit -}}
{{- $unit := get (dict "" 1 "k" 1e3 "M" 1e6 "G" 1e9 "T" 1e12 "Ki" 1024 "Mi" 1048576 "Gi" 1073741824 "Ti" 1099511627776) (trimPrefix $number $limit) -}}
{{- if and $number $unit }}{{ mulf (float64 $number) $unit 0.9 | floor | int64 }}{{ end -}}
{{- end }}
