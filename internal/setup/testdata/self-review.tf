# What vault-k8s-auth-exporter needs, for Terraform or OpenTofu, printed by `exporter setup --output hcl`,
# which changed nothing. It uses the providers hashicorp/vault and hashicorp/kubernetes as your configuration
# sets them up; the namespace 123 must exist.
#
# Vault 1.21.4 at https://vault.example.com:8200: the config of auth/kubernetes was read.
# The cluster at https://api.example.com:6443 was read.
# The mount's config has no token_reviewer_jwt, and disable_local_ca_jwt=true: Vault reviews each client's
# token with that same token. So every client, and the canary, must be allowed to create TokenReviews.

# Vault reviews each token with that same token, so that it must be valid for the API server: the role
# requires the API server's own audience.
variable "vault_k8s_auth_exporter_audience" {
  type        = string
  description = "the output of: kubectl -n default create token default -o jsonpath='{.spec.audiences[0]}'"
}

# The canary's role. Batch tokens with a TTL of 60 s are not stored in Vault and need no revocation. The
# policy allows only the reads that the exporter compares with what it finds, and asking what it allows.
resource "vault_policy" "vault_k8s_auth_exporter" {
  name   = "exporter"
  policy = <<-EOT
    path "auth/kubernetes/config"      { capabilities = ["read"] }
    path "auth/kubernetes/role/canary" { capabilities = ["read"] }
    path "sys/capabilities-self"       { capabilities = ["update"] }
  EOT
}

resource "vault_kubernetes_auth_backend_role" "vault_k8s_auth_exporter" {
  backend                          = "kubernetes"
  role_name                        = "canary"
  bound_service_account_names      = ["exporter"]
  bound_service_account_namespaces = ["123"]
  audience                         = var.vault_k8s_auth_exporter_audience
  token_type                       = "batch"
  token_ttl                        = 60
  token_max_ttl                    = 60
  token_no_default_policy          = true
  token_policies                   = [vault_policy.vault_k8s_auth_exporter.name]
}

# The exporter's service account, which is also the canary, and its only permission: create
# tokenreviews.authentication.k8s.io.
resource "kubernetes_service_account_v1" "vault_k8s_auth_exporter" {
  metadata {
    name      = "exporter"
    namespace = "123"
  }
}

resource "kubernetes_cluster_role_v1" "vault_k8s_auth_exporter" {
  metadata {
    name = "123-exporter"
  }
  rule {
    api_groups = ["authentication.k8s.io"]
    resources  = ["tokenreviews"]
    verbs      = ["create"]
  }
}

resource "kubernetes_cluster_role_binding_v1" "vault_k8s_auth_exporter" {
  metadata {
    name = "123-exporter"
  }
  role_ref {
    api_group = "rbac.authorization.k8s.io"
    kind      = "ClusterRole"
    name      = kubernetes_cluster_role_v1.vault_k8s_auth_exporter.metadata[0].name
  }
  subject {
    kind      = "ServiceAccount"
    namespace = "123"
    name      = kubernetes_service_account_v1.vault_k8s_auth_exporter.metadata[0].name
  }
}

# The values of the chart, for a helm_release: values = [local.vault_k8s_auth_exporter_values]
locals {
  vault_k8s_auth_exporter_values = <<-EOT
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
  EOT
}
