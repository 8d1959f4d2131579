package lab

import (
	"context"
	"errors"
	"fmt"
	"os"

	"golang.org/x/sync/errgroup"
)

// raftNodes are the names of the nodes of a raftCluster, as the pods of Vault's chart are called.
var raftNodes = []string{"vault-0", "vault-1", "vault-2"}

// anyHealth responds with 200 on a standby too, also if it has lost the leader.
const anyHealth = "sys/health?standbyok=true&haunhealthycode=200"

// A raftCluster is a Vault of three nodes that store in raft. Only the faults and variants that need it start it, in
// place of the lab's own Vault: the exporter connects to one of the standbys. It has the CA and the certificate of the
// lab's own Vault, and the same auth method.
type raftCluster struct {
	nodes                  []*vault // those that were started
	leader, standby, other *vault   // at first in this order; on a busy machine the leader may change while the cluster forms
}

// startRaft starts the cluster and points Vault's proxy at a standby. It returns when the standby forwards logins to the
// leader.
func startRaft(ctx context.Context, l *Lab) error {
	if err := stopRaft(ctx, l); err != nil {
		return err
	}
	l.raft = new(raftCluster)
	for _, name := range raftNodes {
		node, err := l.newNode(name)
		if err != nil {
			return err
		}
		l.raft.nodes = append(l.raft.nodes, node)
	}
	if err := l.raft.form(ctx); err != nil {
		return fmt.Errorf("forming a cluster of Vault: %w", err)
	}
	if err := l.setUpAuthMethod(ctx, l.raft.leader); err != nil {
		return err
	}
	reader, err := l.raft.leader.readerToken(ctx)
	if err != nil {
		return err
	}
	err = poll(ctx, func(ctx context.Context) error {
		if err := l.raft.findLeader(ctx); err != nil {
			return err
		}
		return l.wantConnected(ctx, true)
	})
	if err != nil {
		return fmt.Errorf("waiting for a standby of Vault to forward logins: %w", err)
	}
	return errors.Join(l.write(vaultFile, reader), l.vaultProxy.forwardTo(l.raft.standby.address))
}

// stopRaft points Vault's proxy at the lab's own Vault again and removes what the cluster has left.
func stopRaft(_ context.Context, l *Lab) error {
	if l.raft == nil {
		return nil
	}
	errs := []error{l.vaultProxy.forward(), l.write(vaultFile, l.reader), l.raft.stop()}
	for _, name := range raftNodes {
		errs = append(errs, os.RemoveAll(l.path(name)))
	}
	l.raft = nil
	return errors.Join(errs...)
}

// newNode starts a node of a cluster, sealed and without storage.
func (l *Lab) newNode(name string) (*vault, error) {
	v := &vault{binary: l.vault.binary, ca: l.vault.ca, tls: l.vault.tls, installation: l.installation}
	if err := os.Mkdir(l.path(name), 0o700); err != nil {
		return nil, err
	}
	peers, err := freeAddress()
	if err != nil {
		return nil, err
	}
	if v.address, err = freeAddress(); err != nil {
		return nil, err
	}
	v.client = newClient("https://"+v.address+"/v1/", v.tls)
	v.process, err = startVaultServer(l.dir.path, v.binary, v.installation,
		vaultProcess{name: name, listen: v.address, log: name + ".log", raft: true, cluster: peers})
	return v, err
}

// restart kills the node and starts it again. It is then sealed, and not initialised if its storage is in memory.
func (v *vault) restart(ctx context.Context) error {
	started, err := v.process.restart()
	if err != nil {
		return err
	}
	v.process = started
	return v.process.untilReady(ctx, v.listening)
}

// form makes the first node the leader, and the others join it.
func (c *raftCluster) form(ctx context.Context) error {
	c.leader, c.standby, c.other = c.nodes[0], c.nodes[1], c.nodes[2]
	if err := c.leader.process.untilReady(ctx, c.leader.listening); err != nil {
		return err
	}
	if err := c.leader.initialize(ctx); err != nil {
		return err
	}
	if err := c.leader.unseal(ctx); err != nil {
		return err
	}
	if err := c.leader.post(ctx, "sys/storage/raft/autopilot/configuration", fields{"server_stabilization_time": "1s"}, nil); err != nil {
		return err
	}
	joining, joinCtx := errgroup.WithContext(ctx)
	for _, node := range []*vault{c.standby, c.other} {
		joining.Go(func() error { return node.join(joinCtx, c.leader) })
	}
	if err := joining.Wait(); err != nil {
		return err
	}
	return poll(ctx, c.wantVoters)
}

// wantVoters returns an error unless every node votes. A node that has just joined does not yet count for the quorum.
func (c *raftCluster) wantVoters(ctx context.Context) error {
	var answer struct {
		Data struct {
			Config struct {
				Servers []struct {
					Voter bool `json:"voter"`
				} `json:"servers"`
			} `json:"config"`
		} `json:"data"`
	}
	if err := c.leader.get(ctx, "sys/storage/raft/configuration", &answer); err != nil {
		return err
	}
	voters := 0
	for _, server := range answer.Data.Config.Servers {
		if server.Voter {
			voters++
		}
	}
	if voters != len(raftNodes) {
		return fmt.Errorf("%d nodes of Vault are voters", voters)
	}
	return nil
}

// findLeader sets the roles of the nodes.
func (c *raftCluster) findLeader(ctx context.Context) error {
	var errs []error
	for i, node := range c.nodes {
		err := node.get(ctx, "sys/health", nil) // a standby responds with 429
		if err == nil {
			c.leader, c.standby, c.other = node, c.nodes[(i+1)%len(c.nodes)], c.nodes[(i+2)%len(c.nodes)]
			return nil
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// join returns when the node has joined the cluster of leader, and is unsealed.
func (v *vault) join(ctx context.Context, leader *vault) error {
	if err := v.process.untilReady(ctx, v.listening); err != nil {
		return err
	}
	v.unsealKey, v.header = leader.unsealKey, leader.header.Clone()
	request := fields{"leader_api_addr": "https://" + leader.address, "leader_ca_cert": string(leader.ca.PEM)}
	if err := v.post(ctx, "sys/storage/raft/join", request, nil); err != nil {
		return err
	}
	return v.unsealUntil(ctx, anyHealth)
}

// wantConnected returns an error unless the standby reports its connection to the leader to be in that state. OpenBao
// reports none: there, logins at the standby must succeed or fail.
func (l *Lab) wantConnected(ctx context.Context, connected bool) error {
	var health struct {
		Standby   bool  `json:"standby"`
		Connected *bool `json:"ha_connection_healthy"`
	}
	if err := l.raft.standby.get(ctx, anyHealth, &health); err != nil {
		return err
	}
	if !health.Standby || health.Connected != nil && *health.Connected != connected {
		return fmt.Errorf("sys/health of the standby says standby: %t, and not that it is connected: %t", health.Standby, connected)
	}
	if health.Connected != nil && !connected {
		return nil
	}
	err := l.raft.standby.logIn(ctx, l.canary)
	if connected {
		return err
	}
	if err == nil {
		return errors.New("a login at the standby succeeds")
	}
	return nil
}

// stop kills the nodes, also those that are frozen: their storage is of no further use.
func (c *raftCluster) stop() error {
	var errs []error
	for _, node := range c.nodes {
		node.close()
		errs = append(errs, node.process.kill())
	}
	return errors.Join(errs...)
}
