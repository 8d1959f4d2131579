# What vault-k8s-auth-exporter needs, printed by `exporter setup`, which changed nothing. Paste it into a
# shell in which bao may write policies and roles, and kubectl may create roles.
#
# Vault 1.21.4 at https://vault.example.com:8200: the config of auth/kubernetes was read.
# The cluster at https://api.example.com:6443 was read.
# The mount's config has no token_reviewer_jwt, and disable_local_ca_jwt=true: Vault reviews each client's
# token with that same token. So every client, and the canary, must be allowed to create TokenReviews.

# 1. Vault

# The canary's role. Batch tokens with a TTL of 60 s are not stored in Vault and need no revocation. The
# policy allows only the reads that the exporter compares with what it finds, and asking what it allows.
# Vault reviews each token with that same token, so that it must be valid for the API server: the role
# requires the API server's own audience.
bao policy write exporter - <<'POLICY'
path "auth/kubernetes/config"      { capabilities = ["read"] }
path "auth/kubernetes/role/canary" { capabilities = ["read"] }
path "sys/capabilities-self"       { capabilities = ["update"] }
POLICY
bao write auth/kubernetes/role/canary \
  bound_service_account_names=exporter bound_service_account_namespaces=123 audience="$(kubectl -n default create token default -o jsonpath='{.spec.audiences[0]}')" \
  token_type=batch token_ttl=60s token_max_ttl=60s token_no_default_policy=true token_policies=exporter

# 2. Kubernetes

kubectl get namespace 123 > /dev/null 2>&1 || kubectl create namespace 123

# The exporter's service account, which is also the canary, and its only permission: create
# tokenreviews.authentication.k8s.io.
kubectl apply -f - <<'MANIFEST'
apiVersion: v1
kind: ServiceAccount
metadata: {name: exporter, namespace: "123"}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: "123-exporter"}
rules:
  - {apiGroups: ["authentication.k8s.io"], resources: [tokenreviews], verbs: [create]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: "123-exporter"}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: "123-exporter"}
subjects:
  - {kind: ServiceAccount, namespace: "123", name: exporter}
MANIFEST

# 3. The values of the chart

cat > vault-k8s-auth-exporter-values.yaml <<'VALUES'
vault:
  addr: https://vault.example.com:8200
  mount: kubernetes
  role: canary

# The API server as Vault reaches it, so that both see the same certificate. If pods cannot reach it, remove this.
kubernetes:
  host: https://api.example.com:6443
  thisCluster: true
  ca: {existingConfigMap: kube-root-ca.crt}

reviewer:
  mode: canary

# Created by what `exporter setup` prints; set both to true if the chart should create them instead.
serviceAccount: {create: false, name: exporter}
rbac: {create: false}
VALUES

# 4. Install the chart, and see what it finds
#
# The default image is that of a release. If yours is another (docs/installation.md#an-image-of-your-own), add
# all parts of its name to the values, such as:
#
#   image: {registry: registry.example.com, repository: team/vault-k8s-auth-exporter, tag: "1.2.3"}
#
#   helm install vault-k8s-auth-exporter deploy/helm/vault-k8s-auth-exporter --namespace 123 --values vault-k8s-auth-exporter-values.yaml
#   kubectl -n 123 exec deployment/vault-k8s-auth-exporter -- /exporter check
