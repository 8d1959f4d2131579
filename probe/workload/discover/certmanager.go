package discover

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/workload"
)

// cert-manager. https://cert-manager.io/docs/configuration/vault/
const (
	certManagerName  = "cert-manager"
	certManagerGroup = "cert-manager.io"
)

var certManagerSources = []Source{
	{
		Kind: "Issuer", Plural: "issuers", Group: certManagerGroup, Versions: []string{"v1"},
		Software: "cert-manager", Reads: "vault: server, namespace, auth.kubernetes",
		list: into(func(f *facts) collector[issuer] { return &f.issuers }),
	},
	{
		Kind: "ClusterIssuer", Plural: "clusterissuers", Group: certManagerGroup, Versions: []string{"v1"}, ClusterScoped: true,
		Software: "cert-manager", Reads: "the same",
		list: into(func(f *facts) collector[issuer] { return &f.clusterIssuers }),
	},
}

// issuer is an Issuer or a ClusterIssuer. Auth methods are tried in a fixed order, in which
// kubernetes is the last but one.
type issuer struct {
	metadata
	Spec struct {
		Vault *struct {
			Server, Namespace string
			Auth              struct {
				TokenSecretRef, AppRole, ClientCertificate *struct{}
				Kubernetes                                 *struct {
					MountPath, Role   string
					SecretRef         struct{ Name string }
					ServiceAccountRef *struct {
						Name      string
						Audiences []string
					}
				}
			}
		}
	}
}

func (f *facts) resolveCertManager(b *builder) {
	for _, i := range f.issuers {
		f.addIssuer(b, i, i.object("Issuer"), "issuers."+certManagerGroup)
	}
	for _, i := range f.clusterIssuers {
		f.addIssuer(b, i, i.object("ClusterIssuer"), "clusterissuers."+certManagerGroup)
	}
}

func (f *facts) addIssuer(b *builder, i issuer, o workload.Object, source string) {
	v := i.Spec.Vault
	if v == nil || v.Auth.Kubernetes == nil || v.Auth.TokenSecretRef != nil || v.Auth.AppRole != nil || v.Auth.ClientCertificate != nil {
		return // another auth method, or no Vault
	}
	k, manager := v.Auth.Kubernetes, f.certManager()
	namespace := cmp.Or(i.Metadata.Namespace, manager.namespace)
	// cert-manager requests mountPath + "/login".
	mount, below := strings.CutPrefix("/"+strings.Trim(cmp.Or(k.MountPath, "/v1/auth/kubernetes"), "/"), "/v1/auth/")
	switch {
	case k.SecretRef.Name != "":
		b.skip(o, "it logs in with a token from the Secret "+k.SecretRef.Name+", and Secrets are not read", 0)
	case k.ServiceAccountRef == nil:
		b.skip(o, "it names no service account", 0)
	case namespace == "":
		b.skip(o, "its service account is in cert-manager's namespace, and no pod or more than one says which that is", 0)
	case !below:
		b.skip(o, "its mountPath does not begin with /v1/auth/, as cert-manager needs it", 0)
	default:
		audiences := append(slices.Clone(k.ServiceAccountRef.Audiences), "vault://"+key{i.Metadata.Namespace, i.Metadata.Name}.String())
		if manager.sendsServer && v.Server != "" {
			audiences = append(audiences, v.Server)
		}
		b.add(workload.Login{
			Address: v.Server, Namespace: v.Namespace, Mount: mount, Role: k.Role,
			ServiceAccount: account(namespace, k.ServiceAccountRef.Name), Audiences: workload.JoinAudiences(audiences),
		}, source, o, 0)
	}
}

// certManager is what the installation of cert-manager decides.
type certManager struct {
	// namespace is that of what a ClusterIssuer refers to, empty if it is not known.
	namespace string
	// sendsServer is whether the address of Vault is an audience of each token, as since 1.20.
	sendsServer bool
}

func (f *facts) certManager() certManager {
	controller, known := f.pods.operator(certManagerName)
	if !known {
		return certManager{sendsServer: true}
	}
	namespace := controller.flags["cluster-resource-namespace"]
	switch namespace {
	case "":
		namespace = "kube-system"
	case "$(POD_NAMESPACE)":
		namespace = controller.namespace
	}
	return certManager{namespace, !isBefore(controller.version, 20)}
}

// isBefore reports whether a version of cert-manager is older than 1.minor.
func isBefore(version string, minor int) bool {
	parts := strings.Split(strings.TrimPrefix(version, "v"), ".")
	if len(parts) < 2 || parts[0] != "1" {
		return false
	}
	n, err := strconv.Atoi(parts[1])
	return err == nil && n < minor
}
