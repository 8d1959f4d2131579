package config

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/internal/localfile"
)

const (
	allowedCertificates = "the path of a PEM file with at least one certificate"
	allowedKey          = "the path of a PEM file with an unencrypted private key"
)

// maxPEM bounds a file of certificates. The CA bundles of distributions are
// below 256 KiB.
const maxPEM = 4 << 20

// pems remembers what was found of files of certificates: thousands of targets may
// share one.
type pems map[string]error

func (p pems) certificates(value string) (string, error) {
	err, known := p[value]
	if !known {
		_, err = certificates(value)
		p[value] = err
	}
	if err != nil {
		return "", err
	}
	return value, nil
}

// certificates takes the path of a file that holds a certificate now. It is read
// again by every run.
func certificates(value string) (string, error) {
	content, err := readPEM(value, allowedCertificates)
	if err != nil {
		return "", err
	}
	if !x509.NewCertPool().AppendCertsFromPEM(content) {
		return "", wrong(shown(value)+" holds no PEM certificate", allowedCertificates)
	}
	return value, nil
}

func privateKey(value string) (string, error) {
	content, err := readPEM(value, allowedKey)
	if err != nil {
		return "", err
	}
	if !bytes.Contains(content, []byte("PRIVATE KEY-----")) {
		return "", wrong(shown(value)+" holds no PEM private key", allowedKey)
	}
	return value, nil
}

// belongTogether refuses a key that is not the certificate's. The library's error
// is not repeated: it is about the content of a key.
func belongTogether(certificate, key string) error {
	certificatePEM, err := readPEM(certificate, allowedCertificates)
	if err != nil {
		return err
	}
	keyPEM, err := readPEM(key, allowedKey)
	if err != nil {
		return err
	}
	if _, err := tls.X509KeyPair(certificatePEM, keyPEM); err != nil {
		return incomplete(fmt.Sprintf("%s does not hold the key of the first certificate in %s", shown(key), shown(certificate)), allowedKey)
	}
	return nil
}

func readPEM(value, allowed string) ([]byte, error) {
	if _, err := path(value); err != nil {
		return nil, err
	}
	content, err := localfile.Read(value, maxPEM)
	if err != nil {
		return nil, unreadable(value, err, allowed)
	}
	return content, nil
}

// unreadable says why a file cannot be read, in the system's words without the
// path, which shown may have to withhold.
func unreadable(value string, err error, allowed string) error {
	if refusal, ok := errors.AsType[localfile.Refusal](err); ok {
		return wrong(shown(value)+" is "+refusal.Error(), allowed)
	}
	if failed, ok := errors.AsType[*fs.PathError](err); ok {
		err = failed.Err
	}
	return wrong(fmt.Sprintf("reading %s: %v", shown(value), err), allowed)
}
