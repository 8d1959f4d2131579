package probe

import (
	"time"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/diagnose"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/gather"
)

// Memory is what one target's next run may know of its last. The zero value is that
// of a target that was never probed.
type Memory struct {
	notes  gather.Notes
	reason diagnose.Reason
	since  time.Time
}
