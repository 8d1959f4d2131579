package probetest

import (
	"strings"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/lab"
)

// Dialect is the server that the fake Vault imitates. The zero value is Vault's community
// edition.
type Dialect int

// The servers that implement Vault's API.
const (
	Community Dialect = iota
	// Enterprise has namespaces, and responds to a missing one as to a missing mount.
	Enterprise
	// OpenBao has namespaces, reports a missing one as such, and has no annotations. Its
	// standbys do not say whether they have lost the active node.
	OpenBao
)

func (d Dialect) version() string {
	return [...]string{Community: "1.21.4", Enterprise: "1.21.4+ent", OpenBao: "2.6.2"}[d]
}

// prefixes returns the prefixes of service and batch tokens.
func (d Dialect) prefixes() (service, batch string) {
	if d == OpenBao {
		return "s.", "b."
	}
	return "hvs.", "hvb."
}

// plugin returns the mount as the server's plugin has it, without the options that it does
// not know.
func (v *Vault) plugin(m Mount) Mount {
	m.plugin = lab.Installation{Plugin: v.Plugin}
	if m.Config != nil && (v.Dialect == OpenBao || !m.plugin.HasAnnotations()) {
		config := *m.Config
		config.Annotations = false
		m.Config = &config
	}
	return m
}

// refuseNamespace returns the error for a request whose namespace is not the fake's, or
// nil. The community edition ignores the header.
func (v *Vault) refuseNamespace(path, header string) error {
	header = strings.Trim(header, "/")
	switch {
	case v.Dialect == Community:
		return nil
	case path == "sys/health" && header == "":
		return nil
	case path == "sys/health" && v.Dialect == OpenBao:
		return refusal{400, "operation unavailable in namespaces"}
	case path == "sys/health":
		return refusal{404, "unsupported path"}
	case header != v.Namespace && header != "" && v.Dialect == OpenBao:
		return refusal{404, "namespace not found"}
	case header != v.Namespace:
		return denied // nothing is mounted in the root, and no other namespace exists
	case v.NamespaceRefusal != "":
		return refusal{503, v.NamespaceRefusal}
	}
	return nil
}
