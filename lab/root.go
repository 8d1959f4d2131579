package lab

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
)

const moduleLine = "module github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter\n"

// Root returns the root of the checkout that contains the working directory. The lab builds the servers and the
// exporter from there.
func Root() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if text, err := os.ReadFile(filepath.Join(dir, "go.mod")); err == nil && bytes.HasPrefix(text, []byte(moduleLine)) {
			return dir, nil
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", errors.New("looking for the checkout: not inside the exporter's repository")
		}
		dir = parent
	}
}
