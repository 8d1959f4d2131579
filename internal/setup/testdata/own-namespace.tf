# What vault-k8s-auth-exporter needs, for Terraform or OpenTofu, printed by `exporter setup --output hcl`,
# which changed nothing. It uses the providers hashicorp/vault and hashicorp/kubernetes as your configuration
# sets them up; the namespace monitoring must exist.
#
# Nothing was asked (--offline).
# --reviewer-secret names the reviewer's token in monitoring/reviewer/jwt. It is in the exporter's own
# namespace, so it is mounted, and the exporter needs no permission for it.
#
# WARNING: Whether the role canary exists is not known: if it does, it is overwritten. --vault-role names
# another.

# The canary's role. Batch tokens with a TTL of 60 s are not stored in Vault and need no revocation. The
# policy allows only the reads that the exporter compares with what it finds, and asking what it allows.
resource "vault_policy" "vault_k8s_auth_exporter" {
  name   = "vault-k8s-auth-exporter"
  policy = <<-EOT
    path "auth/kubernetes/config"      { capabilities = ["read"] }
    path "auth/kubernetes/role/canary" { capabilities = ["read"] }
    path "sys/capabilities-self"       { capabilities = ["update"] }
  EOT
}

resource "vault_kubernetes_auth_backend_role" "vault_k8s_auth_exporter" {
  backend                          = "kubernetes"
  role_name                        = "canary"
  bound_service_account_names      = ["vault-k8s-auth-exporter"]
  bound_service_account_namespaces = ["monitoring"]
  audience                         = "vault"
  token_type                       = "batch"
  token_ttl                        = 60
  token_max_ttl                    = 60
  token_no_default_policy          = true
  token_policies                   = [vault_policy.vault_k8s_auth_exporter.name]
}

# Optional: with --diagnostic-cidr=ADDRESS, the exporter's address as Vault sees it, a diagnostic role is
# added, which proves more causes (docs/evidence.md).

# The exporter's service account, which is also the canary. It needs no permission in Kubernetes.
resource "kubernetes_service_account_v1" "vault_k8s_auth_exporter" {
  metadata {
    name      = "vault-k8s-auth-exporter"
    namespace = "monitoring"
  }
}

# The values of the chart, for a helm_release: values = [local.vault_k8s_auth_exporter_values]
locals {
  vault_k8s_auth_exporter_values = <<-EOT
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
  EOT
}
