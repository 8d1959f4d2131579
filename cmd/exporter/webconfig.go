package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"

	"github.com/prometheus/exporter-toolkit/web"
	"go.yaml.in/yaml/v4"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/internal/localfile"
)

// maxWebFile limits --web.config.file and each file that it names, in bytes.
const maxWebFile = 4 << 20

// webConfig is what the exporter itself needs of the exporter-toolkit's file.
type webConfig struct {
	Users map[string]string `yaml:"basic_auth_users"`
	TLS   struct {
		ClientAuth string `yaml:"client_auth_type"`
		Cert       string `yaml:"cert_file"`
		Key        string `yaml:"key_file"`
		ClientCAs  string `yaml:"client_ca_file"`
	} `yaml:"tls_server_config"`
}

// authenticates reports whether clients have to authenticate.
func (c webConfig) authenticates() bool {
	return len(c.Users) > 0 || c.TLS.ClientAuth == "RequireAndVerifyClientCert"
}

// validateWebConfig checks the files before the exporter-toolkit reads them, which would
// wait for a named pipe forever and read a device without end.
func validateWebConfig(path string) error {
	if err := readWebFiles(path); err != nil {
		return err
	}
	return web.Validate(path)
}

// guardWebConfig closes new connections while a file of the web configuration is one that
// must not be read: the exporter-toolkit reads all of them again for each handshake and
// request. It reports any other error itself.
func guardWebConfig(s *http.Server, path string, logger *slog.Logger) {
	accept := s.ConnContext
	s.ConnContext = func(ctx context.Context, conn net.Conn) context.Context {
		err := readWebFiles(path)
		if _, refused := errors.AsType[localfile.Refusal](err); refused {
			logger.Error("Connection closed, since the web configuration cannot be read", "err", err)
			_ = withoutTLS(conn).Close()
		}
		return accept(ctx, conn)
	}
}

// readWebFiles reads the exporter-toolkit's file and those that it names.
func readWebFiles(path string) error {
	c, err := readWebConfig(path)
	if err != nil {
		return err
	}
	for _, named := range []string{c.TLS.Cert, c.TLS.Key, c.TLS.ClientCAs} {
		if named == "" {
			continue
		}
		if !filepath.IsAbs(named) {
			named = filepath.Join(filepath.Dir(path), named)
		}
		if _, err := localfile.Read(named, maxWebFile); err != nil {
			return err
		}
	}
	return nil
}

// readWebConfig reads the exporter-toolkit's file. An empty path is that of none.
func readWebConfig(path string) (c webConfig, err error) {
	if path == "" {
		return webConfig{}, nil
	}
	text, err := localfile.Read(path, maxWebFile)
	if err != nil {
		return webConfig{}, fmt.Errorf("reading web configuration: %w", err)
	}
	if err := yaml.Unmarshal(text, &c); err != nil {
		return webConfig{}, fmt.Errorf("reading web configuration %q: it is not YAML", path) // the text may hold hashes
	}
	return c, nil
}
