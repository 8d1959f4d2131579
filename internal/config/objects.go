package config

import (
	"path/filepath"
	"regexp"
	"strings"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
)

// parseObject takes namespace/name; noun says what another value does not name.
func parseObject(value, noun string) (namespace, name string, err error) {
	namespace, name, _ = strings.Cut(value, "/")
	if !dnsLabel.matches(namespace) || !dnsName.matches(name) {
		return "", "", malformed(quote(value) + " names no " + noun)
	}
	return namespace, name, nil
}

// formatObject is namespace/name, empty where there is neither.
func formatObject(namespace, name string) string {
	if name == "" {
		return ""
	}
	return namespace + "/" + name
}

var serviceAccount = kind[evidence.ServiceAccount]{
	shape: shape{allowed: "a service account as namespace/name", pattern: "^(" + dnsLabel.pattern + "/" + dnsName.pattern + ")?$"},
	parse: func(value string) (evidence.ServiceAccount, error) {
		namespace, name, err := parseObject(value, "service account")
		return evidence.ServiceAccount{Namespace: namespace, Name: name}, err
	},
	format: func(a evidence.ServiceAccount) string { return formatObject(a.Namespace, a.Name) },
}

var secretKey = kind[evidence.SecretKey]{
	shape: shape{
		allowed: "a Secret as namespace/name or namespace/name/key; the key is token by default",
		pattern: "^(" + dnsLabel.pattern + "/" + dnsName.pattern + "(/" + secretsKey.pattern + ")?)?$",
	},
	parse: func(value string) (evidence.SecretKey, error) {
		whole, key := value, "token"
		if parts := strings.SplitN(value, "/", 3); len(parts) == 3 {
			whole, key = parts[0]+"/"+parts[1], parts[2]
		}
		namespace, name, err := parseObject(whole, "Secret")
		if err == nil && !secretsKey.matches(key) {
			err = malformed(quote(value) + " names no key of a Secret")
		}
		return evidence.SecretKey{Namespace: namespace, Name: name, Key: key}, err
	},
	format: evidence.SecretKey.String,
}

var leaseName = kind[Lease]{
	shape: shape{allowed: "a Lease as namespace/name; the default is the pod's own namespace and " + defaultLease},
	parse: func(value string) (Lease, error) {
		namespace, name, err := parseObject(value, "Lease")
		return Lease{namespace, name}, err
	},
	format: func(l Lease) string { return formatObject(l.Namespace, l.Name) },
}

var namespaceList = listOf(textOf(dnsLabel, "namespace name", ""), "name", "names of namespaces separated by commas, such as shop,pay")

// objectKinds are the kinds that Events may be about, by their names in lower case.
var objectKinds = map[string]Object{
	"pod":         {APIVersion: "v1", Kind: "Pod"},
	"service":     {APIVersion: "v1", Kind: "Service"},
	"configmap":   {APIVersion: "v1", Kind: "ConfigMap"},
	"deployment":  {APIVersion: "apps/v1", Kind: "Deployment"},
	"statefulset": {APIVersion: "apps/v1", Kind: "StatefulSet"},
	"daemonset":   {APIVersion: "apps/v1", Kind: "DaemonSet"},
}

var namedObject = kind[Object]{
	shape: shape{allowed: "kind/namespace/name, where the kind is pod, service, configmap, deployment, statefulset or daemonset"},
	parse: func(value string) (Object, error) {
		name, rest, _ := strings.Cut(value, "/")
		object, known := objectKinds[name]
		if !known {
			return Object{}, malformed(quote(value) + " has a kind that is not supported")
		}
		var err error
		object.Namespace, object.Name, err = parseObject(rest, "object")
		return object, err
	},
	format: func(o Object) string {
		if o == (Object{}) {
			return ""
		}
		return strings.ToLower(o.Kind) + "/" + formatObject(o.Namespace, o.Name)
	},
}

// volumeList is a list of path=kind/name, of objects in the pod's namespace.
var volumeList = kind[[]evidence.Volume]{
	shape: shape{allowed: "path=secret/name or path=configmap/name, separated by commas"},
	parse: func(value string) ([]evidence.Volume, error) {
		var volumes []evidence.Volume
		for one := range strings.SplitSeq(value, ",") {
			match := volume.FindStringSubmatch(strings.TrimSpace(one))
			if match == nil || !dnsName.matches(match[3]) {
				return nil, malformed(quote(one) + " names no volume")
			}
			path, err := parsePath(filepath.Clean(match[1]))
			if err != nil {
				return nil, err
			}
			volumes = append(volumes, evidence.Volume{Path: path, Kind: match[2], Name: match[3]})
		}
		return volumes, nil
	},
	format: func(volumes []evidence.Volume) string {
		return strings.Join(collect(volumes, func(v evidence.Volume) string { return v.Path + "=" + v.Kind + "/" + v.Name }), ",")
	},
}

var volume = regexp.MustCompile("^(.+)=(" + evidence.KindSecret + "|" + evidence.KindConfigMap + ")/([^/]*)$")
