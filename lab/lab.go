package lab

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
)

const (
	reviewerFile = "reviewer-token"
	canaryFile   = "canary-token"
	vaultFile    = "vault-token"
	exporterFile = "exporter-token"
	nobodyFile   = "nobody-token"

	startTimeout = 90 * time.Second // three seconds are usual; more on a machine that compiles at the same time
)

// Options configure a lab. The zero value logs nothing and cannot be controlled from another process.
type Options struct {
	// Log receives progress messages for people. Nil discards them.
	Log io.Writer
	// Control serves the socket through which other processes inject and heal faults; see [MakeCurrent].
	Control bool
	// Commands compiles the commands that AdminEnv needs.
	Commands bool
	// Installation says how the lab differs from others.
	Installation Installation
}

// A Lab is a running API server and a running Vault. It is healthy until a fault is injected.
type Lab struct {
	log          io.Writer
	installation Installation
	dir          *RunDir
	control      *Control

	cluster       *cluster
	users         *identityProvider // set only where the installation has one
	vault         *vault
	uninitialized *process     // a second Vault; set only while the fault vault_uninitialized is injected
	raft          *raftCluster // set only while a fault or variant that needs it is injected
	// The exporter connects through kubernetesProxy and vaultProxy, and Vault reaches the API server through
	// kubernetesProxy. Faults point Vault alone at vaultOnlyProxy, a second proxy to the API server, so that the
	// exporter's own connection keeps working.
	kubernetesProxy, vaultProxy, vaultOnlyProxy *proxy
	// vaultHTTPProxy is the HTTP proxy in Vault's environment, which refuses everything. Vault uses it only if a fault
	// changes the mount's host: Go connects to loopback addresses directly.
	vaultHTTPProxy *proxy
	// The tokens of the healthy lab.
	reviewer, canary, reader string

	changeMu sync.Mutex // held while a fault is injected or healed; guards bindings
	bindings []string   // of the lab's accounts, when no fault was injected; see forgetForeignBindings
	mu       sync.Mutex // guards injected
	injected []string
	closing  func() error
}

// Start returns a healthy lab. If it fails, it stops and removes whatever it had started. The context bounds only the
// start: the lab runs until Close, or until the process that started it exits, even by SIGKILL.
func Start(ctx context.Context, o Options) (_ *Lab, err error) {
	l := &Lab{log: o.Log, installation: o.Installation}
	if l.log == nil {
		l.log = io.Discard
	}
	l.closing = sync.OnceValue(l.close)
	binaries, err := BuildFor(ctx, o.Installation, l.log)
	if err != nil {
		return nil, err
	}
	var commands Commands
	if o.Commands {
		if commands, err = BuildCommands(ctx, o.Installation, l.log); err != nil {
			return nil, err
		}
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, l.Close())
		}
	}()
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	began := time.Now()
	fmt.Fprintln(l.log, "starting a Kubernetes API server and a Vault")
	if l.dir, err = NewRunDir(); err != nil {
		return nil, err
	}
	if err := l.startServers(ctx, binaries); err != nil {
		return nil, err
	}
	if err := l.connectServers(ctx); err != nil {
		return nil, err
	}
	if err := l.installCommands(commands); err != nil {
		return nil, err
	}
	if o.Control {
		if l.control, err = ServeControl(l.dir.path, l); err != nil {
			return nil, err
		}
	}
	fmt.Fprintf(l.log, "the lab is ready after %.1fs\n", time.Since(began).Seconds())
	return l, nil
}

// Close stops the lab's processes and removes its files. Further calls return the result of the first.
func (l *Lab) Close() error { return l.closing() }

func (l *Lab) close() error {
	var errs []error
	if l.control != nil {
		errs = append(errs, l.control.Close())
	}
	for _, p := range []*proxy{l.kubernetesProxy, l.vaultProxy, l.vaultOnlyProxy, l.vaultHTTPProxy} {
		if p != nil {
			errs = append(errs, p.close())
		}
	}
	if l.users != nil {
		errs = append(errs, l.users.close())
	}
	var stopping errgroup.Group
	if l.cluster != nil {
		stopping.Go(l.cluster.stop)
	}
	if l.uninitialized != nil {
		stopping.Go(l.uninitialized.stop)
	}
	if l.raft != nil {
		stopping.Go(l.raft.stop)
	}
	if l.vault != nil {
		stopping.Go(l.vault.stop)
	}
	errs = append(errs, stopping.Wait())
	if l.dir != nil {
		errs = append(errs, l.dir.Remove())
	}
	return errors.Join(errs...)
}

func (l *Lab) startServers(ctx context.Context, binaries Binaries) error {
	starting, ctx := errgroup.WithContext(ctx)
	starting.Go(func() (err error) {
		flags := l.installation.apiServerFlags()
		if l.installation.IdentityProvider {
			if l.users, err = startIdentityProvider(l.dir.path); err != nil {
				return err
			}
			flags = append(flags, l.users.apiServerFlags()...)
		}
		if l.cluster, err = startCluster(ctx, l.dir.path, binaries.KubeAPIServer, flags); err != nil {
			return err
		}
		if err := l.cluster.seed(ctx); err != nil {
			return fmt.Errorf("seeding the cluster: %w", err)
		}
		if l.kubernetesProxy, err = newProxy(l.cluster.address); err != nil {
			return err
		}
		l.vaultOnlyProxy, err = newProxy(l.cluster.address)
		return err
	})
	starting.Go(func() (err error) {
		if l.vaultHTTPProxy, err = newProxy(""); err != nil {
			return err
		}
		if err = serveFake(refusingProxy, noCertificate)(l, l.vaultHTTPProxy); err != nil {
			return err
		}
		if l.vault, err = startVault(ctx, l.dir.path, binaries.Vault, l.vaultHTTPProxy, l.installation); err != nil {
			return err
		}
		l.vaultProxy, err = newProxy(l.vault.address)
		return err
	})
	return starting.Wait()
}

// connectServers configures Vault's auth method for this cluster, and writes the token files that the exporter reads.
func (l *Lab) connectServers(ctx context.Context) (err error) {
	if l.reviewer, err = healthyToken(ctx, l.cluster, reviewerAccount); err != nil {
		return err
	}
	if l.canary, err = healthyToken(ctx, l.cluster, canaryAccount); err != nil {
		return err
	}
	exporter, err := healthyToken(ctx, l.cluster, exporterAccount)
	if err != nil {
		return err
	}
	nobody, err := healthyToken(ctx, l.cluster, nobodyAccount)
	if err != nil {
		return err
	}
	if err := l.setUpAuthMethod(ctx, l.vault); err != nil {
		return err
	}
	if l.reader, err = l.vault.readerToken(ctx); err != nil {
		return err
	}
	return errors.Join(
		l.write(reviewerFile, l.reviewer), l.write(canaryFile, l.canary),
		l.write(exporterFile, exporter), l.write(nobodyFile, nobody), l.write(vaultFile, l.reader))
}

// UseReviewer gives the token to both that use it: the exporter, in a file, and Vault, in the mount's config.
func (l *Lab) UseReviewer(ctx context.Context, token string) error {
	return errors.Join(
		l.write(reviewerFile, token),
		l.configure(ctx, fields{"token_reviewer_jwt": token}),
	)
}

// write replaces one of the exporter's token files.
func (l *Lab) write(name, token string) error {
	return ReplaceFile(l.path(name), []byte(token+"\n"))
}

func (l *Lab) path(name string) string { return filepath.Join(l.dir.path, name) }

func (l *Lab) kubernetesHost() string { return "https://" + l.kubernetesProxy.address }

// Dir is the lab's directory. Close removes it.
func (l *Lab) Dir() string { return l.dir.path }

// DebugLog is the path of Vault's debug log.
func (l *Lab) DebugLog() string { return l.path(debugLog) }

// AuditLog is the path of Vault's audit log.
func (l *Lab) AuditLog() string { return l.path(auditLog) }

// KubernetesAuditLog is the path of the API server's audit log. It has the requests of service accounts only.
func (l *Lab) KubernetesAuditLog() string { return l.path(clusterAuditLog) }

// LoginErrors returns the lines of Vault's debug log that say why logins were rejected, oldest first.
func (l *Lab) LoginErrors() ([]string, error) {
	file, err := os.Open(l.DebugLog())
	if err != nil {
		return nil, err
	}
	defer file.Close()
	var lines []string
	scanner := bufio.NewScanner(file)
	scanner.Buffer(nil, 1<<20)
	for scanner.Scan() {
		if strings.Contains(scanner.Text(), "login unauthorized: err=") {
			lines = append(lines, scanner.Text())
		}
	}
	return lines, scanner.Err()
}

// Accessors counts the tokens in Vault, including the lab's own.
func (l *Lab) Accessors(ctx context.Context) (int, error) { return l.vault.accessors(ctx) }
