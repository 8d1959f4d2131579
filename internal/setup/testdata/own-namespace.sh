# What vault-k8s-auth-exporter needs, printed by `exporter setup`, which changed nothing. Paste it into a
# shell in which vault may write policies and roles, and kubectl may create roles.
#
# Nothing was asked (--offline).
# --reviewer-secret names the reviewer's token in monitoring/reviewer/jwt. It is in the exporter's own
# namespace, so it is mounted, and the exporter needs no permission for it.
#
# WARNING: Whether the role canary exists is not known: if it does, it is overwritten. --vault-role names
# another.

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

# The exporter's service account, which is also the canary. It needs no permission in Kubernetes.
kubectl apply -f - <<'MANIFEST'
apiVersion: v1
kind: ServiceAccount
metadata: {name: vault-k8s-auth-exporter, namespace: monitoring}
MANIFEST

# 3. The values of the chart

cat > vault-k8s-auth-exporter-values.yaml <<'VALUES'
vault:
  addr: https://vault.example.com:8200
  mount: kubernetes
  role: canary

reviewer:
  mode: file
  existingSecret: reviewer
  key: jwt

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
