# What vault-k8s-auth-exporter needs, printed by `exporter setup`, which changed nothing. Paste it into a
# shell in which vault may write policies and roles, and kubectl may create roles.
#
# Vault 1.21.4 at https://vault.example.com:8200: the config of auth/k8s/prod was read.
# The cluster at https://api.example.com:6443 was read.
# The mount's config has a token_reviewer_jwt, which Vault never returns. The Secret vault/vault-auth-token is
# the only one with a token of an account that is bound to system:auth-delegator, vault/vault-auth. If Vault
# has the token of another one, name it with --reviewer-secret. The exporter reads that one Secret in every
# run, so a renewed token needs no restart.

# 1. Vault

# The canary's role. Batch tokens with a TTL of 60 s are not stored in Vault and need no revocation. The
# policy allows only the reads that the exporter compares with what it finds, and asking what it allows.
vault policy write -namespace=admin/team-a vault-k8s-auth-exporter-k8s-prod - <<'POLICY'
path "auth/k8s/prod/config"      { capabilities = ["read"] }
path "auth/k8s/prod/role/canary" { capabilities = ["read"] }
path "sys/capabilities-self"     { capabilities = ["update"] }
POLICY
vault write -namespace=admin/team-a auth/k8s/prod/role/canary \
  bound_service_account_names=vault-k8s-auth-exporter bound_service_account_namespaces=monitoring audience=vault \
  token_type=batch token_ttl=60s token_max_ttl=60s token_no_default_policy=true token_policies=vault-k8s-auth-exporter-k8s-prod

# The diagnostic role admits nobody: no namespace has that label. Vault's refusal says how its own call to
# Kubernetes ended, to every client from these addresses (docs/security.md).
vault write -namespace=admin/team-a auth/k8s/prod/role/vault-k8s-auth-diagnostic \
  bound_service_account_names=vault-k8s-auth-exporter audience=vault \
  bound_service_account_namespace_selector='{"matchLabels":{"vault-k8s-auth-exporter/never-set":"true"}}' \
  token_bound_cidrs='10.0.12.0/24,10.0.13.7'

# 2. Kubernetes

kubectl --context=arn:aws:eks:eu-1:123:cluster/prod get namespace monitoring > /dev/null 2>&1 || kubectl --context=arn:aws:eks:eu-1:123:cluster/prod create namespace monitoring

# The exporter's service account, which is also the canary, and its only permission: get secrets
# vault-auth-token in the namespace vault.
kubectl --context=arn:aws:eks:eu-1:123:cluster/prod apply -f - <<'MANIFEST'
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
kind: Role
metadata: {name: monitoring-vault-k8s-auth-exporter, namespace: vault}
rules:
  - {apiGroups: [""], resources: [secrets], verbs: [get], resourceNames: [vault-auth-token]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: monitoring-vault-k8s-auth-exporter, namespace: vault}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: monitoring-vault-k8s-auth-exporter}
subjects:
  - {kind: ServiceAccount, namespace: monitoring, name: vault-k8s-auth-exporter}
MANIFEST

# 3. The values of the chart

cat > vault-k8s-auth-exporter-values.yaml <<'VALUES'
vault:
  addr: https://vault.example.com:8200
  namespace: admin/team-a
  mount: k8s/prod
  role: canary
  tlsServerName: vault.internal
  diagnosticRole: vault-k8s-auth-diagnostic
  ca: {existingConfigMap: vault-k8s-auth-exporter-vault-ca}

# The API server as Vault reaches it, so that both see the same certificate. If pods cannot reach it, remove this.
kubernetes:
  host: https://api.example.com:6443
  ca: {existingConfigMap: kube-root-ca.crt}

reviewer:
  mode: secret
  secret: vault/vault-auth-token/token

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
#   helm --kube-context=arn:aws:eks:eu-1:123:cluster/prod install vault-k8s-auth-exporter deploy/helm/vault-k8s-auth-exporter --namespace monitoring --values vault-k8s-auth-exporter-values.yaml
#   kubectl --context=arn:aws:eks:eu-1:123:cluster/prod -n monitoring exec deployment/vault-k8s-auth-exporter -- /exporter check
