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

	startTimeout = 90 * time.Second // the servers need three seconds, and more on a machine that compiles beside them
)

// Options of a lab. The zero value is a silent lab for a test.
type Options struct {
	// Log takes progress in words for people. Nil discards it.
	Log io.Writer
	// Control makes this the lab that `lab fault` and `lab heal` speak to.
	Control bool
}

// A Lab is a running API server and a running Vault, healthy until a fault is injected.
type Lab struct {
	log     io.Writer
	dir     *runDir
	control *control

	cluster       *cluster
	vault         *vault
	uninitialized *process // a second Vault, while a fault has it
	// The ways that the exporter takes, and Vault to Kubernetes; and a host that only Vault is sent to, by a fault.
	kubernetesProxy, vaultProxy, vaultOnlyProxy *proxy
	// The tokens of a healthy lab.
	reviewer, canary string

	changeMu sync.Mutex // held while a fault is injected or healed
	mu       sync.Mutex // guards injected
	injected []string
	closing  func() error
}

// Start returns a healthy lab, and takes a half-started one down. The context bounds the start alone: the lab lives until
// it is closed, or until the process that started it ends, however it ends.
func Start(ctx context.Context, o Options) (_ *Lab, err error) {
	l := &Lab{log: o.Log}
	if l.log == nil {
		l.log = io.Discard
	}
	l.closing = sync.OnceValue(l.close)
	binaries, err := Build(ctx, l.log)
	if err != nil {
		return nil, err
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
	if l.dir, err = newRunDir(); err != nil {
		return nil, err
	}
	if err := l.startServers(ctx, binaries); err != nil {
		return nil, err
	}
	if err := l.connectServers(ctx); err != nil {
		return nil, err
	}
	if err := l.installAdminTools(binaries); err != nil {
		return nil, err
	}
	if o.Control {
		if l.control, err = serveControl(l); err != nil {
			return nil, err
		}
	}
	fmt.Fprintf(l.log, "the lab is ready after %.1fs\n", time.Since(began).Seconds())
	return l, nil
}

// Close takes the lab down: processes, sockets and files. Calling it again does nothing.
func (l *Lab) Close() error { return l.closing() }

func (l *Lab) close() error {
	var errs []error
	if l.control != nil {
		errs = append(errs, l.control.close())
	}
	for _, p := range []*proxy{l.kubernetesProxy, l.vaultProxy, l.vaultOnlyProxy} {
		if p != nil {
			errs = append(errs, p.close())
		}
	}
	var stopping errgroup.Group
	if l.cluster != nil {
		stopping.Go(l.cluster.stop)
	}
	if l.uninitialized != nil {
		stopping.Go(l.uninitialized.stop)
	}
	if l.vault != nil {
		stopping.Go(l.vault.stop)
	}
	errs = append(errs, stopping.Wait())
	if l.dir != nil {
		errs = append(errs, l.dir.remove())
	}
	return errors.Join(errs...)
}

func (l *Lab) startServers(ctx context.Context, binaries Binaries) error {
	starting, ctx := errgroup.WithContext(ctx)
	starting.Go(func() (err error) {
		if l.cluster, err = startCluster(ctx, l.dir.path, binaries.KubeAPIServer); err != nil {
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
		if l.vault, err = startVault(ctx, l.dir.path, binaries.Vault); err != nil {
			return err
		}
		l.vaultProxy, err = newProxy(l.vault.address)
		return err
	})
	return starting.Wait()
}

// join makes the two sides know each other, and writes the files that the exporter reads.
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
	if err := l.setUpAuthMethod(ctx); err != nil {
		return err
	}
	reader, err := l.vault.readerToken(ctx)
	if err != nil {
		return err
	}
	return errors.Join(
		l.write(reviewerFile, l.reviewer), l.write(canaryFile, l.canary),
		l.write(exporterFile, exporter), l.write(nobodyFile, nobody), l.write(vaultFile, reader))
}

// useReviewer hands token to both who use it, the exporter and Vault.
func (l *Lab) useReviewer(ctx context.Context, token string) error {
	return errors.Join(
		l.write(reviewerFile, token),
		l.configure(ctx, fields{"token_reviewer_jwt": token}),
	)
}

// write replaces a token file of the exporter.
func (l *Lab) write(name, token string) error {
	return replaceFile(l.path(name), []byte(token+"\n"))
}

func (l *Lab) path(name string) string { return filepath.Join(l.dir.path, name) }

func (l *Lab) kubernetesHost() string { return "https://" + l.kubernetesProxy.address }

// Dir is where everything of this lab lies. It goes with the lab.
func (l *Lab) Dir() string { return l.dir.path }

// DebugLog is the path of Vault's debug log, AuditLog that of its audit log.
func (l *Lab) DebugLog() string { return l.path(debugLog) }

// AuditLog is the path of Vault's audit log.
func (l *Lab) AuditLog() string { return l.path(auditLog) }

// KubernetesAuditLog is the path of the API server's audit log, of what service accounts ask.
func (l *Lab) KubernetesAuditLog() string { return l.path(clusterAuditLog) }

// LoginErrors are the lines of Vault's debug log that say why logins were refused, oldest first.
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

// Accessors counts the tokens that live in Vault, the lab's own among them.
func (l *Lab) Accessors(ctx context.Context) (int, error) { return l.vault.accessors(ctx) }
