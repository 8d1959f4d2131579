package lab

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"slices"
)

const (
	clusterAuthority = "lab cluster CA"

	olderKey       = "sa-older.key"
	acceptOlderKey = "--service-account-key-file=" + olderKey

	clusterAuditLog = "kube-apiserver-audit.log"
	clusterPolicy   = "kube-apiserver-audit.yaml"
)

// auditServiceAccounts logs the completed requests of service accounts, and no others.
const auditServiceAccounts = `apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
  - level: Metadata
    userGroups: ["system:serviceaccounts"]
  - level: None
`

// A cluster is the running API server. Its client has the administrator's certificate.
type cluster struct {
	*client
	process *process
	address string
	ca      *authority
	signer  signer
	// olderSigner has the key that signed tokens before the last rotation. The API server still accepts those.
	olderSigner signer
	admin       []byte // certificate and key in one PEM

	anonymous *tls.Config // verifies the API server's certificate and has no client certificate
}

// startCluster returns when the API server is ready. On an error the cluster is nil unless there is a process to stop.
func startCluster(ctx context.Context, dir, binary string, flags []string) (c *cluster, err error) {
	c = &cluster{}
	if c.ca, err = newAuthority(clusterAuthority); err != nil {
		return nil, err
	}
	if c.signer, err = newSigner(); err != nil {
		return nil, err
	}
	if c.olderSigner, err = newSigner(); err != nil {
		return nil, err
	}
	if c.address, err = freeAddress(); err != nil {
		return nil, err
	}
	if err := c.prepare(dir); err != nil {
		return nil, err
	}
	if c.process, err = startProcess(dir, binary, "kube-apiserver", append(c.flags(dir), flags...)...); err != nil {
		return nil, err
	}
	if err := c.process.untilReady(ctx, c.ready); err != nil {
		return c, fmt.Errorf("waiting for the API server: %w", err)
	}
	return c, nil
}

// prepare writes the files that the server reads, and sets up the administrator's client.
func (c *cluster) prepare(dir string) error {
	server, err := c.ca.issue(serverCertificate("kube-apiserver"))
	if err != nil {
		return err
	}
	admin, err := c.ca.issue(adminCertificate())
	if err != nil {
		return err
	}
	c.admin = admin
	pair, err := tls.X509KeyPair(admin, admin)
	if err != nil {
		return fmt.Errorf("reading the administrator's certificate: %w", err)
	}
	c.anonymous = &tls.Config{RootCAs: c.ca.pool()}
	c.client = newClient("https://"+c.address, &tls.Config{RootCAs: c.ca.pool(), Certificates: []tls.Certificate{pair}})
	for name, data := range map[string][]byte{
		"kubernetes-ca.crt":  c.ca.PEM,
		"kube-apiserver.pem": server,
		"sa.key":             c.signer.PEM(),
		olderKey:             c.olderSigner.PEM(),
		adminConfig:          c.kubeconfig(),
		clusterPolicy:        []byte(auditServiceAccounts),
	} {
		if err := ReplaceFile(filepath.Join(dir, name), data); err != nil {
			return err
		}
	}
	return nil
}

func (c *cluster) flags(dir string) []string {
	host, port, _ := net.SplitHostPort(c.address)
	return []string{
		"--etcd-dir=" + dir,
		"--token-controller-kubeconfig=" + adminConfig,
		"--bind-address=" + host,
		"--secure-port=" + port,
		"--cert-dir=" + dir,
		"--tls-cert-file=kube-apiserver.pem",
		"--tls-private-key-file=kube-apiserver.pem",
		"--client-ca-file=kubernetes-ca.crt",
		"--service-account-issuer=" + issuer,
		"--service-account-key-file=sa.key",
		acceptOlderKey,
		"--service-account-signing-key-file=sa.key",
		"--service-cluster-ip-range=10.0.0.0/24",
		"--authorization-mode=RBAC",
		"--disable-admission-plugins=ServiceAccount", // it waits for a controller that the lab does not run
		"--endpoint-reconciler-type=none",
		"--audit-policy-file=" + clusterPolicy,
		"--audit-log-path=" + clusterAuditLog,
	}
}

func (c *cluster) stop() error {
	c.close()
	return c.process.stop()
}

// dropOlderKey restarts the API server without the older key, as the last step of a rotation does.
func (c *cluster) dropOlderKey(ctx context.Context) error {
	stopped := c.process.cmd
	if err := c.process.stop(); err != nil {
		return err
	}
	flags := slices.DeleteFunc(slices.Clone(stopped.Args[1:]), func(flag string) bool { return flag == acceptOlderKey })
	started, err := startProcess(stopped.Dir, stopped.Path, c.process.name, flags...)
	if err != nil {
		return err
	}
	c.process = started
	return c.process.untilReady(ctx, c.ready)
}

func (c *cluster) ready(ctx context.Context) error { return c.get(ctx, "/readyz", nil) }

// seed creates namespaces, accounts, roles and bindings.
func (c *cluster) seed(ctx context.Context) error {
	for _, namespace := range []string{reviewerAccount.namespace, canaryAccount.namespace} {
		if err := c.post(ctx, "/api/v1/namespaces", fields{"metadata": fields{"name": namespace}}, nil); err != nil {
			return err
		}
	}
	for _, a := range labAccounts {
		if err := c.create(ctx, a); err != nil {
			return err
		}
	}
	for role, rule := range map[string]fields{
		namespaceReaderRole: {"apiGroups": []string{""}, "resources": []string{"namespaces"}, "verbs": []string{"get"}},
		secretReaderRole:    {"apiGroups": []string{""}, "resources": []string{"secrets"}, "verbs": []string{"get", "list"}},
		minterRole:          {"apiGroups": []string{""}, "resources": []string{"serviceaccounts/token"}, "verbs": []string{"create"}},
	} {
		err := c.post(ctx, rbacPath+"clusterroles", fields{"metadata": fields{"name": role}, "rules": []fields{rule}}, nil)
		if err != nil {
			return err
		}
	}
	if err := c.bind(ctx, exporterBinding); err != nil {
		return err
	}
	return c.bind(ctx, reviewerBinding)
}

// reviewToken returns nil if the API server accepts the token for that audience, and errNotAuthenticated if it does
// not.
func (c *cluster) reviewToken(ctx context.Context, token, audience string) error {
	var answer struct {
		Status struct {
			Authenticated bool   `json:"authenticated"`
			Error         string `json:"error"`
		} `json:"status"`
	}
	review := fields{"spec": fields{"token": token, "audiences": []string{audience}}}
	if err := c.post(ctx, tokenReviewsPath, review, &answer); err != nil {
		return err
	}
	if !answer.Status.Authenticated {
		return fmt.Errorf("%w: %s", errNotAuthenticated, answer.Status.Error)
	}
	return nil
}

var errNotAuthenticated = errors.New("reviewing a token: not authenticated")

// untilTokenRejected waits until the API server rejects the token. Its cache holds an accepted token for 10 s.
func (c *cluster) untilTokenRejected(ctx context.Context, token, audience string) error {
	return poll(ctx, func(ctx context.Context) error {
		switch err := c.reviewToken(ctx, token, audience); {
		case errors.Is(err, errNotAuthenticated):
			return nil
		case err != nil:
			return err
		default:
			return errors.New("reviewing a token: still authenticated")
		}
	})
}
