package probetest

import "strings"

// Dialect is the server that the fake Vault imitates. The zero value is Vault's community
// edition.
type Dialect int

// The servers that implement Vault's API.
const (
	Community Dialect = iota
	// Enterprise has namespaces, and responds to a missing one as to a missing mount.
	Enterprise
	// OpenBao has namespaces, reports a missing one as such, and has no annotations.
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

// plugin returns the mount without the options that the server's plugin does not have.
func (d Dialect) plugin(m Mount) Mount {
	if d == OpenBao && m.Config != nil {
		m.Config.Annotations = false
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
