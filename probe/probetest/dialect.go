package probetest

import "strings"

// Dialect is whose server the fake Vault speaks as. The zero value is Vault's
// community edition.
type Dialect int

// The servers of Vault's API.
const (
	Community Dialect = iota
	// Enterprise has namespaces, and does not tell a missing one from a missing mount.
	Enterprise
	// OpenBao has namespaces, says which is missing, and has no annotations.
	OpenBao
)

func (d Dialect) version() string {
	return [...]string{Community: "1.21.4", Enterprise: "1.21.4+ent", OpenBao: "2.6.2"}[d]
}

// prefixes are those of service and batch tokens.
func (d Dialect) prefixes() (service, batch string) {
	if d == OpenBao {
		return "s.", "b."
	}
	return "hvs.", "hvb."
}

// plugin is a mount as the server's own Kubernetes plugin knows it.
func (d Dialect) plugin(m Mount) Mount {
	if d == OpenBao && m.Config != nil {
		m.Config.Annotations = false
	}
	return m
}

// refuseNamespace is the answer to a request that names, or omits, another namespace
// than the fake's, or nil. The community edition ignores the header.
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
		return denied // nothing is mounted in the root, or nothing is there at all
	case v.NamespaceRefusal != "":
		return refusal{503, v.NamespaceRefusal}
	}
	return nil
}
