package evidence

import (
	"fmt"
	"path"
	"slices"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/shell"
)

// Pod is the pod that the exporter runs in: nobody can run commands in it, because its image
// has no shell. It is zero outside a pod.
type Pod struct {
	// Namespace and Name are empty if they are not known.
	Namespace, Name string
	// Volumes are the volumes of which the object is known.
	Volumes []Volume
}

// Volume is a file of the pod, or a directory with files, that comes from an object of the
// cluster that the exporter runs in.
type Volume struct {
	Path string
	// Kind is secret or configmap. An empty Namespace means the pod's.
	Kind, Namespace, Name string
}

// The values of [Volume].Kind.
const (
	KindSecret    = "secret"
	KindConfigMap = "configmap"
)

// volumeOf returns the volume of a file, with its namespace. The file's name is the key in the
// object.
func (p Pod) volumeOf(file string) (Volume, bool) {
	i := slices.IndexFunc(p.Volumes, func(v Volume) bool { return v.Path == file || v.Path == path.Dir(file) })
	if i < 0 {
		return Volume{}, false
	}
	v := p.Volumes[i]
	if v.Namespace == "" {
		v.Namespace = p.Namespace
	}
	return v, v.Namespace != ""
}

// Inspect returns a read-only command that shows whether a file of the exporter exists: from
// the object behind it or, if that is not known, from the pod, whose description has its
// volumes. It also returns what the command shows if the file is missing. Both are empty for
// standard input.
func (p Pod) Inspect(file string) (command, shows string) {
	switch v, known := p.volumeOf(file); {
	case file == StandardInput:
		return "", ""
	case known:
		return describeObject(v.Namespace, v.Kind, v.Name, path.Base(file))
	case p.Namespace != "" && p.Name != "":
		return fmt.Sprintf("kubectl -n %s describe pod %s", shell.Quote(p.Namespace), shell.Quote(p.Name)),
			"no volume that has " + shell.Quote(file) + ", or one whose object is missing"
	}
	return "ls -lL " + shell.Quote(file), "no file, an empty one, or one that the exporter may not read"
}

// describeObject returns the command that shows the keys of a Secret or ConfigMap, and what it
// shows if a key is missing.
func describeObject(namespace, kind, name, key string) (command, shows string) {
	return fmt.Sprintf("kubectl -n %s describe %s %s", shell.Quote(namespace), kind, shell.Quote(name)),
		"NotFound, or no " + shell.Quote(key) + " with content"
}

// Describe names a file for people, with the object behind it if that is known.
func (p Pod) Describe(file string) string {
	v, known := p.volumeOf(file)
	switch {
	case file == "":
		return "not set"
	case !known:
		return file
	}
	return fmt.Sprintf("%s, from the %s %s/%s", file, kindNames[v.Kind], v.Namespace, v.Name)
}

var kindNames = map[string]string{KindSecret: "Secret", KindConfigMap: "ConfigMap"}

// Read returns a command that prints the content of a file; known is false if the object
// behind it is not known.
func (p Pod) Read(file string) (command string, known bool) {
	v, known := p.volumeOf(file)
	decode := ""
	if v.Kind == KindSecret {
		decode = " | base64decode"
	}
	return fmt.Sprintf(`kubectl -n %s get %s %s -o go-template='{{index .data "%s"%s}}'`,
		shell.Quote(v.Namespace), v.Kind, shell.Quote(v.Name), path.Base(file), decode), known
}
