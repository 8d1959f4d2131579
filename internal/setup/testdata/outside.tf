# What vault-k8s-auth-exporter needs, for Terraform or OpenTofu, printed by `exporter setup --output hcl`,
# which changed nothing. It uses the providers hashicorp/vault and hashicorp/kubernetes as your configuration
# sets them up; the namespace monitoring must exist.
#
# Vault 1.21.4 at https://vault.example.com:8200: the config of auth/k8s/prod was read.
# The cluster at https://api.example.com:6443 was read.
# The mount's config has a token_reviewer_jwt, which Vault never returns. The Secret vault/vault-auth-token is
# the only one with a token of an account that is bound to system:auth-delegator, vault/vault-auth. If Vault
# has the token of another one, name it with --reviewer-secret. The exporter reads that one Secret in every
# run, so a renewed token needs no restart.

# The canary's role. Batch tokens with a TTL of 60 s are not stored in Vault and need no revocation. The
# policy allows only the reads that the exporter compares with what it finds, and asking what it allows.
resource "vault_policy" "vault_k8s_auth_exporter" {
  namespace = "admin/team-a"
  name      = "vault-k8s-auth-exporter-k8s-prod"
  policy    = <<-EOT
    path "auth/k8s/prod/config"      { capabilities = ["read"] }
    path "auth/k8s/prod/role/canary" { capabilities = ["read"] }
    path "sys/capabilities-self"     { capabilities = ["update"] }
  EOT
}

resource "vault_kubernetes_auth_backend_role" "vault_k8s_auth_exporter" {
  namespace                        = "admin/team-a"
  backend                          = "k8s/prod"
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

# The diagnostic role admits nobody: no namespace has that label. Vault's refusal says how its own call to
# Kubernetes ended, to every client from these addresses (docs/security.md). Needs version 4.6 of the
# provider.
resource "vault_kubernetes_auth_backend_role" "vault_k8s_auth_exporter_diagnostic" {
  namespace                                = "admin/team-a"
  backend                                  = "k8s/prod"
  role_name                                = "vault-k8s-auth-diagnostic"
  bound_service_account_names              = ["vault-k8s-auth-exporter"]
  audience                                 = "vault"
  bound_service_account_namespace_selector = "{\"matchLabels\":{\"vault-k8s-auth-exporter/never-set\":\"true\"}}"
  token_bound_cidrs                        = ["10.0.12.0/24", "10.0.13.7"]
}

# The exporter's service account, which is also the canary, and its only permission: get secrets
# vault-auth-token in the namespace vault.
resource "kubernetes_service_account_v1" "vault_k8s_auth_exporter" {
  metadata {
    name      = "vault-k8s-auth-exporter"
    namespace = "monitoring"
  }
}

# The CA that verifies Vault.
resource "kubernetes_config_map_v1" "vault_k8s_auth_exporter_vault_ca" {
  metadata {
    name      = "vault-k8s-auth-exporter-vault-ca"
    namespace = "monitoring"
  }
  data = {
    "ca.crt" = <<-EOT
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
    EOT
  }
}

resource "kubernetes_role_v1" "vault_k8s_auth_exporter" {
  metadata {
    name      = "monitoring-vault-k8s-auth-exporter"
    namespace = "vault"
  }
  rule {
    api_groups     = [""]
    resources      = ["secrets"]
    verbs          = ["get"]
    resource_names = ["vault-auth-token"]
  }
}

resource "kubernetes_role_binding_v1" "vault_k8s_auth_exporter" {
  metadata {
    name      = "monitoring-vault-k8s-auth-exporter"
    namespace = "vault"
  }
  role_ref {
    api_group = "rbac.authorization.k8s.io"
    kind      = "Role"
    name      = kubernetes_role_v1.vault_k8s_auth_exporter.metadata[0].name
  }
  subject {
    kind      = "ServiceAccount"
    namespace = "monitoring"
    name      = kubernetes_service_account_v1.vault_k8s_auth_exporter.metadata[0].name
  }
}

# The values of the chart, for a helm_release: values = [local.vault_k8s_auth_exporter_values]
locals {
  vault_k8s_auth_exporter_values = <<-EOT
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
  EOT
}
