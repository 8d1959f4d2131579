{{- /* Where the exporter keeps its state; empty if it keeps none. */ -}}
{{- define "exporter.stateFile" -}}
{{- if .Values.state.enabled }}/var/lib/vault-k8s-auth-exporter/state{{ end -}}
{{- end }}

{{- /* "true" if the state is in a PersistentVolumeClaim. */ -}}
{{- define "exporter.stateHasClaim" -}}
{{- if and .Values.state.enabled (or .Values.state.existingClaim .Values.state.persistentVolumeClaim) }}true{{ end -}}
{{- end }}

{{- define "exporter.stateClaimName" -}}
{{ .Values.state.existingClaim | default (printf "%s-state" (include "exporter.fullname" .)) }}
{{- end }}

{{- /* The pod's volume, as a list; empty where each shard has a claim of its own. The file has at most 16 MiB, and there are up to three. */ -}}
{{- define "exporter.stateVolume" -}}
{{- $claim := include "exporter.stateHasClaim" . -}}
{{- if and .Values.state.enabled (not (and $claim .Values.sharding.enabled)) }}
- name: state
  {{- if $claim }}
  persistentVolumeClaim: {claimName: {{ include "exporter.stateClaimName" . }}}
  {{- else }}
  emptyDir: {sizeLimit: 64Mi}
  {{- end }}
{{- end }}
{{- end }}
