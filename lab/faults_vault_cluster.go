package lab

import (
	"context"
	"errors"
)

// vaultClusterFaults start a cluster of Vault, connect the exporter to one of its standbys, and take the leader and the
// other standby away: the one that is left can neither elect a leader nor forward a login. With two nodes left there is a
// new leader within seconds.
func vaultClusterFaults() []Fault {
	fault := func(name, summary string, take func(context.Context, *vault) error) Fault {
		return Fault{
			Name: name, Summary: "two nodes of a Vault cluster of three, its leader among them, " + summary,
			Bare:   proven("vault_no_leader"),
			Inject: sequence(startRaft, loseQuorum(take)), Heal: stopRaft,
		}
	}
	return []Fault{
		fault("vault_no_leader_quorum_lost", "are killed",
			func(_ context.Context, v *vault) error { return v.process.kill() }),
		fault("vault_no_leader_leader_silent", "accept connections and never respond",
			func(_ context.Context, v *vault) error { return v.process.freeze() }),
		fault("vault_no_leader_leader_stopped", "have restarted and are sealed",
			func(ctx context.Context, v *vault) error { return v.restart(ctx) }),
	}
}

// loseQuorum takes two nodes of the cluster away. It returns when the standby reports that it has lost the leader; until
// then it redirects logins there as well, but reports a healthy connection.
func loseQuorum(take func(context.Context, *vault) error) change {
	return func(ctx context.Context, l *Lab) error {
		if err := errors.Join(take(ctx, l.raft.other), take(ctx, l.raft.leader)); err != nil {
			return err
		}
		return poll(ctx, func(ctx context.Context) error { return l.wantConnected(ctx, false) })
	}
}
