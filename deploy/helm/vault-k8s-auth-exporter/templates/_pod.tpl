{{- /* The pod template. */ -}}
{{- define "exporter.pod" -}}
{{- $v := .Values -}}
{{- $files := include "exporter.files" . | fromYamlArray -}}
metadata:
  labels:
    {{- merge (include "exporter.selector" . | fromYaml) $v.podLabels $v.commonLabels | toYaml | nindent 4 }}
  annotations:
    {{- $checksum := dict "checksum/environment" (include "exporter.environment" . | sha256sum) }}
    {{- merge $checksum $v.podAnnotations | toYaml | nindent 4 }}
spec:
  serviceAccountName: {{ include "exporter.serviceAccountName" . }}
  automountServiceAccountToken: false
  enableServiceLinks: false
  {{- with $v.imagePullSecrets }}
  imagePullSecrets:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $v.priorityClassName }}
  priorityClassName: {{ . }}
  {{- end }}
  securityContext:
    {{- toYaml $v.podSecurityContext | nindent 4 }}
  containers:
    - name: exporter
      image: {{ include "exporter.image" . | quote }}
      imagePullPolicy: {{ $v.image.pullPolicy }}
      args:
        - --log.level={{ $v.log.level }}
        - --log.format={{ $v.log.format }}
        {{- if $v.webConfig.existingSecret }}
        - --web.config.file=/etc/vault-k8s-auth-exporter/web/{{ $v.webConfig.key }}
        {{- end }}
        {{- with $v.extraArgs }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
      envFrom:
        - configMapRef: {name: {{ include "exporter.fullname" . }}}
      {{- with concat (include "exporter.podEnv" . | fromYamlArray) $v.extraEnv }}
      env:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      ports:
        - {name: metrics, containerPort: 10190}
        - {name: health, containerPort: 10191}
      livenessProbe:
        httpGet: {path: /healthz, port: health}
        timeoutSeconds: 5
      readinessProbe:
        httpGet: {path: /readyz, port: health}
        timeoutSeconds: 5
      securityContext:
        {{- toYaml $v.securityContext | nindent 8 }}
      {{- with $v.resources }}
      resources:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      volumeMounts:
        {{- range $files }}
        - {name: {{ .name }}, mountPath: {{ .mountPath }}, readOnly: true}
        {{- end }}
        {{- with $v.extraVolumeMounts }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
  volumes:
    {{- range $files }}
    {{- merge (dict "name" .name) .source | list | toYaml | nindent 4 }}
    {{- end }}
    {{- with $v.extraVolumes }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  {{- range $key := list "nodeSelector" "tolerations" "affinity" "topologySpreadConstraints" }}
  {{- with index $v $key }}
  {{ $key }}:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- end }}
{{- end }}

{{- /* Variables that refer to fields of the pod, unless extraEnv sets them. */ -}}
{{- define "exporter.podEnv" -}}
{{- $given := list -}}
{{- range .Values.extraEnv }}{{ $given = append $given .name }}{{ end -}}
{{- if and (.Values.resources.limits | default dict).memory (not (has "GOMEMLIMIT" $given)) }}
- name: GOMEMLIMIT
  valueFrom: {resourceFieldRef: {containerName: exporter, resource: limits.memory}}
{{- end }}
{{- if and .Values.sharding.enabled (not (has "EXPORTER_SHARD" $given)) }}
- name: EXPORTER_SHARD
  valueFrom: {fieldRef: {fieldPath: metadata.name}}
{{- end }}
{{- end }}
