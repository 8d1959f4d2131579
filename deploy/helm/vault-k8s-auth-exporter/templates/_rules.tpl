{{- /*
Only the permissions that the modes require. JSON: {"cluster": [rule], "namespaces": {namespace: [rule]}}. For a target in another
cluster, the permissions must be granted in that cluster.
*/ -}}
{{- define "exporter.rules" -}}
{{- $cluster := list -}}
{{- $namespaces := dict -}}
{{- $mint := dict "apiGroups" (list "") "resources" (list "serviceaccounts/token") "verbs" (list "create") -}}
{{- $reviews := dict "apiGroups" (list "authentication.k8s.io") "resources" (list "tokenreviews") "verbs" (list "create") -}}
{{- range (include "exporter.targets" . | fromJson).targets -}}
{{- if eq .reviewer "secret" -}}
{{- $secret := splitList "/" .reviewer_secret -}}
{{- $rule := dict "apiGroups" (list "") "resources" (list "secrets") "resourceNames" (list (index $secret 1)) "verbs" (list "get") -}}
{{- $_ := set $namespaces (first $secret) (append (get $namespaces (first $secret) | default list) $rule) -}}
{{- end -}}
{{- if .home -}}
{{- $minted := list -}}
{{- if eq .reviewer "serviceaccount" }}{{ $minted = append $minted .reviewer_service_account }}{{ end -}}
{{- if eq .canary "serviceaccount" }}{{ $minted = append $minted .canary_service_account }}{{ end -}}
{{- range $minted -}}
{{- $account := splitList "/" . -}}
{{- $rule := merge (dict "resourceNames" (list (index $account 1))) $mint -}}
{{- $_ := set $namespaces (first $account) (append (get $namespaces (first $account) | default list) $rule) -}}
{{- end -}}
{{- if eq .reviewer "accessreview" -}}
{{- $cluster = append $cluster (dict "apiGroups" (list "authorization.k8s.io") "resources" (list "subjectaccessreviews") "verbs" (list "create")) -}}
{{- end -}}
{{- /* If each client reviews itself, the pod needs the same permission as every client. */ -}}
{{- if or $.Values.reviewerReview (and (eq .reviewer "canary") (eq .canary "file") (not $.Values.canary.tokenFile)) -}}
{{- $cluster = append $cluster $reviews -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- if .Values.leaderElection.enabled -}}
{{- $lease := dict "apiGroups" (list "coordination.k8s.io") "resources" (list "leases") -}}
{{- $own := include "exporter.namespace" . -}}
{{- $_ := set $namespaces $own (concat (get $namespaces $own | default list) (list
  (merge (dict "verbs" (list "create")) $lease)
  (merge (dict "verbs" (list "get" "update") "resourceNames" (list (include "exporter.leaseName" .))) $lease))) -}}
{{- end -}}
{{- with .Values.kubernetesEvents -}}
{{- if .enabled -}}
{{- $in := include "exporter.namespace" $ -}}
{{- with .object }}{{ $in = index (splitList "/" .) 1 }}{{ end -}}
{{- $_ := set $namespaces $in (append (get $namespaces $in | default list)
  (dict "apiGroups" (list "events.k8s.io") "resources" (list "events") "verbs" (list "create" "patch"))) -}}
{{- end -}}
{{- end -}}
{{- range $namespace, $rules := $namespaces }}{{ $_ := set $namespaces $namespace (uniq $rules) }}{{ end -}}
{{- dict "cluster" (uniq $cluster) "namespaces" $namespaces | toJson -}}
{{- end }}

{{- /*
What it takes to read who logs in to Vault: the kinds of discover.Sources. JSON: {"cluster": [rule], "namespaces": [rule]}, of kinds in no
namespace and of the others.
*/ -}}
{{- define "exporter.workloadRules" -}}
{{- $namespaces := list
  (list "" "pods" "serviceaccounts")
  (list "apps" "deployments" "statefulsets" "daemonsets")
  (list "batch" "cronjobs" "jobs")
  (list "secrets.hashicorp.com" "vaultauths" "vaultauthglobals" "vaultconnections" "vaultstaticsecrets" "vaultdynamicsecrets" "vaultpkisecrets" "csisecrets")
  (list "external-secrets.io" "secretstores" "externalsecrets" "pushsecrets")
  (list "generators.external-secrets.io" "vaultdynamicsecrets")
  (list "secrets-store.csi.x-k8s.io" "secretproviderclasses")
  (list "cert-manager.io" "issuers") -}}
{{- $cluster := list
  (list "external-secrets.io" "clustersecretstores")
  (list "generators.external-secrets.io" "clustergenerators")
  (list "storage.k8s.io" "csidrivers")
  (list "cert-manager.io" "clusterissuers") -}}
{{- $rules := dict -}}
{{- range $scope, $kinds := dict "cluster" $cluster "namespaces" $namespaces -}}
{{- range $kinds -}}
{{- $_ := set $rules $scope (append (get $rules $scope | default list) (dict "apiGroups" (list (first .)) "resources" (rest .) "verbs" (list "list"))) -}}
{{- end -}}
{{- end -}}
{{- $rules | toJson -}}
{{- end }}
