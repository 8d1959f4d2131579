package lab

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"syscall"
	"time"
)

// ReleaseVariable names the binary of a release of Vault or OpenBao that runs in place of the lab's own Vault.
const ReleaseVariable = "LAB_VAULT_BINARY"

// A Release is a server as it is published. The zero value is the lab's own Vault.
type Release struct {
	// Product is Vault or OpenBao, Version such as 2.6.2 or 1.21.4+ent, Binary its path.
	Product, Version, Binary string
}

var releaseName = regexp.MustCompile(`^(Vault|OpenBao) v?((\d+\.\d+)\.\d+[^\s,]*)`)

// ReleaseNamed returns the installation with the binary that the environment names, or the lab's own.
func ReleaseNamed(ctx context.Context) (Installation, error) {
	binary := os.Getenv(ReleaseVariable)
	if binary == "" {
		return Installation{}, nil
	}
	binary, err := filepath.Abs(binary)
	if err != nil {
		return Installation{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	answer, err := exec.CommandContext(ctx, binary, "version").Output()
	if err != nil {
		return Installation{}, fmt.Errorf("%s=%s: running it with the argument version: %w", ReleaseVariable, binary, err)
	}
	i, err := InstallationOf(string(answer))
	i.Release.Binary = binary
	if err != nil {
		return Installation{}, fmt.Errorf("%s=%s: %w", ReleaseVariable, binary, err)
	}
	return i, nil
}

// InstallationOf returns the installation whose server has this name, such as "OpenBao 2.6.2", or the first line of vault
// version.
func InstallationOf(name string) (Installation, error) {
	found := releaseName.FindStringSubmatch(name)
	if found == nil {
		return Installation{}, fmt.Errorf("%.40q is the version of neither Vault nor OpenBao", name)
	}
	i := Installation{Release: Release{Product: found[1], Version: found[2]}}
	if i.IsOpenBao() {
		return i, nil
	}
	for _, plugin := range Plugins() {
		if compareVersions(plugin.Vault, found[3]) <= 0 {
			i.Plugin = plugin.Version
		}
	}
	return i, nil
}

func (r Release) String() string { return r.Product + " " + r.Version }

// IsOpenBao returns whether OpenBao runs in place of Vault.
func (i Installation) IsOpenBao() bool { return i.Release.Product == "OpenBao" }

// A vaultProcess is what the processes of Vault differ in.
type vaultProcess struct {
	name, listen, log string
	raft              bool   // storage in raft, in a directory with the server's name
	cluster           string // the address that the nodes of a raft cluster use among themselves
}

// startVaultServer starts the lab's own Vault, or the release in its place.
func startVaultServer(dir, binary string, i Installation, s vaultProcess, env ...string) (*process, error) {
	if i.Release == (Release{}) {
		flags := append(i.vaultFlags(), "-listen="+s.listen, "-tls="+vaultCertificateFile, "-log="+s.log)
		if s.raft {
			flags = append(flags, "-raft="+s.name, "-node="+s.name, "-cluster="+s.cluster)
		}
		return startProcessWith(env, dir, binary, s.name, flags...)
	}
	if i.HTTP1 {
		return nil, fmt.Errorf("%s cannot be kept from offering HTTP/2", i.Release)
	}
	config, err := json.MarshalIndent(i.releaseConfig(s), "", "  ")
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(filepath.Join(dir, s.name+".json"), config, 0o600); err != nil {
		return nil, err
	}
	const withLog = `exec >>"$1" 2>&1; shift; ` + endWithInput
	return startProcessWith(env, dir, "/bin/sh", s.name, "-c", withLog, "sh", s.log, binary, "server", "-config="+s.name+".json")
}

// releaseConfig is the configuration of a server that is like the lab's own. Vault and OpenBao ignore what only the other one knows.
func (i Installation) releaseConfig(s vaultProcess) map[string]any {
	listener := map[string]any{"address": s.listen, "tls_cert_file": vaultCertificateFile, "tls_key_file": vaultCertificateFile}
	if i.TLS12 {
		listener["tls_max_version"] = "tls12"
	}
	config := map[string]any{
		"storage":       map[string]any{"inmem": map[string]any{}},
		"disable_mlock": true,
		"log_level":     "debug",
		// OpenBao's. The lab adds and removes audit devices while the server runs.
		"unsafe_allow_api_audit_creation": true,
	}
	if s.raft {
		listener["cluster_address"] = s.cluster
		config["api_addr"], config["cluster_addr"] = "https://"+s.listen, "https://"+s.cluster
		// As the lab's own: with the defaults, elections take three times as long, and new nodes are made voters after 20 s.
		config["storage"] = map[string]any{"raft": map[string]any{
			"path": s.name, "node_id": s.name, "performance_multiplier": "1",
			"autopilot_reconcile_interval": "1s", "autopilot_update_interval": "1s",
		}}
	}
	config["listener"] = []any{map[string]any{"tcp": listener}}
	return config
}

// reloadCertificate makes a release serve this certificate, which is in its file. The lab's own Vault reads the file for
// every handshake.
func (v *vault) reloadCertificate(ctx context.Context, pair []byte) error {
	if v.installation.Release == (Release{}) {
		return nil
	}
	want, err := tls.X509KeyPair(pair, pair)
	if err != nil {
		return err
	}
	if err := v.process.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		return err
	}
	return poll(ctx, func(ctx context.Context) error {
		connection, err := (&tls.Dialer{Config: v.tls}).DialContext(ctx, "tcp", v.address)
		if err != nil {
			return err
		}
		defer connection.Close()
		if got := connection.(*tls.Conn).ConnectionState().PeerCertificates[0]; !bytes.Equal(got.Raw, want.Certificate[0]) {
			return errors.New("the old certificate is still served")
		}
		return nil
	})
}
