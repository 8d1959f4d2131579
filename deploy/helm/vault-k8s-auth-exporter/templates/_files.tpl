{{- /* The mounted volumes, as a list of name, mountPath and source. */ -}}
{{- define "exporter.files" -}}
{{- $v := .Values -}}
{{- $etc := "/etc/vault-k8s-auth-exporter" -}}
{{- $secrets := "/var/run/secrets/vault-k8s-auth-exporter" -}}
{{- $own := include "exporter.needsPodToken" . }}
- name: pod
  mountPath: /var/run/secrets/kubernetes.io/serviceaccount
  source:
    projected:
      sources:
        - configMap: {name: kube-root-ca.crt, items: [{key: ca.crt, path: ca.crt}]}
        - downwardAPI: {items: [{path: namespace, fieldRef: {fieldPath: metadata.namespace}}]}
        {{- if $own }}
        - serviceAccountToken: {expirationSeconds: 3607, path: token}
        {{- end }}
{{- if and (eq $v.canary.mode "file") (not $v.canary.tokenFile) }}
- name: canary
  mountPath: {{ $secrets }}/canary
  source:
    projected:
      sources:
        - serviceAccountToken:
            {{- with include "exporter.canaryAudience" . }}
            audience: {{ . | quote }}
            {{- end }}
            expirationSeconds: {{ int $v.canary.expirationSeconds }}
            path: token
{{- end }}
{{- if $v.reviewer.existingSecret }}
- name: reviewer
  mountPath: {{ $secrets }}/reviewer
  source: {secret: {secretName: {{ $v.reviewer.existingSecret }}, items: [{key: {{ $v.reviewer.key }}, path: {{ $v.reviewer.key }}}]}}
{{- end }}
{{- with $v.kubernetes.token.existingSecret }}
- name: kubernetes-token
  mountPath: {{ $secrets }}/kubernetes
  source: {secret: {secretName: {{ . }}, items: [{key: {{ $v.kubernetes.token.key }}, path: {{ $v.kubernetes.token.key }}}]}}
{{- else }}
{{- if $v.kubernetes.thisCluster }}
- name: kubernetes-token
  mountPath: {{ $secrets }}/kubernetes
  source: {projected: {sources: [{serviceAccountToken: {expirationSeconds: 3607, path: token}}]}}
{{- end }}
{{- end }}
{{- with $v.vault.token.existingSecret }}
- name: vault-token
  mountPath: {{ $secrets }}/vault
  source: {secret: {secretName: {{ . }}, items: [{key: {{ $v.vault.token.key }}, path: {{ $v.vault.token.key }}}]}}
{{- end }}
{{- with $v.vault.clientCertificate.existingSecret }}
- name: vault-client
  mountPath: {{ $secrets }}/vault-client
  source: {secret: {secretName: {{ . }}}}
{{- end }}
{{- include "exporter.ca" (dict "name" "vault-ca" "in" $etc "ca" $v.vault.ca) }}
{{- include "exporter.ca" (dict "name" "kubernetes-ca" "in" $etc "ca" $v.kubernetes.ca) }}
{{- with $v.webConfig.existingSecret }}
- name: web
  mountPath: {{ $etc }}/web
  source: {secret: {secretName: {{ . }}}}
{{- end }}
{{- if $v.targets }}
- name: targets
  mountPath: {{ $etc }}/targets
  source: {configMap: {name: {{ include "exporter.fullname" . }}-targets}}
{{- else if $v.targetsFrom.existingSecret }}
- name: targets
  mountPath: {{ $etc }}/targets
  source: {secret: {secretName: {{ $v.targetsFrom.existingSecret }}, items: [{key: {{ $v.targetsFrom.key }}, path: targets.yaml}]}}
{{- end }}
{{- end }}

{{- /* The Secrets and ConfigMaps behind the volumes, as path=kind/name, separated by commas. */ -}}
{{- define "exporter.volumes" -}}
{{- $volumes := list -}}
{{- range include "exporter.files" . | fromYamlArray -}}
{{- $path := .mountPath -}}
{{- with .source.secret }}{{ $volumes = append $volumes (printf "%s=secret/%s" $path .secretName) }}{{ end -}}
{{- with .source.configMap }}{{ $volumes = append $volumes (printf "%s=configmap/%s" $path .name) }}{{ end -}}
{{- end -}}
{{ join "," $volumes }}
{{- end }}

{{- define "exporter.ca" -}}
{{- if or .ca.existingConfigMap .ca.existingSecret }}
- name: {{ .name }}
  mountPath: {{ .in }}/{{ .name }}
  source:
    {{- if .ca.existingConfigMap }}
    configMap: {name: {{ .ca.existingConfigMap }}, items: [{key: {{ .ca.key }}, path: {{ .ca.key }}}]}
    {{- else }}
    secret: {secretName: {{ .ca.existingSecret }}, items: [{key: {{ .ca.key }}, path: {{ .ca.key }}}]}
    {{- end }}
{{- end }}
{{- end }}

{{- /* "true" if the pod's own token must be mounted at its usual path, for requests to the API server of the exporter's own cluster. */ -}}
{{- define "exporter.needsPodToken" -}}
{{- $needs := or .Values.leaderElection.enabled .Values.workloads.enabled .Values.kubernetesEvents.enabled -}}
{{- range (include "exporter.targets" . | fromJson).targets -}}
{{- $needs = or $needs (eq .reviewer "secret") (and .asks .home (not .kubernetes_token_file)) -}}
{{- end -}}
{{- if $needs }}true{{ end -}}
{{- end }}
