# What vault-k8s-auth-exporter needs, printed by `exporter setup`, which changed nothing. Paste it into a
# shell in which vault may write policies and roles, and kubectl may create roles.
#
# Vault 1.21.4 at https://127.0.0.1:8200: the config of auth/kubernetes was read.
# The cluster at https://api.example.com:6443 was read.
# Vault reviews with the token of its own pod: the config has no token_reviewer_jwt, and
# disable_local_ca_jwt=false. Vault's pods in this cluster run as vault/vault. The exporter does not need that
# token: it asks the API server what the account may do.

# 1. Vault

# The canary's role. Batch tokens with a TTL of 60 s are not stored in Vault and need no revocation. The
# policy allows only the reads that the exporter compares with what it finds, and asking what it allows.
vault policy write vault-k8s-auth-exporter - <<'POLICY'
path "auth/kubernetes/config"      { capabilities = ["read"] }
path "auth/kubernetes/role/canary" { capabilities = ["read"] }
path "sys/capabilities-self"       { capabilities = ["update"] }
POLICY
vault write auth/kubernetes/role/canary \
  bound_service_account_names=vault-k8s-auth-exporter bound_service_account_namespaces=monitoring audience=vault \
  token_type=batch token_ttl=60s token_max_ttl=60s token_no_default_policy=true token_policies=vault-k8s-auth-exporter

# Optional: with --diagnostic-cidr=ADDRESS, the exporter's address as Vault sees it, a diagnostic role is
# added, which proves more causes (docs/evidence.md).

# 2. Kubernetes

kubectl get namespace monitoring > /dev/null 2>&1 || kubectl create namespace monitoring

# The exporter's service account, which is also the canary, and its only permission: create
# subjectaccessreviews.authorization.k8s.io.
kubectl apply -f - <<'MANIFEST'
apiVersion: v1
kind: ServiceAccount
metadata: {name: vault-k8s-auth-exporter, namespace: monitoring}
---
# The CA that verifies Vault.
apiVersion: v1
kind: ConfigMap
metadata: {name: vault-k8s-auth-exporter-vault-ca, namespace: monitoring}
data:
  ca.crt: |
    -----BEGIN CERTIFICATE-----
    MIIBfDCCASGgAwIBAgIUPfKDiP3XE3Wzh3iT2ro9QsEIlDgwCgYIKoZIzj0EAwIw
    EzERMA8GA1UEAwwIVmF1bHQgQ0EwHhcNMjYxMTI2MTkxNTAxWhcNMzYxMTIzMTkx
    NTAxWjATMREwDwYDVQQDDAhWYXVsdCBDQTBZMBMGByqGSM49AgEGCCqGSM49AwEH
    A0IABMqYSkRS7KlzdipSgzsA8iIMcmHw470VBnvJ8CvUbwoDsCdg36XN2CvFcsEt
    65b9ExDe8BI/fDFm7cSoyO3atb2jUzBRMB0GA1UdDgQWBBTFZh050Hfv+1nLWsOR
    P0llzeQoAjAfBgNVHSMEGDAWgBTFZh050Hfv+1nLWsORP0llzeQoAjAPBgNVHRMB
    Af8EBTADAQH/MAoGCCqGSM49BAMCA0kAMEYCIQDHM6/sSd4hi647FOKKfEpHV9CP
    yCJVWD7xCXE4SZP2ygIhAMaeVKsmW9VjyneddlPsi6ePejtjGAecl/8meLur78WC
    -----END CERTIFICATE-----
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: monitoring-vault-k8s-auth-exporter}
rules:
  - {apiGroups: ["authorization.k8s.io"], resources: [subjectaccessreviews], verbs: [create]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: monitoring-vault-k8s-auth-exporter}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: monitoring-vault-k8s-auth-exporter}
subjects:
  - {kind: ServiceAccount, namespace: monitoring, name: vault-k8s-auth-exporter}
MANIFEST

# 3. The values of the chart

cat > vault-k8s-auth-exporter-values.yaml <<'VALUES'
vault:
  addr: https://vault.vault.svc:443
  mount: kubernetes
  role: canary
  ca: {existingConfigMap: vault-k8s-auth-exporter-vault-ca}

reviewer:
  mode: accessreview
  serviceAccount: vault/vault

networkPolicy:
  egress:
    vault:
      to: [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: vault}}}]
      ports: [8200] # of Vault's pods, to which the Service translates its own

# Created by what `exporter setup` prints; set both to true if the chart should create them instead.
serviceAccount: {create: false, name: vault-k8s-auth-exporter}
rbac: {create: false}
VALUES

# 4. Install the chart, and see what it finds
#
# The default image is that of a release. If yours is another (docs/installation.md#an-image-of-your-own), add
# all parts of its name to the values, such as:
#
#   image: {registry: registry.example.com, repository: team/vault-k8s-auth-exporter, tag: "1.2.3"}
#
#   helm install vault-k8s-auth-exporter deploy/helm/vault-k8s-auth-exporter --namespace monitoring --values vault-k8s-auth-exporter-values.yaml
#   kubectl -n monitoring exec deployment/vault-k8s-auth-exporter -- /exporter check
