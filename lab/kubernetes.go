package lab

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"time"
)

const (
	vaultNamespace  = "vault"
	reviewerAccount = "vault-auth"
	reviewerBinding = "vault-auth-delegator"

	canaryNamespace = "monitoring"
	canaryAccount   = "canary"
	canaryAudience  = "vault"

	bindings = "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings"
	reviews  = "/apis/authentication.k8s.io/v1/tokenreviews"
)

// A cluster is the running API server, asked by its administrator.
type cluster struct {
	*client
	process *process
	address string
	ca      *authority
	signer  signer
}

// startCluster returns when the API server is ready. The cluster is set as soon as it has something to stop.
func startCluster(ctx context.Context, dir, binary string) (c *cluster, err error) {
	c = &cluster{}
	if c.ca, err = newAuthority("lab cluster CA"); err != nil {
		return nil, err
	}
	if c.signer, err = newSigner(); err != nil {
		return nil, err
	}
	if c.address, err = freeAddress(); err != nil {
		return nil, err
	}
	if err := c.prepare(dir); err != nil {
		return nil, err
	}
	if c.process, err = startProcess(dir, binary, "kube-apiserver", c.flags(dir)...); err != nil {
		return nil, err
	}
	if err := c.process.until(ctx, c.ready); err != nil {
		return c, fmt.Errorf("waiting for the API server: %w", err)
	}
	return c, nil
}

// prepare writes what the server reads, and makes the administrator's client, whose key is in no file.
func (c *cluster) prepare(dir string) error {
	server, err := c.ca.issue(serving("kube-apiserver"))
	if err != nil {
		return err
	}
	admin, err := c.ca.issue(administrator())
	if err != nil {
		return err
	}
	pair, err := tls.X509KeyPair(admin, admin)
	if err != nil {
		return fmt.Errorf("reading the administrator's certificate: %w", err)
	}
	c.client = newClient("https://"+c.address, &tls.Config{RootCAs: c.ca.pool(), Certificates: []tls.Certificate{pair}})
	for name, data := range map[string][]byte{
		"kubernetes-ca.crt":  c.ca.PEM,
		"kube-apiserver.pem": server,
		"sa.key":             c.signer.PEM(),
	} {
		if err := replaceFile(filepath.Join(dir, name), data); err != nil {
			return err
		}
	}
	return nil
}

func (c *cluster) flags(dir string) []string {
	host, port, _ := net.SplitHostPort(c.address)
	return []string{
		"--etcd-dir=" + dir,
		"--bind-address=" + host,
		"--secure-port=" + port,
		"--cert-dir=" + dir,
		"--tls-cert-file=kube-apiserver.pem",
		"--tls-private-key-file=kube-apiserver.pem",
		"--client-ca-file=kubernetes-ca.crt",
		"--service-account-issuer=" + issuer,
		"--service-account-key-file=sa.key",
		"--service-account-signing-key-file=sa.key",
		"--service-cluster-ip-range=10.0.0.0/24",
		"--authorization-mode=RBAC",
		"--disable-admission-plugins=ServiceAccount", // it waits for a controller that is not there
		"--endpoint-reconciler-type=none",
	}
}

func (c *cluster) stop() error {
	c.close()
	return c.process.stop()
}

func (c *cluster) ready(ctx context.Context) error { return c.get(ctx, "/readyz", nil) }

// seed creates what the auth method needs on the side of Kubernetes.
func (c *cluster) seed(ctx context.Context) error {
	for namespace, account := range map[string]string{vaultNamespace: reviewerAccount, canaryNamespace: canaryAccount} {
		if err := c.post(ctx, "/api/v1/namespaces", fields{"metadata": fields{"name": namespace}}, nil); err != nil {
			return err
		}
		if err := c.post(ctx, accounts(namespace), fields{"metadata": fields{"name": account}}, nil); err != nil {
			return err
		}
	}
	return c.bindReviewer(ctx)
}

func accounts(namespace string) string { return "/api/v1/namespaces/" + namespace + "/serviceaccounts" }

// bindReviewer lets the reviewer create TokenReviews, and returns when it may.
func (c *cluster) bindReviewer(ctx context.Context) error {
	err := c.post(ctx, bindings, fields{
		"metadata": fields{"name": reviewerBinding},
		"roleRef":  fields{"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "system:auth-delegator"},
		"subjects": []fields{{"kind": "ServiceAccount", "namespace": vaultNamespace, "name": reviewerAccount}},
	}, nil)
	if err := unless(err, http.StatusConflict, "AlreadyExists"); err != nil {
		return err
	}
	return c.untilReviewer(ctx, true)
}

// unbindReviewer takes that away, and returns when it is gone.
func (c *cluster) unbindReviewer(ctx context.Context) error {
	err := c.delete(ctx, bindings+"/"+reviewerBinding)
	if err := unless(err, http.StatusNotFound, "NotFound"); err != nil {
		return err
	}
	return c.untilReviewer(ctx, false)
}

// untilReviewer waits until the API server, which learns of bindings from a watch, answers as expected.
func (c *cluster) untilReviewer(ctx context.Context, allowed bool) error {
	review := fields{"spec": fields{
		"user":   "system:serviceaccount:" + vaultNamespace + ":" + reviewerAccount,
		"groups": []string{"system:serviceaccounts", "system:serviceaccounts:" + vaultNamespace, "system:authenticated"},
		"resourceAttributes": fields{
			"group": "authentication.k8s.io", "resource": "tokenreviews", "verb": "create",
		},
	}}
	return poll(ctx, func(ctx context.Context) error {
		var answer struct {
			Status struct {
				Allowed bool `json:"allowed"`
			} `json:"status"`
		}
		if err := c.post(ctx, "/apis/authorization.k8s.io/v1/subjectaccessreviews", review, &answer); err != nil {
			return err
		}
		if answer.Status.Allowed != allowed {
			return fmt.Errorf("reviewing the reviewer's access: allowed is %t", answer.Status.Allowed)
		}
		return nil
	})
}

// object is what the lab reads of the metadata of anything in Kubernetes.
type object struct {
	Metadata struct {
		Namespace string    `json:"namespace"`
		Name      string    `json:"name"`
		UID       string    `json:"uid"`
		Created   time.Time `json:"creationTimestamp"`
	} `json:"metadata"`
}

// reviewerToken is a token of the reviewer that is good for the API server.
func (c *cluster) reviewerToken(ctx context.Context) (string, error) {
	return c.token(ctx, vaultNamespace, reviewerAccount, fields{})
}

// canaryToken is a token of the canary that is good for Vault and for nothing else.
func (c *cluster) canaryToken(ctx context.Context) (string, error) {
	return c.token(ctx, canaryNamespace, canaryAccount, fields{"audiences": []string{canaryAudience}})
}

func (c *cluster) token(ctx context.Context, namespace, name string, spec fields) (string, error) {
	var answer struct {
		Status struct {
			Token string `json:"token"`
		} `json:"status"`
	}
	spec = spec.with(fields{"expirationSeconds": int(tokenLife.Seconds())})
	err := c.post(ctx, accounts(namespace)+"/"+name+"/token", fields{"spec": spec}, &answer)
	return answer.Status.Token, err
}

// revokedReviewerToken is a reviewer token whose pod is gone. It was never used while the pod lived: the API server would go
// on taking it for ten seconds.
func (c *cluster) revokedReviewerToken(ctx context.Context) (string, error) {
	const pods = "/api/v1/namespaces/" + vaultNamespace + "/pods"
	var pod object
	err := c.post(ctx, pods, fields{
		"metadata": fields{"generateName": "vault-"},
		"spec": fields{
			"serviceAccountName": reviewerAccount,
			"containers":         []fields{{"name": "vault", "image": "vault"}},
		},
	}, &pod)
	if err != nil {
		return "", err
	}
	token, err := c.token(ctx, vaultNamespace, reviewerAccount, fields{"boundObjectRef": fields{
		"apiVersion": "v1", "kind": "Pod", "name": pod.Metadata.Name, "uid": pod.Metadata.UID,
	}})
	if err != nil {
		return "", err
	}
	if err := c.delete(ctx, pods+"/"+pod.Metadata.Name+"?gracePeriodSeconds=0"); err != nil {
		return "", err
	}
	return token, c.untilRefused(ctx, token)
}

// expiredReviewerToken is a reviewer token of the cluster's own key that expired yesterday.
func (c *cluster) expiredReviewerToken(ctx context.Context) (string, error) {
	var account object
	if err := c.get(ctx, accounts(vaultNamespace)+"/"+reviewerAccount, &account); err != nil {
		return "", err
	}
	yesterday := account.Metadata.Created.AddDate(0, 0, -1)
	return c.signer.sign(claimsOf(account, issuer).with(valid(yesterday.AddDate(0, 0, -1), yesterday)))
}

// untilRefused waits until the API server no longer takes token.
func (c *cluster) untilRefused(ctx context.Context, token string) error {
	return poll(ctx, func(ctx context.Context) error {
		var answer struct {
			Status struct {
				Authenticated bool `json:"authenticated"`
			} `json:"status"`
		}
		review := fields{"spec": fields{"token": token}}
		if err := c.post(ctx, reviews, review, &answer); err != nil {
			return err
		}
		if answer.Status.Authenticated {
			return errors.New("reviewing a token: it still authenticates")
		}
		return nil
	})
}
