package diagnose

// Component is what has to be fixed. It determines the owner.
type Component string

// The components. ComponentNone belongs to a healthy verdict.
const (
	ComponentNone              Component = "none"
	ComponentVault             Component = "vault"
	ComponentMount             Component = "mount"
	ComponentRole              Component = "role"
	ComponentReviewer          Component = "reviewer"
	ComponentVaultToKubernetes Component = "vault_to_kubernetes"
	ComponentKubernetes        Component = "kubernetes"
	ComponentCanary            Component = "canary"
	ComponentExporter          Component = "exporter"
	ComponentUnknown           Component = "unknown"
)

// Components lists every component that can be at fault.
var Components = []Component{
	ComponentVault, ComponentMount, ComponentRole, ComponentReviewer, ComponentVaultToKubernetes,
	ComponentKubernetes, ComponentCanary, ComponentExporter, ComponentUnknown,
}

// Owner returns a phrase for what has to be fixed, to follow the word owner.
func (c Component) Owner() string { return owners[c] }

var owners = map[Component]string{
	ComponentVault:             "Vault",
	ComponentMount:             "the auth mount in Vault",
	ComponentRole:              "the role in Vault",
	ComponentReviewer:          "the reviewer token",
	ComponentVaultToKubernetes: "the path from Vault to Kubernetes",
	ComponentKubernetes:        "Kubernetes",
	ComponentCanary:            "the canary",
	ComponentExporter:          "the exporter itself",
	ComponentUnknown:           "not known",
}

// Reason is the cause of a verdict, from a closed set. Each is declared next to its [Spec],
// in the file of its component.
type Reason string

// None is the reason of a healthy verdict.
const None Reason = "none"

// Certainty says how a verdict was reached.
type Certainty string

const (
	// Proven means that a response says so and nothing else explains it.
	Proven Certainty = "proven"
	// ByElimination means that every other distinguishable cause was ruled out.
	ByElimination Certainty = "by_elimination"
)

// Component returns the component that has to be fixed.
func (r Reason) Component() Component { return specOf[r].Component }

// Title returns a short description, the same for every target.
func (r Reason) Title() string { return specOf[r].Title }

// Backoff reports whether the reason is that a server asks for fewer requests.
func (r Reason) Backoff() bool { return specOf[r].Backoff }

// Runbook returns the section of the documentation on the reason, empty for None.
func (r Reason) Runbook() string {
	switch r {
	case None:
		return ""
	case ServiceAccountMissing:
		return "docs/workloads.md#" + string(r)
	}
	return "docs/reasons.md#" + string(r)
}

// LoginStatus is whether pods can log in, according to one run.
type LoginStatus string

// The values of LoginStatus. The zero value is none of them, so that nothing is healthy by
// default.
const (
	LoginsWork LoginStatus = "work"
	LoginsFail LoginStatus = "fail"
	// LoginsUnknown means that the exporter or its canary is at fault, which says nothing
	// about pods.
	LoginsUnknown LoginStatus = "unknown"
)

// LoginStatus returns what the reason says about whether pods can log in.
func (r Reason) LoginStatus() LoginStatus {
	switch r.Component() {
	case ComponentNone:
		return LoginsWork
	case ComponentCanary, ComponentExporter:
		return LoginsUnknown
	}
	return LoginsFail
}
