package diagnose

// Component is what has to be fixed, and thereby says who has to act.
type Component string

// The components. ComponentNone is that of a healthy verdict.
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

// Owner names what has to be fixed, in words that fit behind "owner".
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

// Reason is the one cause of a verdict, from a closed set. Each is declared beside its
// [Spec], in the file of its component.
type Reason string

// None is the reason of a healthy verdict.
const None Reason = "none"

// Certainty says how a verdict was reached.
type Certainty string

const (
	// Proven: an answer says so, and nothing else explains it.
	Proven Certainty = "proven"
	// ByElimination: every other cause that could be told apart was ruled out.
	ByElimination Certainty = "by_elimination"
)

// Component returns which component the reason is about.
func (r Reason) Component() Component { return specOf[r].Component }

// Title returns a short sentence that is the same for every target.
func (r Reason) Title() string { return specOf[r].Title }

// Backoff reports whether a server asks for fewer requests.
func (r Reason) Backoff() bool { return specOf[r].Backoff }

// Runbook returns the section of the documentation on the reason, empty for None.
func (r Reason) Runbook() string {
	if r == None {
		return ""
	}
	return "docs/reasons.md#" + string(r)
}

// LoginStatus is whether pods can log in, as far as one run can tell.
type LoginStatus string

// The zero LoginStatus is none of these, so that nothing is healthy by default.
const (
	LoginsWork LoginStatus = "work"
	LoginsFail LoginStatus = "fail"
	// LoginsUnknown: the exporter or its canary is at fault, which says nothing about
	// pods.
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
