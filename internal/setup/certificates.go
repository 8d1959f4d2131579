package setup

import (
	"crypto/x509"
	"encoding/pem"
	"strings"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/internal/localfile"
)

// maxCA limits the file of a CA bundle, in bytes. A ConfigMap takes no more.
const maxCA = 1 << 20

// readCertificates returns the certificates of a file, none for no file.
func readCertificates(file string) (string, error) {
	if file == "" {
		return "", nil
	}
	content, err := localfile.Read(file, maxCA)
	return onlyCertificates(string(content)), err
}

// onlyCertificates drops all else in a PEM text, such as a private key.
func onlyCertificates(text string) string {
	var kept strings.Builder
	for rest := []byte(text); ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			return kept.String()
		}
		if _, err := x509.ParseCertificate(block.Bytes); err == nil && block.Type == "CERTIFICATE" {
			_ = pem.Encode(&kept, &pem.Block{Type: block.Type, Bytes: block.Bytes}) // a Builder returns no error
		}
	}
}
