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

var (
	certificateFile = fileOf(shape{allowed: "the path of a PEM file with at least one certificate", content: holdsCertificate})
	privateKeyFile  = fileOf(shape{allowed: "the path of a PEM file with an unencrypted private key", content: holdsPrivateKey, credential: true})
)

// maxPEM limits a PEM file, in bytes. CA bundles of distributions are below 256 KiB.
const maxPEM = 4 << 20

// fileChecks caches the results of check by path and what the file should hold:
// thousands of targets may share one.
type fileChecks map[[2]string]error

// check checks the current content of a file. Every run reads it again.
func (f fileChecks) check(name string, s shape) error {
	key := [2]string{name, s.allowed}
	err, known := f[key]
	if !known {
		err = checkContent(name, s)
		f[key] = err
	}
	return err
}

func checkContent(name string, s shape) error {
	if _, err := parsePath(name); err != nil {
		return err
	}
	content, err := readRegular(name, maxPEM)
	if err != nil {
		return err
	}
	if err := s.content(content); err != nil {
		return malformed(shown(name) + " " + err.Error())
	}
	return nil
}

// The errors repeat nothing of the content.
var (
	errNoCertificate = errors.New("holds no PEM certificate")
	errNoPrivateKey  = errors.New("holds no PEM private key")
)

func holdsCertificate(content []byte) error {
	if !x509.NewCertPool().AppendCertsFromPEM(content) {
		return errNoCertificate
	}
	return nil
}

func holdsPrivateKey(content []byte) error {
	if !bytes.Contains(content, []byte("PRIVATE KEY-----")) {
		return errNoPrivateKey
	}
	return nil
}

// checkPair refuses a key that is not the certificate's. It drops the library's error,
// which is about the content of a key.
func checkPair(certificate, key string) error {
	certificatePEM, err := readRegular(certificate, maxPEM)
	if err != nil {
		return err
	}
	keyPEM, err := readRegular(key, maxPEM)
	if err != nil {
		return err
	}
	if _, err := tls.X509KeyPair(certificatePEM, keyPEM); err != nil {
		return inconsistent(fmt.Sprintf("%s does not hold the key of the first certificate in %s", shown(key), shown(certificate)), privateKeyFile.allowed)
	}
	return nil
}

// readRegular reads a regular file of at most limit bytes. Its errors do not say what is
// allowed.
func readRegular(name string, limit int64) ([]byte, error) {
	content, err := localfile.Read(name, limit)
	if err != nil {
		return nil, unreadable(name, err)
	}
	return content, nil
}

// unreadable is the system's error without the path, which shown may withhold.
func unreadable(name string, err error) error {
	if refusal, ok := errors.AsType[localfile.Refusal](err); ok {
		return malformed(shown(name) + " is " + refusal.Error())
	}
	if failed, ok := errors.AsType[*fs.PathError](err); ok {
		err = failed.Err
	}
	return malformed(fmt.Sprintf("reading %s: %v", shown(name), err))
}
