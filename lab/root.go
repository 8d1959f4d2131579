package lab

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
)

const moduleLine = "module github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter\n"

// Root is the checkout that the working directory is in, and thereby the module whose code is built.
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
			return "", errors.New("looking for the checkout: run this inside the exporter's repository")
		}
		dir = parent
	}
}
