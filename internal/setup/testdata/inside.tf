# What vault-k8s-auth-exporter needs, for Terraform or OpenTofu, printed by `exporter setup --output hcl`,
# which changed nothing. It uses the providers hashicorp/vault and hashicorp/kubernetes as your configuration
# sets them up; the namespace monitoring must exist.
#
# Vault 1.21.4 at https://127.0.0.1:8200: the config of auth/kubernetes was read.
# The cluster at https://api.example.com:6443 was read.
# Vault reviews with the token of its own pod: the config has no token_reviewer_jwt, and
# disable_local_ca_jwt=false. Vault's pods in this cluster run as vault/vault. The exporter does not need that
# token: it asks the API server what the account may do.

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

# The exporter's service account, which is also the canary, and its only permission: create
# subjectaccessreviews.authorization.k8s.io.
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

resource "kubernetes_cluster_role_v1" "vault_k8s_auth_exporter" {
  metadata {
    name = "monitoring-vault-k8s-auth-exporter"
  }
  rule {
    api_groups = ["authorization.k8s.io"]
    resources  = ["subjectaccessreviews"]
    verbs      = ["create"]
  }
}

resource "kubernetes_cluster_role_binding_v1" "vault_k8s_auth_exporter" {
  metadata {
    name = "monitoring-vault-k8s-auth-exporter"
  }
  role_ref {
    api_group = "rbac.authorization.k8s.io"
    kind      = "ClusterRole"
    name      = kubernetes_cluster_role_v1.vault_k8s_auth_exporter.metadata[0].name
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
  EOT
}
