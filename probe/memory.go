package probe

import (
	"time"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/diagnose"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/gather"
)

// Memory is what is kept of one target's last run for its next run. The zero value is
// for a target that was never probed.
type Memory struct {
	gathered gather.Memory
	reason   diagnose.Reason
	since    time.Time // when the reason was first seen
	failures int       // see [Result.ConsecutiveFailures]
	expiries []diagnose.Expiry
}
